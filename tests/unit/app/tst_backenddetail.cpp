// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/app/panelfixture.h"

#include <QSignalSpy>
#include <QtTest>

using namespace tidegate;

class TestBackendDetail : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void theFirstUntilOneIsChosen();
    void nothingWithoutBackends();
    void anOpenBreakerCountsDown();
    void halfOpenSaysHowFar();
    void untilReset();
    void keysByPlaceAndTail();
    void managedStates_data();
    void managedStates();
    void actions();

private:
    static BackendStatus statusOf(const char *name)
    {
        BackendStatus status;
        status.name = name;
        return status;
    }
};

void TestBackendDetail::theFirstUntilOneIsChosen()
{
    PanelFixture panel;
    BackendDetail &detail = *panel.app.backend();
    panel.app.backends()->refresh();
    QVERIFY(detail.isValid());
    QCOMPARE(detail.name(), QStringLiteral("openai"));
    detail.show(QStringLiteral("gpu-box"));
    QCOMPARE(detail.name(), QStringLiteral("gpu-box"));
    QVERIFY(detail.isReadOnly());
    QCOMPARE(detail.originText(), QStringLiteral("from config file"));
    QCOMPARE(detail.load().value(QStringLiteral("places")).toInt(), 8);
    // It leaves: the first one again.
    bool removed = false;
    panel.link.removeBackend("gpu-box", [&removed](const Result<Done> &) { removed = true; });
    QTRY_VERIFY(removed);
    QCOMPARE(detail.name(), QStringLiteral("openai"));
}

void TestBackendDetail::nothingWithoutBackends()
{
    PanelFixture panel(true);
    panel.app.backends()->refresh();
    QVERIFY(!panel.app.backend()->isValid());
    QVERIFY(panel.app.backend()->facts().isEmpty());
    QVERIFY(panel.app.backend()->name().isEmpty());
}

void TestBackendDetail::anOpenBreakerCountsDown()
{
    PanelFixture panel;
    BackendsModel &model = *panel.app.backends();
    model.setWatched(true);
    BackendDetail &detail = *panel.app.backend();
    detail.show(QStringLiteral("openai"));
    BackendStatus status = statusOf("openai");
    const qint64 nowMs = QDateTime::currentMSecsSinceEpoch();
    status.breaker.state = BreakerState::Open;
    status.breaker.reason = BreakerReason::ConsecutiveFailures;
    status.breaker.fault = Fault::Timeout;
    status.breakerSinceMs = nowMs - 30'000;
    status.breakerOpenUntilMs = nowMs + 30'000;
    status.breakerHistory = {{nowMs - 30'000, BreakerState::Closed, BreakerState::Open,
                              BreakerReason::ConsecutiveFailures, Fault::Timeout}};
    panel.link.playStatus(status);
    QCOMPARE(detail.condition(), BackendsModel::Condition::Open);
    const QVariantMap breaker = detail.breaker();
    QCOMPARE(breaker.value(QStringLiteral("state")).toString(), QStringLiteral("open"));
    const double remaining = breaker.value(QStringLiteral("remaining")).toDouble();
    QVERIFY(remaining > 0.4 && remaining <= 0.5);
    QVERIFY(breaker.value(QStringLiteral("countdown")).toString().endsWith(QStringLiteral(" s")));
    const QString text = breaker.value(QStringLiteral("text")).toString();
    QVERIFY2(text.contains(QStringLiteral("too many failures in a row")), qPrintable(text));
    QVERIFY2(text.contains(QStringLiteral("no answer in time")), qPrintable(text));
    QCOMPARE(detail.history().size(), 1);
    QCOMPARE(detail.history()[0].toMap().value(QStringLiteral("state")).toString(),
             QStringLiteral("open"));
    QVERIFY(detail.reasonText().contains(QStringLiteral("no answer in time")));
}

void TestBackendDetail::halfOpenSaysHowFar()
{
    PanelFixture panel;
    panel.app.backends()->setWatched(true);
    BackendStatus status = statusOf("openai");
    status.breaker.state = BreakerState::HalfOpen;
    status.breaker.probesNeeded = 3;
    status.breaker.probesSucceeded = 1;
    panel.link.playStatus(status);
    const QVariantMap breaker = panel.app.backend()->breaker();
    QCOMPARE(breaker.value(QStringLiteral("state")).toString(), QStringLiteral("half_open"));
    QCOMPARE(breaker.value(QStringLiteral("succeeded")).toInt(), 1);
    QCOMPARE(breaker.value(QStringLiteral("needed")).toInt(), 3);
    QCOMPARE(panel.app.backend()->condition(), BackendsModel::Condition::Probing);
}

void TestBackendDetail::untilReset()
{
    PanelFixture panel;
    panel.app.backends()->setWatched(true);
    BackendStatus status = statusOf("openai");
    status.breaker.state = BreakerState::Open;
    status.breaker.reason = BreakerReason::ByHand;
    status.breakerSinceMs = QDateTime::currentMSecsSinceEpoch();
    panel.link.playStatus(status);
    const QVariantMap breaker = panel.app.backend()->breaker();
    QVERIFY(breaker.value(QStringLiteral("countdown")).toString().isEmpty());
    QVERIFY(breaker.value(QStringLiteral("byHand")).toBool());
    QVERIFY(breaker.value(QStringLiteral("text"))
                .toString()
                .contains(QStringLiteral("until it is reset")));
}

