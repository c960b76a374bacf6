// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/app/exchangesample.h"
#include "tests/unit/app/panelfixture.h"

#include <QClipboard>
#include <QFileInfo>
#include <QGuiApplication>
#include <QSignalSpy>
#include <QTcpServer>
#include <QtTest>

using namespace tidegate;

class TestAppController : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void budgetsAreToldOncePerPeriod();
    void envFileIsForTheUserAlone();
    void batchesReachTheModels();
    void pages();
    void closing();
    void quitting();
    void firstKeyIsPassedOn();
    void copy();
    void bannerForAFailedStart();
    void bannerForATakenPort();
    void bannerForConfigProblems();
    void bannerForKeys();

private:
    static QString bannerText(AppController &app, const char *id)
    {
        for (int row = 0; row < app.banners()->rowCount(); ++row) {
            const QModelIndex index = app.banners()->index(row);
            if (index.data(BannerModel::BannerIdRole).toString() == QLatin1String(id)) {
                return index.data(BannerModel::TextRole).toString() + u'|' +
                       index.data(BannerModel::ActionTextRole).toString();
            }
        }
        return {};
    }
};

void TestAppController::batchesReachTheModels()
{
    PanelFixture panel;
    ExchangeBatch batch = batchOf({streamingExchange(1)});
    batch.events.first().keyId = -1; // ci, from the file
    batch.active = 1;
    panel.link.feed(batch);
    QCOMPARE(panel.app.live()->rowCountNow(), 1);
    QCOMPARE(panel.app.gateway()->activeStreams(), 1);
    QCOMPARE(panel.app.live()->index(0, 0).data(LiveModel::KeyNameRole).toString(),
             QStringLiteral("ci"));
}

void TestAppController::pages()
{
    PanelFixture panel;
    QCOMPARE(panel.app.currentPage(), QStringLiteral("live"));
    panel.app.setCurrentPage(QStringLiteral("nowhere"));
    QCOMPARE(panel.app.currentPage(), QStringLiteral("live"));
    panel.app.setCurrentPage(QStringLiteral("keys"));
    QCOMPARE(panel.settings.lastPage(), QStringLiteral("keys"));
    panel.app.setCurrentPage(QStringLiteral("setup"));
    QCOMPARE(panel.settings.lastPage(), QStringLiteral("keys"));
    panel.app.finishSetup();
    QCOMPARE(panel.app.currentPage(), QStringLiteral("live"));
}

void TestAppController::closing()
{
    PanelFixture panel;
    QSignalSpy hide(&panel.app, &AppController::hideWindowRequested);
    QSignalSpy ask(&panel.app, &AppController::quitConfirmationNeeded);
    QSignalSpy quit(&panel.app, &AppController::quitRequested);
    // No tray: never vanish.
    panel.app.closeWindow();
    QCOMPARE(ask.count(), 1);
    QVERIFY(ask[0][1].toBool());
    QCOMPARE(hide.count(), 0);
    panel.app.setTrayAvailable(true);
    panel.app.closeWindow();
    QCOMPARE(hide.count(), 1);
    // The user wants closing to quit.
    panel.settings.setCloseToTray(false);
    QVERIFY(!panel.app.closesToTray());
    panel.app.closeWindow();
    QCOMPARE(quit.count(), 1);
}

void TestAppController::quitting()
{
    DemoLink::Options options;
    DemoLink link(options);
    const QTemporaryDir dir;
    SessionSecrets secrets(nullptr);
    AppSettings settings(link, dir.filePath(QStringLiteral("panel.ini")),
                         Autostart(dir.path(), QStringLiteral("/usr/bin/tidegate")));
    AppController app(link, secrets, settings, {});
    QSignalSpy quit(&app, &AppController::quitRequested);
    QSignalSpy ask(&app, &AppController::quitConfirmationNeeded);
    app.requestQuit();
    QCOMPARE(quit.count(), 1);
    link.start();
    QVERIFY(link.activeExchanges() > 0);
    app.requestQuit();
    QCOMPARE(quit.count(), 1);
    QCOMPARE(ask.count(), 1);
    QCOMPARE(ask[0][0].toInt(), link.activeExchanges());
    app.quitNow();
    QCOMPARE(quit.count(), 2);
    QVERIFY(!quit[1][0].toBool());
}

void TestAppController::firstKeyIsPassedOn()
{
    PanelFixture panel;
    QSignalSpy first(&panel.app, &AppController::firstKeyCreated);
    Q_EMIT panel.link.firstKeyCreated("tg-first");
    QCOMPARE(first.count(), 1);
    QCOMPARE(panel.app.setup()->clientKey(), QStringLiteral("tg-first"));
}

void TestAppController::copy()
{
    PanelFixture panel;
    QSignalSpy notice(&panel.app, &AppController::notice);
    panel.app.copyText(QStringLiteral("x"));
    QCOMPARE(QGuiApplication::clipboard()->text(), QStringLiteral("x"));
    QCOMPARE(notice.count(), 1);
}

