// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/app/panelfixture.h"

#include <QSignalSpy>
#include <QTcpServer>
#include <QtTest>

using namespace tidegate;

class TestAppSettings : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void areKept();
    void savedViews();
    void anOverrideIsNotKept();
    void startAtLogin();
    void takenPortsAreSeen();
    void server();
    void diagnosticsHaveNoSecrets();
};

void TestAppSettings::areKept()
{
    const QTemporaryDir dir;
    const QString file = dir.filePath(QStringLiteral("panel.ini"));
    const Autostart autostart(dir.path(), QStringLiteral("/usr/bin/tidegate"));
    DemoLink link(quietDemo());
    {
        AppSettings settings(link, file, autostart);
        QVERIFY(settings.closeToTray());
        QVERIFY(!settings.reducedMotion());
        QVERIFY(settings.windowGeometry().isNull());
        QSignalSpy theme(&settings, &AppSettings::themeChanged);
        settings.setTheme(AppSettings::Theme::Dark);
        QCOMPARE(theme.count(), 1);
        settings.setCloseToTray(false);
        settings.setReducedMotion(true);
        settings.setLastPage(QStringLiteral("keys"));
        settings.setWindowGeometry({10, 20, 1'000, 700});
        settings.setSetupDone();
        settings.setHiddenLiveColumns({QStringLiteral("cost"), QStringLiteral("key")});
        settings.setTrayStyle(AppSettings::TrayStyle::Light);
    }
    const AppSettings settings(link, file, autostart);
    QCOMPARE(settings.theme(), AppSettings::Theme::Dark);
    QVERIFY(settings.isDark());
    QVERIFY(!settings.closeToTray());
    QVERIFY(settings.reducedMotion());
    QCOMPARE(settings.lastPage(), QStringLiteral("keys"));
    QCOMPARE(settings.windowGeometry(), QRect(10, 20, 1'000, 700));
    QVERIFY(settings.setupDone());
    QCOMPARE(settings.hiddenLiveColumns(),
             QStringList({QStringLiteral("cost"), QStringLiteral("key")}));
    QCOMPARE(settings.trayStyle(), AppSettings::TrayStyle::Light);
}

void TestAppSettings::savedViews()
{
    const QTemporaryDir dir;
    const QString file = dir.filePath(QStringLiteral("panel.ini"));
    const Autostart autostart(dir.path(), QStringLiteral("/usr/bin/tidegate"));
    DemoLink link(quietDemo());
    {
        AppSettings settings(link, file, autostart);
        QVERIFY(settings.liveViews().isEmpty());
        QSignalSpy changed(&settings, &AppSettings::liveViewsChanged);
        settings.saveLiveView(QStringLiteral("slow"), QStringLiteral("ttft:>2s"), 0);
        settings.saveLiveView(QStringLiteral(" broken  ones "), QStringLiteral("key:\"a b\" ü"),
                              int(LiveModel::Chip::Errors));
        settings.saveLiveView(QStringLiteral("  "), QStringLiteral("x"), 0);
        settings.saveLiveView(QStringLiteral("slow"), QStringLiteral("ttft:>5s"), 0);
        QCOMPARE(changed.count(), 3);
    }
    AppSettings settings(link, file, autostart);
    const QVariantList views = settings.liveViews();
    QCOMPARE(views.size(), 2);
    const QVariantMap broken = views[0].toMap();
    QCOMPARE(broken[QStringLiteral("name")].toString(), QStringLiteral("broken ones"));
    QCOMPARE(broken[QStringLiteral("filter")].toString(), QStringLiteral("key:\"a b\" ü"));
    QCOMPARE(broken[QStringLiteral("chip")].toInt(), int(LiveModel::Chip::Errors));
    QCOMPARE(broken[QStringLiteral("text")].toString(), QStringLiteral("Errors · key:\"a b\" ü"));
    QCOMPARE(views[1].toMap()[QStringLiteral("filter")].toString(), QStringLiteral("ttft:>5s"));
    settings.removeLiveView(QStringLiteral("slow"));
    settings.removeLiveView(QStringLiteral("nobody"));
    QCOMPARE(settings.liveViews().size(), 1);
}

void TestAppSettings::anOverrideIsNotKept()
{
    const QTemporaryDir dir;
    const QString file = dir.filePath(QStringLiteral("panel.ini"));
    const Autostart autostart(dir.path(), QStringLiteral("/usr/bin/tidegate"));
    DemoLink link(quietDemo());
    {
        AppSettings settings(link, file, autostart);
        settings.overrideTheme(AppSettings::Theme::Dark);
        QVERIFY(settings.isDark());
    }
    const AppSettings settings(link, file, autostart);
    QCOMPARE(settings.theme(), AppSettings::Theme::System);
}

void TestAppSettings::startAtLogin()
{
    PanelFixture panel;
    QSignalSpy changed(&panel.settings, &AppSettings::startAtLoginChanged);
    panel.settings.setStartAtLogin(true);
    QVERIFY(panel.settings.startAtLogin());
    QCOMPARE(changed.count(), 1);
}

void TestAppSettings::takenPortsAreSeen()
{
    PanelFixture panel;
    QTcpServer other;
    QVERIFY(other.listen(QHostAddress::LocalHost));
    const int taken = other.serverPort();
    const QString problem = panel.settings.portProblem(taken);
    QVERIFY2(problem.contains(QString::number(taken)), qPrintable(problem));
    const int free = panel.settings.freePort(taken);
    QVERIFY(free > taken);
    QVERIFY(panel.settings.portProblem(free).isEmpty());
    QVERIFY(!panel.settings.portProblem(0).isEmpty());
    QVERIFY(!panel.settings.portProblem(65'536).isEmpty());
    // The gateway's own port is not a conflict, although something may listen there.
    QVERIFY(panel.settings.portProblem(panel.link.port()).isEmpty());
}

void TestAppSettings::server()
{
    PanelFixture panel;
    QSignalSpy saved(&panel.settings, &AppSettings::serverSaved);
    QSignalSpy failed(&panel.settings, &AppSettings::serverFailed);
    panel.settings.saveServer(QStringLiteral("nonsense"), 8'080);
    QCOMPARE(failed.count(), 1);

    QTcpServer other;
    QVERIFY(other.listen(QHostAddress::LocalHost));
    panel.settings.saveServer(QStringLiteral("127.0.0.1"), other.serverPort());
    QCOMPARE(failed.count(), 2);
    QCOMPARE(panel.settings.port(), 8'080);

    const int free = panel.settings.freePort(20'000);
    panel.settings.saveServer(QStringLiteral("0.0.0.0"), free);
    QVERIFY(saved.wait());
    QCOMPARE(panel.settings.port(), free);
    QCOMPARE(panel.settings.host(), QStringLiteral("0.0.0.0"));
    QVERIFY(panel.settings.isExposed());
    panel.settings.saveServer(QStringLiteral("localhost"), free);
    QVERIFY(saved.wait());
    QVERIFY(!panel.settings.isExposed());
}

void TestAppSettings::diagnosticsHaveNoSecrets()
{
    PanelFixture panel;
    const QString text = panel.settings.diagnostics();
    QVERIFY(text.contains(QStringLiteral(TIDEGATE_VERSION)));
    QVERIFY(
        text.contains(QStringLiteral("Backends: %1").arg(panel.link.config()->backends.size())));
    QVERIFY(!text.contains(QStringLiteral("tg-")));
}

QTEST_MAIN(TestAppSettings)
#include "tst_appsettings.moc"
