// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/app/panelfixture.h"

#include <QSignalSpy>
#include <QtTest>

using namespace tidegate;

class TestGatewayStatus : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void states();
    void rate();
    void today();
};

void TestGatewayStatus::states()
{
    DemoLink link(quietDemo());
    GatewayStatus status(link);
    QSignalSpy changed(&status, &GatewayStatus::stateChanged);
    QCOMPARE(status.state(), GatewayStatus::State::Stopped);
    link.start();
    QCOMPARE(status.state(), GatewayStatus::State::Running);
    QCOMPARE(status.baseUrl(), QStringLiteral("http://127.0.0.1:8080/v1"));
    QCOMPARE(status.address(), QStringLiteral("127.0.0.1:8080"));
    status.pause();
    QCOMPARE(status.state(), GatewayStatus::State::Paused);
    QCOMPARE(status.stateText(), QStringLiteral("Paused"));
    status.resume();
    link.fail(QStringLiteral("Port 8080 is taken."));
    QCOMPARE(status.state(), GatewayStatus::State::Failed);
    QCOMPARE(status.failure(), QStringLiteral("Port 8080 is taken."));
    status.restart();
    QCOMPARE(status.state(), GatewayStatus::State::Running);
    QVERIFY(changed.count() >= 5);
}

void TestGatewayStatus::rate()
{
    qint64 nowUs = 1'000'000'000;
    DemoLink link(quietDemo());
    GatewayStatus status(link, [&nowUs] { return nowUs; });
    ExchangeBatch batch;
    batch.finishedTotal = 100'000; // served before anybody looked
    status.applyBatch(batch);
    QCOMPARE(status.requestsPerSecond(), 0.0);
    // 50 in each 100 ms.
    for (int i = 0; i < 40; ++i) {
        nowUs += 100'000;
        batch.finishedTotal += 50;
        batch.active = 3;
        status.applyBatch(batch);
    }
    QVERIFY2(qAbs(status.requestsPerSecond() - 500) < 30,
             qPrintable(QString::number(status.requestsPerSecond())));
    QCOMPARE(status.activeStreams(), 3);
    QVERIFY(status.activityText().contains(QStringLiteral("req/s")));
    // Nothing comes any more: the rate goes to zero by itself.
    QSignalSpy changed(&status, &GatewayStatus::activityChanged);
    nowUs += 10'000'000;
    QVERIFY(changed.wait(3'000));
    QCOMPARE(status.requestsPerSecond(), 0.0);
}

void TestGatewayStatus::today()
{
    DemoLink link(quietDemo());
    GatewayStatus status(link);
    ExchangeBatch batch;
    batch.finishedTotal = 10;
    status.applyBatch(batch);
    QCOMPARE(status.requestsToday(), 10);
    status.setToday(1'210, {}); // with the ten above
    QCOMPARE(status.requestsToday(), 1'210);
    batch.finishedTotal = 15;
    status.applyBatch(batch);
    QCOMPARE(status.requestsToday(), 1'215);
    status.setToday(0, {}); // midnight
    QCOMPARE(status.requestsToday(), 0);
    batch.finishedTotal = 16;
    status.applyBatch(batch);
    QCOMPARE(status.requestsToday(), 1);
}

QTEST_MAIN(TestGatewayStatus)
#include "tst_gatewaystatus.moc"
