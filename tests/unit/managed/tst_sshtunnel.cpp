// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/managed/managedcommand.h"
#include "tests/unit/managed/managedfixture.h"

#include <QDir>
#include <QFile>
#include <QProcess>
#include <QStandardPaths>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTest>

#include <pwd.h>
#include <unistd.h>

using namespace Qt::StringLiterals;
using namespace tidegate;

/// Tunnels through a real sshd that runs as this user, with keys of its own.
class TestSshTunnel : public QObject
{
    Q_OBJECT

    QTemporaryDir m_dir;
    QProcess m_sshd;
    quint16 m_sshPort = 0;
    QTcpServer m_target; ///< what is reached through the tunnel

    [[nodiscard]] QString path(const QString &name) const { return m_dir.filePath(name); }
    void write(const QString &name, const QByteArray &text) const
    {
        QFile file(path(name));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(text);
        file.setPermissions(QFileDevice::ReadOwner | QFileDevice::WriteOwner);
    }
    [[nodiscard]] QByteArray read(const QString &name) const
    {
        QFile file(path(name));
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }

    void tunnel(ManagedFixture &f) const
    {
        f.config.ssh = SshRule{.host = u"127.0.0.1"_s,
                               .user = QString::fromLocal8Bit(::getpwuid(::getuid())->pw_name),
                               .port = m_sshPort,
                               .identityFile = path(u"id"_s),
                               .knownHostsFile = path(u"known_hosts"_s),
                               .remoteHost = u"127.0.0.1"_s,
                               .remotePort = m_target.serverPort()};
    }
    /// What comes back through @p port.
    static QByteArray ask(quint16 port)
    {
        QTcpSocket socket;
        socket.connectToHost(QHostAddress::LocalHost, port);
        QByteArray answer;
        (void)QTest::qWaitFor(
            [&socket, &answer] {
                answer += socket.readAll();
                return answer.size() >= 5;
            },
            5000);
        return answer;
    }
    /// The ssh processes whose arguments name our sshd's port.
    [[nodiscard]] QList<qint64> sshProcesses() const
    {
        QList<qint64> found;
        for (const QString &entry : QDir(u"/proc"_s).entryList(QDir::Dirs)) {
            QFile file(u"/proc/%1/cmdline"_s.arg(entry));
            const bool isPid = entry.toLongLong() > 0;
            if (isPid && file.open(QIODevice::ReadOnly)) {
                const QByteArrayList words = file.readAll().split('\0');
                if (words.first().endsWith("ssh") &&
                    words.contains(QByteArray::number(m_sshPort)) &&
                    ManagedFixture::isAlive(entry.toLongLong())) {
                    found.append(entry.toLongLong());
                }
            }
        }
        return found;
    }

private Q_SLOTS:
    void initTestCase()
    {
        UpstreamClient::initialiseLibrary();
        const QString sshd =
            QStandardPaths::findExecutable(u"sshd"_s, {u"/usr/sbin"_s, u"/usr/bin"_s});
        if (sshd.isEmpty() || QStandardPaths::findExecutable(u"ssh"_s).isEmpty()) {
            QSKIP("skipped: openssh-server is not installed");
        }
        if (::getuid() == 0 && !QDir().mkpath(u"/run/sshd"_s)) {
            QSKIP("skipped: sshd wants /run/sshd when it runs as root");
        }
        for (const QString &key : {u"host"_s, u"id"_s, u"other"_s}) {
            QCOMPARE(QProcess::execute(
                         u"ssh-keygen"_s,
                         {u"-q"_s, u"-t"_s, u"ed25519"_s, u"-N"_s, {}, u"-f"_s, path(key)}),
                     0);
        }
        write(u"authorized"_s, read(u"id.pub"_s));
        m_sshPort = ManagedFixture::freePort();
        write(u"known_hosts"_s,
              "[127.0.0.1]:" + QByteArray::number(m_sshPort) + ' ' + read(u"host.pub"_s));
        write(u"sshd_config"_s,
              "ListenAddress 127.0.0.1\nPort " + QByteArray::number(m_sshPort) + "\nHostKey " +
                  path(u"host"_s).toUtf8() + "\nAuthorizedKeysFile " +
                  path(u"authorized"_s).toUtf8() +
                  "\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n"
                  "PasswordAuthentication no\n");
        m_sshd.setProcessChannelMode(QProcess::ForwardedChannels);
        m_sshd.start(sshd, {u"-D"_s, u"-q"_s, u"-f"_s, path(u"sshd_config"_s)});
        QVERIFY(m_sshd.waitForStarted());
        QTRY_VERIFY(ask(m_sshPort).startsWith("SSH-"));

        QVERIFY(m_target.listen(QHostAddress::LocalHost));
        connect(&m_target, &QTcpServer::newConnection, this, [this] {
            QTcpSocket *socket = m_target.nextPendingConnection();
            connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
            socket->write("hello");
            socket->disconnectFromHost();
        });
    }
    void cleanupTestCase()
    {
        m_sshd.kill();
        m_sshd.waitForFinished();
    }

