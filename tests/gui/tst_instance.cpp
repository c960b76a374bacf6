// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/enginelink.h"
#include "app/desktop/singleinstance.h"
#include "app/viewmodels/appcontroller.h"

#include <QDir>
#include <QLocalSocket>
#include <QProcess>
#include <QSignalSpy>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTemporaryDir>
#include <QtTest>

#include <memory>

using namespace tidegate;

/// Starting, starting again and ending the real program, with a gateway in it.
class TestInstance : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void firstAndSecond();
    void aStaleSocketIsReplaced();
    void otherDirectoriesAreOtherInstances();
    void theSecondProgramEndsWithZero();
    void aKilledProgramLeavesNothingInTheWay();
    void tidegatedOnTheSameDirectoryIsSaidInThePanel();
    void tidegatedOnTheSameDirectoryIsNotDisturbed();

private:
    static quint16 freePort()
    {
        QTcpServer server;
        return server.listen(QHostAddress::LocalHost) ? server.serverPort() : 0;
    }
    /// The status line of GET /health, empty while nobody answers.
    static QByteArray health(quint16 port)
    {
        QTcpSocket socket;
        socket.connectToHost(QHostAddress(QHostAddress::LocalHost), port);
        if (!socket.waitForConnected(1'000)) {
            return {};
        }
        socket.write("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        while (!socket.canReadLine() && socket.waitForReadyRead(2'000)) {
        }
        return socket.readLine();
    }
    void start(QProcess &process, quint16 port,
               const QString &program = QStringLiteral(TIDEGATE_PROGRAM)) const
    {
        process.setProcessChannelMode(QProcess::MergedChannels);
        process.start(program, {QStringLiteral("--data-dir"), dataDir(), QStringLiteral("--host"),
                                QStringLiteral("127.0.0.1"), QStringLiteral("--port"),
                                QString::number(port)});
    }
    [[nodiscard]] QString dataDir() const { return m_dir->filePath(QStringLiteral("data")); }

    std::unique_ptr<QTemporaryDir> m_dir;
};

