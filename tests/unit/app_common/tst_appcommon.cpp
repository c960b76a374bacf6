// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/common/admintoken.h"
#include "app/common/commandline.h"
#include "app/common/signalwatcher.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>

using namespace tidegate;

/// CommandLine, AdminToken and SignalWatcher.
class TestAppCommon : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();

    void defaultsFollowXdg();
    void optionsAreRead();
    void wrongUsageIsAnError_data();
    void wrongUsageIsAnError();
    void helpAndVersionAreText();
    void adminTokenIsMadeOnce();
    void adminTokenFromTheEnvironment();
    void emptyAdminTokenIsReplaced();
    void signalsArrive();

private:
    std::unique_ptr<QTemporaryDir> m_dir;
};

void TestAppCommon::init()
{
    m_dir = std::make_unique<QTemporaryDir>();
    QVERIFY(m_dir->isValid());
    qputenv("XDG_DATA_HOME", m_dir->filePath(QStringLiteral("share")).toLocal8Bit());
    qputenv("XDG_CONFIG_HOME", m_dir->filePath(QStringLiteral("config")).toLocal8Bit());
    qunsetenv("TIDEGATE_ADMIN_TOKEN");
}

void TestAppCommon::defaultsFollowXdg()
{
    {
        CommandLine commandLine(QStringLiteral("test"));
        const auto text = commandLine.parse({QStringLiteral("tidegated")});
        QVERIFY(text && text->isEmpty());
        QCOMPARE(commandLine.options().dataDir, m_dir->filePath(QStringLiteral("share/tidegate")));
        QVERIFY(commandLine.options().configFile.isEmpty());
        QVERIFY(!commandLine.options().host);
        QVERIFY(!commandLine.options().port);
        QVERIFY(!commandLine.options().logLevel);
    }
    const QString config = m_dir->filePath(QStringLiteral("config/tidegate/config.yaml"));
    QVERIFY(QDir().mkpath(QFileInfo(config).path()));
    QVERIFY(QFile(config).open(QIODevice::WriteOnly | QIODevice::NewOnly));
    CommandLine commandLine(QStringLiteral("test"));
    QVERIFY(commandLine.parse({QStringLiteral("tidegated")}));
    QCOMPARE(commandLine.options().configFile, config);
}

void TestAppCommon::optionsAreRead()
{
    CommandLine commandLine(QStringLiteral("test"));
    QVERIFY(commandLine.parse({QStringLiteral("tidegated"), QStringLiteral("--config"),
                               QStringLiteral("a.yaml"), QStringLiteral("--data-dir=data/"),
                               QStringLiteral("--host"), QStringLiteral("::1"),
                               QStringLiteral("--port=0"), QStringLiteral("--log-level"),
                               QStringLiteral("debug"), QStringLiteral("init")}));
    const GatewayOptions &options = commandLine.options();
    QCOMPARE(options.configFile, QStringLiteral("a.yaml"));
    QCOMPARE(options.dataDir, QDir::current().filePath(QStringLiteral("data")));
    QCOMPARE(options.host, QStringLiteral("::1"));
    QCOMPARE(options.port, quint16(0));
    QCOMPARE(options.logLevel, QByteArray("debug"));
    QCOMPARE(commandLine.parser().positionalArguments(), QStringList{QStringLiteral("init")});
}

void TestAppCommon::wrongUsageIsAnError_data()
{
    QTest::addColumn<QString>("argument");
    QTest::newRow("unknown option") << QStringLiteral("--nonsense");
    QTest::newRow("port too high") << QStringLiteral("--port=65536");
    QTest::newRow("port negative") << QStringLiteral("--port=-1");
    QTest::newRow("port a word") << QStringLiteral("--port=http");
    QTest::newRow("no value") << QStringLiteral("--config");
    QTest::newRow("empty config") << QStringLiteral("--config=");
    QTest::newRow("empty data dir") << QStringLiteral("--data-dir=");
}

void TestAppCommon::wrongUsageIsAnError()
{
    QFETCH(const QString, argument);
    CommandLine commandLine(QStringLiteral("test"));
    const auto text = commandLine.parse({QStringLiteral("tidegated"), argument});
    QVERIFY(!text);
    QVERIFY(!text.error().isEmpty());
}

void TestAppCommon::helpAndVersionAreText()
{
    CommandLine commandLine(QStringLiteral("test"));
    const auto help = commandLine.parse({QStringLiteral("tidegated"), QStringLiteral("--help")});
    QVERIFY(help);
    for (const char *option :
         {"--config", "--data-dir", "--host", "--port", "--log-level", "--version"}) {
        QVERIFY2(help->contains(QLatin1String(option)), option);
    }
    const auto version =
        commandLine.parse({QStringLiteral("tidegated"), QStringLiteral("--version")});
    QVERIFY(version);
    QVERIFY(!version->isEmpty());
}

void TestAppCommon::adminTokenIsMadeOnce()
{
    const QString data = m_dir->filePath(QStringLiteral("data"));
    const auto first = AdminToken::load(data);
    QVERIFY(first);
    QVERIFY(first->reveal().startsWith("tga-"));
    QVERIFY(first->reveal().size() > 40);
    const QFileInfo file(data + QStringLiteral("/admin-token"));
    QVERIFY(file.exists());
    QCOMPARE(file.permissions() &
                 (QFile::ReadGroup | QFile::WriteGroup | QFile::ReadOther | QFile::WriteOther),
             QFile::Permissions());
    const auto second = AdminToken::load(data);
    QVERIFY(second);
    QCOMPARE(second->reveal(), first->reveal());
    QVERIFY(!AdminToken::load(QStringLiteral("/proc/tidegate")));
}

void TestAppCommon::adminTokenFromTheEnvironment()
{
    const QString data = m_dir->filePath(QStringLiteral("data"));
    qputenv("TIDEGATE_ADMIN_TOKEN", "from-outside");
    const auto token = AdminToken::load(data);
    QVERIFY(token);
    QCOMPARE(token->reveal(), QByteArray("from-outside"));
    QVERIFY(!QFile::exists(data + QStringLiteral("/admin-token")));
}

void TestAppCommon::emptyAdminTokenIsReplaced()
{
    const QString path = m_dir->filePath(QStringLiteral("admin-token"));
    QVERIFY(QFile(path).open(QIODevice::WriteOnly | QIODevice::NewOnly));
    const auto token = AdminToken::load(m_dir->path());
    QVERIFY(token);
    QVERIFY(!token->isEmpty());
    QCOMPARE(QFile::permissions(path) & (QFile::ReadGroup | QFile::ReadOther),
             QFile::Permissions());
}

void TestAppCommon::signalsArrive()
{
    const SignalWatcher watcher;
    QSignalSpy stop(&watcher, &SignalWatcher::stopRequested);
    QSignalSpy stopNow(&watcher, &SignalWatcher::stopNowRequested);
    QSignalSpy reload(&watcher, &SignalWatcher::reloadRequested);
    std::raise(SIGHUP);
    std::raise(SIGPIPE); // would end the program
    QTRY_COMPARE(reload.count(), 1);
    QCOMPARE(stop.count(), 0);
    std::raise(SIGTERM);
    QTRY_COMPARE(stop.count(), 1);
    QCOMPARE(stopNow.count(), 0);
    std::raise(SIGINT);
    QTRY_COMPARE(stopNow.count(), 1);
    QCOMPARE(stop.count(), 1);
}

QTEST_GUILESS_MAIN(TestAppCommon)
#include "tst_appcommon.moc"
