// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/singleinstance.h"

#include <QCryptographicHash>
#include <QDir>
#include <QLocalSocket>
#include <QStandardPaths>

namespace tidegate {

namespace {

constexpr int kWaitMs = 2'000;
constexpr char kRaise[] = "raise\n";
constexpr char kDone[] = "done\n";

/// In the runtime directory, which is private and short; socket paths end at about 100 bytes.
QString socketPathFor(const QString &dataDir)
{
    const QDir dir(dataDir);
    const QString canonical =
        dir.exists() ? dir.canonicalPath() : QDir::cleanPath(dir.absolutePath());
    const QByteArray hash =
        QCryptographicHash::hash(canonical.toUtf8(), QCryptographicHash::Sha256).toHex().left(16);
    QString folder = QStandardPaths::writableLocation(QStandardPaths::RuntimeLocation);
    if (folder.isEmpty()) {
        folder = QDir::tempPath();
    }
    return folder + QStringLiteral("/tidegate-") + QString::fromLatin1(hash);
}

} // namespace

SingleInstance::SingleInstance(const QString &dataDir, QObject *parent)
    : QObject(parent)
    , m_path(socketPathFor(dataDir))
{
    m_server.setSocketOptions(QLocalServer::UserAccessOption);
    connect(&m_server, &QLocalServer::newConnection, this, &SingleInstance::answer);
}

Result<SingleInstance::Role> SingleInstance::claim()
{
    QLocalSocket socket;
    socket.connectToServer(m_path);
    if (socket.waitForConnected(kWaitMs)) {
        socket.write(kRaise);
        QByteArray answer;
        while (!answer.endsWith('\n') && socket.waitForReadyRead(kWaitMs)) {
            answer += socket.readAll();
        }
        if (answer == kDone) {
            return Role::Second;
        }
        return Error{tr("Tidegate is running already, but does not answer. End it, then start it "
                        "again.")};
    }
    // Nobody listens: the socket of a process that is gone is only in the way.
    QLocalServer::removeServer(m_path);
    if (!m_server.listen(m_path)) {
        return Error{tr("Cannot listen on %1: %2.").arg(m_path, m_server.errorString())};
    }
    return Role::First;
}

void SingleInstance::answer()
{
    while (QLocalSocket *socket = m_server.nextPendingConnection()) {
        connect(socket, &QLocalSocket::disconnected, socket, &QObject::deleteLater);
        const auto read = [this, socket] {
            if (socket->canReadLine() && socket->readLine() == kRaise) {
                socket->write(kDone);
                socket->disconnectFromServer();
                Q_EMIT raiseRequested();
            }
        };
        connect(socket, &QLocalSocket::readyRead, this, read);
        read();
    }
}

} // namespace tidegate