void TestInstance::init()
{
    m_dir = std::make_unique<QTemporaryDir>();
    const QString runtime = m_dir->filePath(QStringLiteral("run"));
    QVERIFY(QDir().mkpath(runtime));
    QFile::setPermissions(runtime, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
    qputenv("XDG_RUNTIME_DIR", runtime.toUtf8());
    qputenv("XDG_CONFIG_HOME", m_dir->filePath(QStringLiteral("config")).toUtf8());
    // No keychain in this test, whatever the machine has.
    qputenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
}

void TestInstance::firstAndSecond()
{
    SingleInstance first(m_dir->path());
    const auto role = first.claim();
    QVERIFY(role && *role == SingleInstance::Role::First);
    QSignalSpy raised(&first, &SingleInstance::raiseRequested);
    QLocalSocket second;
    second.connectToServer(first.socketPath());
    QVERIFY(second.waitForConnected(1'000));
    second.write("raise\n");
    QTRY_COMPARE(raised.count(), 1);
    QTRY_VERIFY(second.canReadLine());
    QCOMPARE(second.readAll(), QByteArray("done\n"));
    // Nonsense is not an order.
    QLocalSocket stranger;
    stranger.connectToServer(first.socketPath());
    QVERIFY(stranger.waitForConnected(1'000));
    stranger.write("format c:\n");
    QVERIFY(!raised.wait(200));
}

void TestInstance::aStaleSocketIsReplaced()
{
    QString path;
    {
        SingleInstance gone(m_dir->path());
        path = gone.socketPath();
    }
    QFile stale(path);
    QVERIFY(stale.open(QIODevice::WriteOnly));
    stale.close();
    SingleInstance next(m_dir->path());
    const auto role = next.claim();
    QVERIFY2(role && *role == SingleInstance::Role::First, role ? "" : qPrintable(role.error()));
}

void TestInstance::otherDirectoriesAreOtherInstances()
{
    const QTemporaryDir other;
    QVERIFY(SingleInstance(m_dir->path()).socketPath() !=
            SingleInstance(other.path()).socketPath());
    QCOMPARE(SingleInstance(m_dir->path() + QStringLiteral("/.")).socketPath(),
             SingleInstance(m_dir->path()).socketPath());
}

void TestInstance::theSecondProgramEndsWithZero()
{
    const quint16 port = freePort();
    QProcess first;
    start(first, port);
    QTRY_COMPARE_WITH_TIMEOUT(health(port).left(12), QByteArray("HTTP/1.1 200"), 30'000);
    QProcess second;
    start(second, port);
    QVERIFY(second.waitForFinished(20'000));
    QCOMPARE(second.exitStatus(), QProcess::NormalExit);
    QVERIFY2(second.exitCode() == 0, second.readAll().constData());
    QCOMPARE(first.state(), QProcess::Running);
    QCOMPARE(health(port).left(12), QByteArray("HTTP/1.1 200"));

    first.terminate();
    QVERIFY(first.waitForFinished(20'000));
    QCOMPARE(first.exitStatus(), QProcess::NormalExit);
    const QByteArray said = first.readAll();
    QVERIFY2(first.exitCode() == 0, said.constData());
    QVERIFY2(!said.contains(".qml"), said.constData());
}

void TestInstance::aKilledProgramLeavesNothingInTheWay()
{
    const quint16 port = freePort();
    QProcess first;
    start(first, port);
    QTRY_COMPARE_WITH_TIMEOUT(health(port).left(12), QByteArray("HTTP/1.1 200"), 30'000);
    first.kill();
    QVERIFY(first.waitForFinished(10'000));
    QProcess again;
    start(again, port);
    QTRY_COMPARE_WITH_TIMEOUT(health(port).left(12), QByteArray("HTTP/1.1 200"), 30'000);
    again.terminate();
    QVERIFY(again.waitForFinished(20'000));
    QCOMPARE(again.exitCode(), 0);
}

void TestInstance::tidegatedOnTheSameDirectoryIsSaidInThePanel()
{
    const quint16 port = freePort();
    QProcess daemon;
    start(daemon, port, QStringLiteral(TIDEGATED_PROGRAM));
    QTRY_COMPARE_WITH_TIMEOUT(health(port).left(12), QByteArray("HTTP/1.1 200"), 30'000);

    GatewayOptions options;
    options.dataDir = dataDir();
    options.port = 0;
    Gateway gateway(options, nullptr);
    EngineLink link(gateway);
    SessionSecrets secrets(nullptr);
    AppSettings settings(link, m_dir->filePath(QStringLiteral("panel.ini")),
                         Autostart(m_dir->path(), QStringLiteral(TIDEGATE_PROGRAM)));
    AppController app(link, secrets, settings, {});
    // Another port would not help, also when somebody has the one of the settings.
    QTcpServer taken;
    taken.listen(QHostAddress::LocalHost, quint16(settings.port()));
    link.start();
    QTRY_COMPARE(app.gateway()->state(), GatewayStatus::State::Failed);
    const BannerModel &banners = *app.banners();
    QCOMPARE(banners.count(), 1);
    const QModelIndex first = banners.index(0);
    QCOMPARE(first.data(BannerModel::SeverityRole).toInt(), int(BannerModel::Severity::Error));
    const QString text = first.data(BannerModel::TextRole).toString();
    QVERIFY2(text.contains(dataDir()) && text.contains(QStringLiteral("tidegated")) &&
                 text.contains(QString::number(daemon.processId())),
             qPrintable(text));
    QCOMPARE(first.data(BannerModel::ActionTextRole).toString(), QStringLiteral("Try again"));
    QVERIFY(!first.data(BannerModel::DismissibleRole).toBool());

    daemon.terminate();
    QVERIFY(daemon.waitForFinished(20'000));
    app.banners()->trigger(first.data(BannerModel::BannerIdRole).toString());
    QTRY_COMPARE(app.gateway()->state(), GatewayStatus::State::Running);
    QCOMPARE(banners.count(), 0);
}

void TestInstance::tidegatedOnTheSameDirectoryIsNotDisturbed()
{
    const quint16 port = freePort();
    QProcess daemon;
    start(daemon, port, QStringLiteral(TIDEGATED_PROGRAM));
    QTRY_COMPARE_WITH_TIMEOUT(health(port).left(12), QByteArray("HTTP/1.1 200"), 30'000);
    QProcess panel;
    start(panel, freePort());
    // It opened its window, says why it does not serve, and ends when it is told to.
    SingleInstance probe(dataDir());
    QTRY_VERIFY_WITH_TIMEOUT(QFile::exists(probe.socketPath()), 30'000);
    QVERIFY(!panel.waitForFinished(1'000));
    QCOMPARE(health(port).left(12), QByteArray("HTTP/1.1 200"));
    panel.terminate();
    QVERIFY(panel.waitForFinished(20'000));
    QCOMPARE(panel.exitStatus(), QProcess::NormalExit);
    QCOMPARE(panel.exitCode(), 0);

    QCOMPARE(health(port).left(12), QByteArray("HTTP/1.1 200"));
    daemon.terminate();
    QVERIFY(daemon.waitForFinished(20'000));
    QCOMPARE(daemon.exitCode(), 0);
}

QTEST_MAIN(TestInstance)
#include "tst_instance.moc"