void TestBackendDetail::keysByPlaceAndTail()
{
    PanelFixture panel;
    panel.app.backends()->setWatched(true);
    panel.app.backend()->show(QStringLiteral("groq"));
    const QVariantList keys = panel.app.backend()->keys();
    QCOMPARE(keys.size(), 3);
    QStringList states;
    for (const QVariant &key : keys) {
        states << key.toMap().value(QStringLiteral("state")).toString();
    }
    QCOMPARE(states.join(u' '), QStringLiteral("ready cooling dead"));
    QCOMPARE(keys[1].toMap().value(QStringLiteral("place")).toString(), QStringLiteral("Key 2"));
    QCOMPARE(keys[1].toMap().value(QStringLiteral("tail")).toString(), QStringLiteral("…07c3"));
    QVERIFY(keys[1]
                .toMap()
                .value(QStringLiteral("text"))
                .toString()
                .contains(QStringLiteral("its rate limit")));
}

void TestBackendDetail::managedStates_data()
{
    QTest::addColumn<ManagedState>("state");
    QTest::addColumn<BackendsModel::Condition>("condition");
    QTest::addColumn<bool>("canStart");
    QTest::addColumn<bool>("canStop");
    using Condition = BackendsModel::Condition;
    QTest::newRow("unconfirmed") << ManagedState::Unconfirmed << Condition::Unconfirmed << false
                                 << false;
    QTest::newRow("stopped") << ManagedState::Stopped << Condition::Stopped << true << false;
    QTest::newRow("starting") << ManagedState::Starting << Condition::Starting << false << true;
    QTest::newRow("ready") << ManagedState::Ready << Condition::Healthy << false << true;
    QTest::newRow("idle") << ManagedState::Idle << Condition::Healthy << false << true;
    QTest::newRow("stopping") << ManagedState::Stopping << Condition::Stopping << false << false;
    QTest::newRow("failed") << ManagedState::Failed << Condition::Broken << true << false;
}

void TestBackendDetail::managedStates()
{
    QFETCH(ManagedState, state);
    QFETCH(BackendsModel::Condition, condition);
    QFETCH(bool, canStart);
    QFETCH(bool, canStop);
    PanelFixture panel;
    panel.app.backends()->setWatched(true);
    BackendStatus status = statusOf("llama-local");
    status.health = BackendHealth::Healthy;
    status.managed = state;
    status.idleStopMs = QDateTime::currentMSecsSinceEpoch() + 200'000;
    status.command = QStringLiteral("llama-server");
    panel.link.playStatus(status);
    BackendDetail &detail = *panel.app.backend();
    detail.show(QStringLiteral("llama-local"));
    QCOMPARE(detail.condition(), condition);
    const QVariantMap managed = detail.managed();
    QVERIFY(managed.value(QStringLiteral("shown")).toBool());
    QVERIFY(!managed.value(QStringLiteral("text")).toString().isEmpty());
    QCOMPARE(managed.value(QStringLiteral("canStart")).toBool(), canStart);
    QCOMPARE(managed.value(QStringLiteral("canStop")).toBool(), canStop);
    QCOMPARE(managed.value(QStringLiteral("command")).toString(), QStringLiteral("llama-server"));
    if (state == ManagedState::Idle) {
        QVERIFY(
            managed.value(QStringLiteral("detail")).toString().contains(QStringLiteral("4 min")));
    }
}

void TestBackendDetail::actions()
{
    PanelFixture panel;
    BackendsModel &model = *panel.app.backends();
    BackendDetail &detail = *panel.app.backend();
    QSignalSpy done(&model, &BackendsModel::actionDone);
    model.refresh();
    model.drain(QStringLiteral("openai"));
    QVERIFY(model.isBusy());
    QTRY_COMPARE(done.count(), 1);
    QVERIFY(!model.isBusy());
    QVERIFY(detail.isDraining());
    QCOMPARE(detail.condition(), BackendsModel::Condition::Draining);
    model.resume(QStringLiteral("openai"));
    QTRY_COMPARE(done.count(), 2);
    QVERIFY(!detail.isDraining());
    model.trip(QStringLiteral("openai"), 60);
    QTRY_COMPARE(done.count(), 3);
    QCOMPARE(detail.condition(), BackendsModel::Condition::Open);
    model.resetBreaker(QStringLiteral("openai"));
    QTRY_COMPARE(done.count(), 4);
    QCOMPARE(detail.condition(), BackendsModel::Condition::Healthy);
    detail.show(QStringLiteral("cloud-gpu"));
    QCOMPARE(detail.condition(), BackendsModel::Condition::Unconfirmed);
    QVERIFY(detail.tunnel().value(QStringLiteral("shown")).toBool());
    model.confirmCommand(QStringLiteral("cloud-gpu"));
    QTRY_COMPARE(done.count(), 5);
    QCOMPARE(detail.condition(), BackendsModel::Condition::Stopped);
    model.startManaged(QStringLiteral("cloud-gpu"));
    QTRY_COMPARE(done.count(), 6);
    QCOMPARE(detail.condition(), BackendsModel::Condition::Starting);
}

QTEST_MAIN(TestBackendDetail)
#include "tst_backenddetail.moc"
