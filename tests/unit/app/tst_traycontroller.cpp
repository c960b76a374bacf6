// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/traycontroller.h"
#include "tests/unit/app/exchangesample.h"
#include "tests/unit/app/panelfixture.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QSignalSpy>
#include <QtTest>

using namespace tidegate;

class TestTrayController : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void menuWhileRunning();
    void menuWhilePaused();
    void menuAfterAFailure();
    void quitWhileBusy();
    void recentErrors();
    void actions();
    void explainsItselfOnce();
    void activityIsThrottled();

private:
    static const TrayItem *find(const QList<TrayItem> &items, const QString &idOrText)
    {
        for (const TrayItem &item : items) {
            if (item.id == idOrText || (item.id.isEmpty() && item.text == idOrText)) {
                return &item;
            }
            if (const TrayItem *child = find(item.children, idOrText)) {
                return child;
            }
        }
        return nullptr;
    }
    static void setActive(PanelFixture &panel, int active)
    {
        ExchangeBatch batch;
        batch.active = active;
        panel.link.feed(batch);
    }
};

void TestTrayController::menuWhileRunning()
{
    PanelFixture panel;
    TrayController tray(panel.app);
    setActive(panel, 3);
    const QList<TrayItem> menu = tray.menu();
    QCOMPARE(menu[0].text, QStringLiteral("Running · 127.0.0.1:8080 · 3 active"));
    QVERIFY(!menu[0].enabled);
    QVERIFY(find(menu, QStringLiteral("pause")));
    QVERIFY(!find(menu, QStringLiteral("resume")));
    QVERIFY(!find(menu, QStringLiteral("Recent errors")));
    QCOMPARE(find(menu, QStringLiteral("Copy client snippet"))->children.size(), 5);
    const TrayItem *backends = find(menu, QStringLiteral("Backends"));
    QCOMPARE(backends->children.size(), 8);
    QCOMPARE(backends->children[0].text, QStringLiteral("● openai"));
    QVERIFY(backends->children[7].text.startsWith(QStringLiteral("○ mistral")));
    QCOMPARE(tray.icon(), TrayController::Icon::Plain);
    QCOMPARE(tray.toolTip().count(u'\n'), 1);
}

void TestTrayController::menuWhilePaused()
{
    PanelFixture panel;
    TrayController tray(panel.app);
    QSignalSpy changed(&tray, &TrayController::changed);
    tray.trigger(QStringLiteral("pause"));
    QVERIFY(changed.count() > 0);
    QVERIFY(find(tray.menu(), QStringLiteral("resume")));
    QCOMPARE(tray.icon(), TrayController::Icon::Paused);
    QVERIFY(tray.menu()[0].text.startsWith(QStringLiteral("Paused")));
    tray.trigger(QStringLiteral("resume"));
    QCOMPARE(tray.icon(), TrayController::Icon::Plain);
}

void TestTrayController::menuAfterAFailure()
{
    PanelFixture panel;
    TrayController tray(panel.app);
    panel.link.fail(QStringLiteral("Port 8080 is taken."));
    QCOMPARE(tray.icon(), TrayController::Icon::Error);
    QVERIFY(find(tray.menu(), QStringLiteral("restart")));
    QVERIFY(tray.toolTip().contains(QStringLiteral("Port 8080 is taken.")));
    tray.trigger(QStringLiteral("restart"));
    QCOMPARE(panel.app.gateway()->state(), GatewayStatus::State::Running);
}

void TestTrayController::quitWhileBusy()
{
    PanelFixture panel;
    TrayController tray(panel.app);
    QSignalSpy quit(&panel.app, &AppController::quitRequested);
    QVERIFY(find(tray.menu(), QStringLiteral("quit")));
    setActive(panel, 2);
    QVERIFY(!find(tray.menu(), QStringLiteral("quit")));
    QVERIFY(find(tray.menu(), QStringLiteral("quit-drain"))->text.contains(u'2'));
    tray.trigger(QStringLiteral("quit-drain"));
    tray.trigger(QStringLiteral("quit-now"));
    QCOMPARE(quit.count(), 2);
    QVERIFY(quit[0][0].toBool());
    QVERIFY(!quit[1][0].toBool());
}

void TestTrayController::recentErrors()
{
    PanelFixture panel;
    TrayController tray(panel.app);
    QList<ExchangeEvent> events;
    for (quint64 id = 1; id <= 8; ++id) {
        events << failedExchange(id);
    }
    panel.link.feed(batchOf(events));
    const QList<TrayItem> menu = tray.menu();
    const TrayItem *errors = find(menu, QStringLiteral("Recent errors"));
    QVERIFY(errors != nullptr);
    QCOMPARE(errors->children.size(), 5);
    QCOMPARE(errors->children[0].id, QStringLiteral("error:8"));
    QSignalSpy show(&panel.app, &AppController::showWindowRequested);
    tray.trigger(QStringLiteral("error:8"));
    QCOMPARE(show.count(), 1);
    QCOMPARE(panel.app.detail()->exchangeId(), 8.0);
}

void TestTrayController::actions()
{
    PanelFixture panel;
    TrayController tray(panel.app);
    QSignalSpy show(&panel.app, &AppController::showWindowRequested);
    tray.trigger(QStringLiteral("open"));
    tray.activate();
    QCOMPARE(show.count(), 2);
    tray.trigger(QStringLiteral("settings"));
    QCOMPARE(panel.app.currentPage(), QStringLiteral("settings"));
    tray.trigger(QStringLiteral("copy-url"));
    QCOMPARE(QGuiApplication::clipboard()->text(), QStringLiteral("http://127.0.0.1:8080/v1"));
    tray.trigger(QStringLiteral("snippet:environment"));
    QVERIFY(QGuiApplication::clipboard()->text().contains(QStringLiteral("OPENAI_BASE_URL")));
    QVERIFY(!find(tray.menu(), QStringLiteral("start-at-login"))->checked);
    tray.trigger(QStringLiteral("start-at-login"));
    QVERIFY(find(tray.menu(), QStringLiteral("start-at-login"))->checked);
}

void TestTrayController::explainsItselfOnce()
{
    PanelFixture panel;
    panel.app.setTrayAvailable(true);
    TrayController tray(panel.app);
    QSignalSpy notify(&tray, &TrayController::notify);
    panel.app.closeWindow();
    panel.app.closeWindow();
    QCOMPARE(notify.count(), 1);
}

void TestTrayController::activityIsThrottled()
{
    PanelFixture panel;
    TrayController tray(panel.app);
    QSignalSpy changed(&tray, &TrayController::changed);
    for (int i = 0; i < 100; ++i) {
        setActive(panel, i);
    }
    QCOMPARE(changed.count(), 0);
    QVERIFY(changed.wait(3'000));
    QCOMPARE(changed.count(), 1);
}

QTEST_MAIN(TestTrayController)
#include "tst_traycontroller.moc"