void TestAppController::bannerForAFailedStart()
{
    PanelFixture panel;
    panel.link.fail(QStringLiteral("The database is broken."));
    QVERIFY(
        bannerText(panel.app, "gateway").startsWith(QStringLiteral("The database is broken.|")));
    panel.link.start();
    QVERIFY(bannerText(panel.app, "gateway").isEmpty());
}

void TestAppController::bannerForATakenPort()
{
    PanelFixture panel;
    QTcpServer other;
    QVERIFY(other.listen(QHostAddress::LocalHost));
    bool stored = false;
    panel.link.saveSetting(QStringLiteral("server.port"), other.serverPort(),
                           [&stored](const Result<Done> &) { stored = true; });
    QTRY_VERIFY(stored);
    panel.link.fail(QStringLiteral("The port is taken."));
    const QString text = bannerText(panel.app, "gateway");
    QVERIFY2(text.contains(QStringLiteral("Use port ")), qPrintable(text));
    panel.app.banners()->trigger(QStringLiteral("gateway"));
    QTRY_COMPARE(panel.app.gateway()->state(), GatewayStatus::State::Running);
    QVERIFY(panel.link.port() != other.serverPort());
}

void TestAppController::bannerForConfigProblems()
{
    PanelFixture panel;
    ConfigProblem note;
    note.severity = ConfigProblem::Severity::Note;
    note.message = QStringLiteral("not active yet");
    panel.link.setProblems({note});
    QVERIFY(bannerText(panel.app, "config").isEmpty());
    ConfigProblem error;
    error.file = QStringLiteral("config.yaml");
    error.line = 12;
    error.key = QStringLiteral("backends.x.url");
    error.message = QStringLiteral("is not a URL");
    ConfigProblem warning = error;
    warning.severity = ConfigProblem::Severity::Warning;
    panel.link.setProblems({warning, note, error});
    const QString text = bannerText(panel.app, "config");
    QVERIFY2(text.contains(QStringLiteral("config.yaml:12")) &&
                 text.contains(QStringLiteral("1 more")),
             qPrintable(text));
    panel.link.setProblems({});
    QVERIFY(bannerText(panel.app, "config").isEmpty());
}

void TestAppController::bannerForKeys()
{
    PanelFixture panel;
    QVERIFY(bannerText(panel.app, "keychain").contains(QStringLiteral("mistral")));
    bool removed = false;
    panel.link.removeBackend("mistral", [&removed](const Result<Done> &) { removed = true; });
    QTRY_VERIFY(removed);
    QVERIFY(bannerText(panel.app, "keychain").isEmpty());
}

void TestAppController::budgetsAreToldOncePerPeriod()
{
    PanelFixture panel;
    QSignalSpy told(&panel.app, &AppController::budgetNotice);
    const int before = panel.app.banners()->count();
    BudgetNotice notice;
    notice.id = 3;
    notice.name = QStringLiteral("support-bot");
    notice.percent = 80;
    notice.use.rule.amount = Money::fromNano(80'000'000'000);
    notice.use.periodStartUs = 1'000'000;
    notice.use.resetUs = 2'000'000;
    panel.link.noteBudget(notice);
    panel.link.noteBudget(notice);
    QCOMPARE(told.size(), 1);
    QVERIFY(told[0][1].toString().contains(QStringLiteral("support-bot")));
    QCOMPARE(panel.app.banners()->count(), before + 1);
    notice.percent = 100;
    panel.link.noteBudget(notice);
    QCOMPARE(told.size(), 2);
    // It takes the place of the warning.
    QCOMPARE(panel.app.banners()->count(), before + 1);
    notice.percent = 80;
    notice.use.periodStartUs = 2'000'000;
    panel.link.noteBudget(notice);
    QCOMPARE(told.size(), 3);
}

void TestAppController::envFileIsForTheUserAlone()
{
    const QTemporaryDir dir;
    DemoLink link(quietDemo());
    link.start();
    MemoryKeychain keychain;
    SessionSecrets secrets(&keychain);
    AppSettings settings(link, dir.filePath(QStringLiteral("panel.ini")),
                         Autostart(dir.path(), QStringLiteral("/usr/bin/tidegate")));
    AppController::Options options;
    options.downloadDir = dir.filePath(QStringLiteral("downloads"));
    AppController app(link, secrets, settings, options);
    app.saveEnv(QStringLiteral("../my key"), QStringLiteral("tg-secret"));
    const QFileInfo file(options.downloadDir + QStringLiteral("/tidegate----my-key.env"));
    QVERIFY(file.exists());
    QVERIFY((file.permissions() & (QFile::ReadGroup | QFile::ReadOther)) == 0);
}

QTEST_MAIN(TestAppController)
#include "tst_appcontroller.moc"