    void leadsToTheTarget()
    {
        ManagedFixture f;
        tunnel(f);
        f.apply(false);
        QVERIFY(f.status().tunnel == TunnelState::Unconfirmed);
        QVERIFY(f.status().reach == Reach::Shut);
        QVERIFY(sshProcesses().isEmpty());

        f.apply();
        QVERIFY(f.status().managed == ManagedState::NotManaged);
        QVERIFY(f.status().reach == Reach::Starting);
        QTRY_VERIFY_WITH_TIMEOUT(f.status().tunnel == TunnelState::Connected, 15'000);
        QVERIFY(f.status().reach == Reach::Open);
        QVERIFY(f.status().localPort > 0);
        QCOMPARE(ask(f.status().localPort), "hello");
        QCOMPARE(sshProcesses().size(), 1);

        f.supervisor.reset();
        QVERIFY(sshProcesses().isEmpty());
    }

    void comesBackWhenItIsCut()
    {
        ManagedFixture f;
        tunnel(f);
        f.apply();
        QTRY_VERIFY_WITH_TIMEOUT(f.status().tunnel == TunnelState::Connected, 15'000);
        const QList<qint64> before = sshProcesses();
        QCOMPARE(before.size(), 1);
        QProcess::execute(u"kill"_s, {u"-9"_s, QString::number(before.first())});
        QTRY_VERIFY(f.status().tunnel == TunnelState::Failed);
        QVERIFY(f.status().reach == Reach::Shut);
        QVERIFY(f.status().retryNs > 0);
        QTRY_VERIFY_WITH_TIMEOUT(f.status().tunnel == TunnelState::Connected, 15'000);
        QCOMPARE(ask(f.status().localPort), "hello");
        QVERIFY(sshProcesses() != before);

        bool done = false;
        f.supervisor->shutDown(5000, [&done] { done = true; });
        QTRY_VERIFY(done);
        QVERIFY(sshProcesses().isEmpty());
    }

    void trustsKnownHostsOnly()
    {
        ManagedFixture f;
        tunnel(f);
        write(u"wrong_hosts"_s,
              "[127.0.0.1]:" + QByteArray::number(m_sshPort) + ' ' + read(u"other.pub"_s));
        f.config.ssh->knownHostsFile = path(u"wrong_hosts"_s);
        f.apply();
        QTRY_VERIFY_WITH_TIMEOUT(f.status().tunnel == TunnelState::Failed, 15'000);
        QVERIFY2(f.status().tunnelDetail.contains(u"erification failed"_s),
                 qPrintable(f.status().tunnelDetail));
        write(u"no_hosts"_s, "");
        f.config.ssh->knownHostsFile = path(u"no_hosts"_s);
        f.apply();
        QTRY_VERIFY_WITH_TIMEOUT(f.status().tunnel == TunnelState::Failed, 15'000);
        QVERIFY(f.status().reach == Reach::Shut);
    }

    void saysWhatSshSays()
    {
        ManagedFixture f;
        tunnel(f);
        f.config.ssh->identityFile = path(u"other"_s);
        f.apply();
        QTRY_VERIFY_WITH_TIMEOUT(f.status().tunnel == TunnelState::Failed, 15'000);
        QVERIFY2(f.status().tunnelDetail.contains(u"Permission denied"_s),
                 qPrintable(f.status().tunnelDetail));
        for (const QString &line : f.status().output) {
            QVERIFY2(!line.startsWith(u"debug1"_s), qPrintable(line));
        }
    }

    void goesWithAManagedBackend()
    {
        // A "cloud host": its start command ends, and it is only reached through the tunnel.
        ManagedFixture f;
        tunnel(f);
        f.config.ssh->remotePort = f.port;
        f.config.baseUrl = "http://inference.invalid/v1"; // only the far end knows this name
        f.manage(u"sh -c 'setsid %1 >/dev/null 2>&1 & echo $! > \"%2\"'"_s.arg(
                     f.serverCommand(0.2).replace(u'\'', u'"'), f.path(u"pid"_s)),
                 u"sh -c 'kill $(cat \"%1\")'"_s.arg(f.path(u"pid"_s)));
        f.apply();
        QVERIFY(f.status().tunnel == TunnelState::Connecting); // looks whether it runs
        QTRY_VERIFY_WITH_TIMEOUT(f.status().tunnel == TunnelState::NotTunnelled, 15'000);
        QVERIFY(sshProcesses().isEmpty());
        f.supervisor->need("b");
        QVERIFY(f.reaches(ManagedState::Ready, 20'000));
        QVERIFY(f.status().tunnel == TunnelState::Connected);
        QVERIFY(f.status().reach == Reach::Open);
        QVERIFY(f.supervisor->stop("b"));
        QVERIFY(f.reaches(ManagedState::Stopped));
        QVERIFY(sshProcesses().isEmpty());
        QVERIFY(!ManagedFixture::isAlive(f.contents(u"pid"_s).trimmed().toLongLong()));
    }
};

QTEST_GUILESS_MAIN(TestSshTunnel)
#include "tst_sshtunnel.moc"
