// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/engine/gatewaybench.h"

#include <QDateTime>
#include <QSignalSpy>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

/// What there is to see of backends, and what people do to them by hand.
class TestBackendDesk : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void statusIsInTheConfigurationsOrder()
    {
        GatewayBench gateway(kTwo);
        gateway.start();
        const auto all = gateway->backendStatus();
        QCOMPARE(all.size(), size_t(2));
        QCOMPARE(all[0].name, QByteArray("b"));
        QCOMPARE(all[1].name, QByteArray("a"));
        QCOMPARE(all[0].maxConcurrency, 3);
        QCOMPARE(all[0].maxQueue, 7);
        QCOMPARE(all[0].breaker.state, BreakerState::Closed);
        QCOMPARE(all[0].latencyMs, -1);
        QCOMPARE(all[0].p95Ms, -1);
        QVERIFY(!all[0].draining);
    }

    void drainingOutlivesReloadsAndRestarts()
    {
        GatewayBench gateway(kTwo);
        gateway.start();
        QSignalSpy changed(&*gateway, &Gateway::backendStatusChanged);
        QVERIFY(drain(gateway, "a"));
        QVERIFY(!changed.isEmpty());
        QVERIFY(status(gateway, "a").draining);
        QVERIFY(!status(gateway, "b").draining);
        changed.clear();
        QVERIFY(drain(gateway, "a")); // again says the same
        QCOMPARE(changed.size(), 0);

        QVERIFY(GatewayBench::await<Done>([&](auto reply) { gateway->reloadConfig(reply); }));
        QVERIFY(status(gateway, "a").draining);
        gateway.restart();
        QVERIFY(status(gateway, "a").draining);
        QVERIFY(!gateway->exportConfig().value(u"settings"_s).toObject().contains(u"drained"_s));

        QVERIFY(resume(gateway, "a"));
        QVERIFY(!status(gateway, "a").draining);
        gateway.restart();
        QVERIFY(!status(gateway, "a").draining);
    }

    void theBreakerByHand()
    {
        GatewayBench gateway(kTwo);
        gateway.start();
        QSignalSpy events(&*gateway, &Gateway::breakerChanged);
        const qint64 beforeMs = QDateTime::currentMSecsSinceEpoch();
        QVERIFY(trip(gateway, "a", 60));
        BackendStatus a = status(gateway, "a");
        QCOMPARE(a.breaker.state, BreakerState::Open);
        QCOMPARE(a.breaker.reason, BreakerReason::ByHand);
        QVERIFY(a.breakerOpenUntilMs >= beforeMs + 59'000);
        QVERIFY(a.breakerOpenUntilMs <= QDateTime::currentMSecsSinceEpoch() + 61'000);
        QVERIFY(a.breakerSinceMs >= beforeMs - 1000);
        QCOMPARE(a.breakerHistory.size(), size_t(1));
        QCOMPARE(status(gateway, "b").breaker.state, BreakerState::Closed);

        QVERIFY(trip(gateway, "a", 0));
        a = status(gateway, "a");
        QCOMPARE(a.breaker.state, BreakerState::Open);
        QCOMPARE(a.breakerOpenUntilMs, qint64(0)); // until it is reset

        QVERIFY(reset(gateway, "a"));
        a = status(gateway, "a");
        QCOMPARE(a.breaker.state, BreakerState::Closed);
        QCOMPARE(a.breakerHistory.front().to, BreakerState::Closed); // newest first
        QCOMPARE(a.breakerHistory.back().to, BreakerState::Open);
        QCOMPARE(events.size(), qsizetype(a.breakerHistory.size()));
        QCOMPARE(events.front().front().toByteArray(), QByteArray("a"));
    }

    void aBreakerThatTimeHalfOpensIsSeen()
    {
        GatewayBench gateway(kTwo);
        gateway.start();
        QVERIFY(trip(gateway, "a", 1));
        QSignalSpy changed(&*gateway, &Gateway::backendStatusChanged);
        QTRY_VERIFY(!changed.isEmpty());
        QTRY_COMPARE(status(gateway, "a").breaker.state, BreakerState::HalfOpen);
    }

    void thereMustBeSuchABackend()
    {
        GatewayBench gateway(kTwo);
        gateway.start();
        QVERIFY(!drain(gateway, "c"));
        QVERIFY(!resume(gateway, "c"));
        QVERIFY(!trip(gateway, "c", 1));
        QVERIFY(!reset(gateway, "c"));
    }

private:
    static constexpr char kTwo[] = "backends:\n"
                                   "  b: { type: echo, max_concurrency: 3, max_queue: 7 }\n"
                                   "  a: { type: echo }\n";

    static BackendStatus status(GatewayBench &gateway, const QByteArray &name)
    {
        for (const BackendStatus &status : gateway->backendStatus()) {
            if (status.name == name) {
                return status;
            }
        }
        return {};
    }
    static Result<Done> drain(GatewayBench &gateway, const QByteArray &name)
    {
        return GatewayBench::await<Done>([&](auto reply) { gateway->drainBackend(name, reply); });
    }
    static Result<Done> resume(GatewayBench &gateway, const QByteArray &name)
    {
        return GatewayBench::await<Done>([&](auto reply) { gateway->resumeBackend(name, reply); });
    }
    static Result<Done> trip(GatewayBench &gateway, const QByteArray &name, int seconds)
    {
        return GatewayBench::await<Done>(
            [&](auto reply) { gateway->tripBreaker(name, seconds, reply); });
    }
    static Result<Done> reset(GatewayBench &gateway, const QByteArray &name)
    {
        return GatewayBench::await<Done>([&](auto reply) { gateway->resetBreaker(name, reply); });
    }
};

QTEST_GUILESS_MAIN(TestBackendDesk)
#include "tst_backenddesk.moc"
