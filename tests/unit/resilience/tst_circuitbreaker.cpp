// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/circuitbreaker.h"

#include <QTest>

#include <atomic>
#include <barrier>
#include <deque>
#include <random>
#include <set>
#include <thread>

using namespace tidegate;

namespace {

constexpr qint64 kMs = 1'000'000;
constexpr qint64 kSecond = 1000 * kMs;
constexpr qint64 kStart = 1'000'000 * kSecond;

void failOnce(CircuitBreaker &breaker, qint64 nowNs,
              std::optional<qint64> retryAfterMs = std::nullopt)
{
    BreakerPermit permit = breaker.acquire(nowNs);
    QVERIFY(permit);
    permit.failure(Fault::ServerError, retryAfterMs, nowNs);
}

void succeedOnce(CircuitBreaker &breaker, qint64 nowNs)
{
    BreakerPermit permit = breaker.acquire(nowNs);
    QVERIFY(permit);
    permit.success(nowNs);
}

// Opens a breaker by its defaults' five failures. Returns when it may half open.
qint64 opened(CircuitBreaker &breaker, qint64 nowNs)
{
    for (int i = 0; i < 5; ++i) {
        failOnce(breaker, nowNs);
    }
    return breaker.snapshot(nowNs).openUntilNs;
}

BreakerState stateOf(const CircuitBreaker &breaker, qint64 nowNs)
{
    return breaker.snapshot(nowNs).state;
}

} // namespace

/// CircuitBreaker, over hours of a clock that the test moves and by eight threads.
class TestCircuitBreaker : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void opensOnConsecutiveFailures();
    void successBreaksTheRow();
    void opensOnRatio();
    void ratioNeedsItsMinimum();
    void oldFailuresAreForgotten();
    void openTimeDoublesWithJitter();
    void retryAfterIsAFloor();
    void retryAfterHoldsAHealthyLane();
    void clientFaultsNeverCount();
    void probesCloseIt();
    void abandonedProbeIsFree();
    void failedProbeOpensAgain();
    void longStreamsDoNotBlock();
    void streamThatDiesLaterCounts();
    void latePermitsSayNothing();
    void byHand();
    void switchedOff();
    void configureKeepsState();
    void historyIsKept();
    void readingTakesNoProbe();
    void movedPermits();
    void hundredAtTheMoment();
    void onePlaceForEight();
    void threadsProbeOneByOne();
    void followsItsModel_data();
    void followsItsModel();
    void windowCounts();
    void windowChanges();
    void acquireAndSucceed();
    void refuse();
};

void TestCircuitBreaker::opensOnConsecutiveFailures()
{
    CircuitBreaker breaker({}, 1);
    for (int i = 0; i < 4; ++i) {
        failOnce(breaker, kStart + i);
        QCOMPARE(stateOf(breaker, kStart + i), BreakerState::Closed);
    }
    failOnce(breaker, kStart + 4);
    const BreakerSnapshot snapshot = breaker.snapshot(kStart + 4);
    QCOMPARE(snapshot.state, BreakerState::Open);
    QCOMPARE(snapshot.reason, BreakerReason::ConsecutiveFailures);
    QCOMPARE(snapshot.fault, Fault::ServerError);
    QCOMPARE(snapshot.consecutiveFailures, 5);
    QCOMPARE(snapshot.failures, 5);
    QCOMPARE(snapshot.failureRatio(), 1.0);
    QCOMPARE(snapshot.sinceNs, kStart + 4);
    QVERIFY(!breaker.acquire(kStart + 5));
    QVERIFY(!breaker.wouldAllow(kStart + 5));
}

void TestCircuitBreaker::successBreaksTheRow()
{
    CircuitBreaker breaker({.failureRatio = 0.95}, 1);
    for (int round = 0; round < 100; ++round) {
        for (int i = 0; i < 4; ++i) {
            failOnce(breaker, kStart);
        }
        succeedOnce(breaker, kStart);
    }
    QCOMPARE(stateOf(breaker, kStart), BreakerState::Closed);
    QCOMPARE(breaker.snapshot(kStart).fault, Fault::None);
}

void TestCircuitBreaker::opensOnRatio()
{
    CircuitBreaker breaker({}, 1);
    qint64 now = kStart;
    for (int i = 0; i < 5; ++i) {
        succeedOnce(breaker, now);
        failOnce(breaker, now += 100 * kMs);
    }
    QCOMPARE(stateOf(breaker, now), BreakerState::Open);
    QCOMPARE(breaker.snapshot(now).reason, BreakerReason::FailureRatio);
}

void TestCircuitBreaker::ratioNeedsItsMinimum()
{
    CircuitBreaker breaker({.minRequests = 10}, 1);
    for (int i = 0; i < 3; ++i) {
        failOnce(breaker, kStart);
        failOnce(breaker, kStart);
        succeedOnce(breaker, kStart);
    }
    QCOMPARE(breaker.snapshot(kStart).requests, 9);
    QCOMPARE(stateOf(breaker, kStart), BreakerState::Closed);
    failOnce(breaker, kStart);
    QCOMPARE(stateOf(breaker, kStart), BreakerState::Open);
}

void TestCircuitBreaker::oldFailuresAreForgotten()
{
    CircuitBreaker breaker({.consecutiveFailures = 1000}, 1);
    for (int i = 0; i < 9; ++i) {
        failOnce(breaker, kStart);
    }
    // 30 s and a sixteenth later none of them is in the window.
    const qint64 later = kStart + 32 * kSecond;
    QCOMPARE(breaker.snapshot(later).requests, 0);
    failOnce(breaker, later);
    QCOMPARE(stateOf(breaker, later), BreakerState::Closed);
    QCOMPARE(breaker.snapshot(later).consecutiveFailures, 10);
}

void TestCircuitBreaker::openTimeDoublesWithJitter()
{
    const qint64 steps[] = {30, 60, 120, 120, 120};
    std::set<qint64> seen;
    for (quint64 seed = 1; seed <= 200; ++seed) {
        CircuitBreaker breaker({}, seed);
        qint64 now = kStart;
        qint64 until = opened(breaker, now);
        for (const qint64 step : steps) {
            const double ratio = double(until - now) / double(step * kSecond);
            QVERIFY2(ratio >= 0.9 && ratio <= 1.1, QByteArray::number(ratio).constData());
            seen.insert((until - now) / kMs);
            QVERIFY(!breaker.acquire(until - 1));
            now = until;
            failOnce(breaker, now); // the probe
            until = breaker.snapshot(now).openUntilNs;
        }
    }
    QVERIFY(seen.size() > 900); // spread, not a few values
}

void TestCircuitBreaker::retryAfterIsAFloor()
{
    // Above the maximum, below the cap.
    CircuitBreaker breaker({}, 1);
    for (int i = 0; i < 4; ++i) {
        failOnce(breaker, kStart);
    }
    failOnce(breaker, kStart, 3'600'000);
    QCOMPARE(breaker.snapshot(kStart).openUntilNs, kStart + 3600 * kSecond);
    QCOMPARE(breaker.snapshot(kStart).reason, BreakerReason::ConsecutiveFailures);

    CircuitBreaker capped({.consecutiveFailures = 1}, 1);
    failOnce(capped, kStart, qint64(120) * 3'600'000);
    QCOMPARE(capped.snapshot(kStart).openUntilNs, kStart + 86'400 * kSecond);
    CircuitBreaker absurd({.consecutiveFailures = 1}, 1);
    failOnce(absurd, kStart, std::numeric_limits<qint64>::max());
    QCOMPARE(absurd.snapshot(kStart).openUntilNs, kStart + 86'400 * kSecond);

    // A smaller one does not shorten it.
    CircuitBreaker smaller({.consecutiveFailures = 1}, 1);
    failOnce(smaller, kStart, 1);
    QVERIFY(smaller.snapshot(kStart).openUntilNs >= kStart + 27 * kSecond);

    // A late one of a request that was on its way meanwhile lengthens it.
    CircuitBreaker late({.consecutiveFailures = 1}, 1);
    BreakerPermit onItsWay = late.acquire(kStart);
    failOnce(late, kStart);
    onItsWay.failure(Fault::RateLimit, 600'000, kStart + kSecond);
    QCOMPARE(late.snapshot(kStart).openUntilNs, kStart + 601 * kSecond);
}

void TestCircuitBreaker::retryAfterHoldsAHealthyLane()
{
    CircuitBreaker breaker({}, 1);
    succeedOnce(breaker, kStart);
    failOnce(breaker, kStart, 2000);
    const BreakerSnapshot snapshot = breaker.snapshot(kStart);
    QCOMPARE(snapshot.state, BreakerState::Open);
    QCOMPARE(snapshot.reason, BreakerReason::RetryAfter);
    QCOMPARE(snapshot.openUntilNs, kStart + 2 * kSecond);
    QCOMPARE(snapshot.streak, 0);
    QVERIFY(!breaker.acquire(kStart + 2 * kSecond - 1));
    // Then it is as it was, without probes, and what was counted still counts.
    QCOMPARE(stateOf(breaker, kStart + 2 * kSecond), BreakerState::Closed);
    std::vector<BreakerPermit> permits;
    for (int i = 0; i < 10; ++i) {
        permits.push_back(breaker.acquire(kStart + 2 * kSecond));
        QVERIFY(permits.back() && !permits.back().isProbe());
    }
    QCOMPARE(breaker.snapshot(kStart + 2 * kSecond).consecutiveFailures, 1);
    // A herd that is told the same: the latest counts, and five in a row open it in earnest.
    for (int i = 0; i < 4; ++i) {
        permits[size_t(i)].failure(Fault::RateLimit, 1000 + i * 1000, kStart + 2 * kSecond);
    }
    QCOMPARE(breaker.snapshot(kStart + 2 * kSecond).reason, BreakerReason::ConsecutiveFailures);
    // Zero holds nothing.
    CircuitBreaker zero({}, 1);
    failOnce(zero, kStart, 0);
    QCOMPARE(stateOf(zero, kStart), BreakerState::Closed);
}

void TestCircuitBreaker::clientFaultsNeverCount()
{
    CircuitBreaker breaker({}, 1);
    for (int i = 0; i < 4; ++i) {
        failOnce(breaker, kStart);
    }
    for (int i = 0; i < 10'000; ++i) {
        BreakerPermit permit = breaker.acquire(kStart);
        QVERIFY(permit);
        permit.settle({Disposition::ClientFault, Fault::Request, 400}, 120'000, kStart);
        QVERIFY(!permit);
    }
    for (const Disposition other :
         {Disposition::Cancelled, Disposition::ContextTooLong, Disposition::CredentialsDead}) {
        BreakerPermit permit = breaker.acquire(kStart);
        permit.settle({other, Fault::None, 0}, std::nullopt, kStart);
    }
    const BreakerSnapshot snapshot = breaker.snapshot(kStart);
    QCOMPARE(snapshot.state, BreakerState::Closed);
    QCOMPARE(snapshot.requests, 4);
    QCOMPARE(snapshot.consecutiveFailures, 4); // nor do they break a row of failures
    QVERIFY(breaker.history().empty());
}

void TestCircuitBreaker::probesCloseIt()
{
    CircuitBreaker breaker({}, 1);
    const qint64 now = opened(breaker, kStart);
    BreakerPermit first = breaker.acquire(now);
    QVERIFY(first && first.isProbe());
    QVERIFY(!breaker.acquire(now));
    QVERIFY(breaker.snapshot(now).probeRunning);
    first.success(now);
    BreakerSnapshot snapshot = breaker.snapshot(now);
    QCOMPARE(snapshot.state, BreakerState::HalfOpen);
    QCOMPARE(snapshot.probesSucceeded, 1);
    QCOMPARE(snapshot.probesNeeded, 2);
    BreakerPermit second = breaker.acquire(now);
    QVERIFY(second.isProbe());
    second.success(now + 1);
    snapshot = breaker.snapshot(now + 1);
    QCOMPARE(snapshot.state, BreakerState::Closed);
    QCOMPARE(snapshot.reason, BreakerReason::ProbesSucceeded);
    QCOMPARE(snapshot.streak, 0);
    QCOMPARE(snapshot.requests, 0);
    QCOMPARE(snapshot.fault, Fault::None);
    BreakerPermit other = breaker.acquire(now + 1);
    QVERIFY(other && !other.isProbe());
    // The next time it opens for the short time again.
    other.abandon();
    QVERIFY(opened(breaker, now + 2) - now <= 33 * kSecond + 2);
}

void TestCircuitBreaker::abandonedProbeIsFree()
{
    CircuitBreaker breaker({}, 1);
    const qint64 now = opened(breaker, kStart);
    for (int i = 0; i < 100; ++i) {
        BreakerPermit probe = breaker.acquire(now + i);
        QVERIFY(probe.isProbe());
        QVERIFY(!breaker.acquire(now + i));
        if (i % 3 == 0) {
            probe.abandon();
        } else if (i % 3 == 1) {
            probe.settle({Disposition::Cancelled, Fault::None, 0}, std::nullopt, now + i);
        } // else by its destructor
    }
    QCOMPARE(breaker.snapshot(now + 100).probesSucceeded, 0);
    QCOMPARE(stateOf(breaker, now + 100), BreakerState::HalfOpen);
    succeedOnce(breaker, now + 100);
    succeedOnce(breaker, now + 100);
    QCOMPARE(stateOf(breaker, now + 100), BreakerState::Closed);
}

void TestCircuitBreaker::failedProbeOpensAgain()
{
    CircuitBreaker breaker({}, 1);
    const qint64 now = opened(breaker, kStart);
    succeedOnce(breaker, now);
    failOnce(breaker, now);
    const BreakerSnapshot snapshot = breaker.snapshot(now);
    QCOMPARE(snapshot.state, BreakerState::Open);
    QCOMPARE(snapshot.reason, BreakerReason::ProbeFailed);
    QCOMPARE(snapshot.streak, 2);
    // The success before does not count for the next time.
    BreakerPermit probe = breaker.acquire(snapshot.openUntilNs);
    probe.success(snapshot.openUntilNs);
    QCOMPARE(breaker.snapshot(snapshot.openUntilNs).probesSucceeded, 1);
}

void TestCircuitBreaker::longStreamsDoNotBlock()
{
    CircuitBreaker breaker({}, 1);
    const qint64 now = opened(breaker, kStart);
    BreakerPermit stream = breaker.acquire(now);
    stream.underWay(now);
    stream.underWay(now); // says nothing new
    QVERIFY(stream);
    QCOMPARE(breaker.snapshot(now).probesSucceeded, 1);
    BreakerPermit next = breaker.acquire(now);
    QVERIFY(next.isProbe());
    next.underWay(now);
    QCOMPARE(stateOf(breaker, now), BreakerState::Closed);
    next.success(now + kSecond);
    stream.success(now + kSecond);
    QCOMPARE(breaker.snapshot(now + kSecond).requests, 0); // counted as probes, once
}

void TestCircuitBreaker::streamThatDiesLaterCounts()
{
    // While half open: it was no success after all.
    CircuitBreaker breaker({}, 1);
    qint64 now = opened(breaker, kStart);
    BreakerPermit stream = breaker.acquire(now);
    stream.underWay(now);
    stream.failure(Fault::Cut, std::nullopt, now + kSecond);
    QCOMPARE(stateOf(breaker, now + kSecond), BreakerState::Open);
    QCOMPARE(breaker.snapshot(now + kSecond).fault, Fault::Cut);

    // After it has closed: a failure as any other.
    CircuitBreaker closed({.halfOpenSuccesses = 1}, 1);
    now = opened(closed, kStart);
    BreakerPermit probe = closed.acquire(now);
    probe.underWay(now);
    QCOMPARE(stateOf(closed, now), BreakerState::Closed);
    probe.failure(Fault::Cut, std::nullopt, now + 1);
    QCOMPARE(closed.snapshot(now + 1).consecutiveFailures, 1);

    // And one that just fails without having been under way is a failed probe.
    CircuitBreaker plain({}, 1);
    now = opened(plain, kStart);
    BreakerPermit dies = plain.acquire(now);
    dies.failure(Fault::Cut, std::nullopt, now + 1);
    QCOMPARE(plain.snapshot(now + 1).reason, BreakerReason::ProbeFailed);
}

void TestCircuitBreaker::latePermitsSayNothing()
{
    CircuitBreaker breaker({}, 1);
    BreakerPermit lateSuccess = breaker.acquire(kStart);
    BreakerPermit lateFailure = breaker.acquire(kStart);
    BreakerPermit lateLeaver = breaker.acquire(kStart);
    BreakerPermit laterSuccess = breaker.acquire(kStart);
    BreakerPermit lateStream = breaker.acquire(kStart);
    const qint64 until = opened(breaker, kStart);
    lateSuccess.success(kStart + 1);
    QCOMPARE(stateOf(breaker, kStart + 1), BreakerState::Open);
    BreakerPermit probe = breaker.acquire(until);
    lateFailure.failure(Fault::Timeout, std::nullopt, until);
    QCOMPARE(stateOf(breaker, until), BreakerState::HalfOpen);
    lateLeaver.abandon();
    laterSuccess.success(until);
    lateStream.underWay(until);
    QVERIFY(!breaker.acquire(until)); // the probe's place is still taken
    QCOMPARE(breaker.snapshot(until).probesSucceeded, 0);
    probe.success(until);
    QCOMPARE(breaker.snapshot(until).probesSucceeded, 1);

    // A probe of an earlier half-open time frees nothing in the present one.
    CircuitBreaker again({}, 1);
    qint64 now = opened(again, kStart);
    BreakerPermit oldProbe = again.acquire(now);
    again.trip(1000, now);
    now += kSecond;
    BreakerPermit newProbe = again.acquire(now);
    QVERIFY(newProbe.isProbe());
    oldProbe.abandon();
    QVERIFY(!again.acquire(now));
}

void TestCircuitBreaker::byHand()
{
    CircuitBreaker breaker({}, 1);
    breaker.trip(std::nullopt, kStart);
    BreakerSnapshot snapshot = breaker.snapshot(kStart);
    QCOMPARE(snapshot.state, BreakerState::Open);
    QCOMPARE(snapshot.reason, BreakerReason::ByHand);
    QCOMPARE(snapshot.openUntilNs, BreakerSnapshot::kUntilReset);
    QVERIFY(!breaker.acquire(kStart + qint64(365) * 86'400 * kSecond));
    breaker.reset(kStart + 1);
    QCOMPARE(stateOf(breaker, kStart + 1), BreakerState::Closed);
    QVERIFY(breaker.acquire(kStart + 1));

    breaker.trip(5000, kStart + 2);
    QVERIFY(!breaker.acquire(kStart + 2 + 5 * kSecond - 1));
    QVERIFY(breaker.acquire(kStart + 2 + 5 * kSecond).isProbe());

    // A reset of a closed one forgets what was counted and is no transition.
    CircuitBreaker counting({}, 1);
    for (int i = 0; i < 4; ++i) {
        failOnce(counting, kStart);
    }
    counting.reset(kStart);
    QVERIFY(counting.history().empty());
    failOnce(counting, kStart);
    QCOMPARE(stateOf(counting, kStart), BreakerState::Closed);
}

void TestCircuitBreaker::switchedOff()
{
    CircuitBreaker breaker({.enabled = false}, 1);
    for (int i = 0; i < 1000; ++i) {
        failOnce(breaker, kStart, 120'000);
    }
    QCOMPARE(stateOf(breaker, kStart), BreakerState::Closed);
    QCOMPARE(breaker.snapshot(kStart).failures, 1000);
    QVERIFY(!breaker.snapshot(kStart).enabled);
    // By hand it opens, and then closes by itself without probes.
    breaker.trip(1000, kStart);
    QVERIFY(!breaker.acquire(kStart));
    BreakerPermit permit = breaker.acquire(kStart + kSecond);
    QVERIFY(permit && !permit.isProbe());
    // Switched off while open or half open: closed. While open by hand: not.
    CircuitBreaker open({}, 1);
    opened(open, kStart);
    open.configure({.enabled = false}, kStart);
    QCOMPARE(open.snapshot(kStart).reason, BreakerReason::SwitchedOff);
    QVERIFY(open.acquire(kStart));
    CircuitBreaker tripped({}, 1);
    tripped.trip(std::nullopt, kStart);
    tripped.configure({.enabled = false}, kStart);
    QVERIFY(!tripped.acquire(kStart));
}

void TestCircuitBreaker::configureKeepsState()
{
    CircuitBreaker breaker({}, 1);
    for (int i = 0; i < 3; ++i) {
        failOnce(breaker, kStart);
    }
    succeedOnce(breaker, kStart);
    breaker.configure({.consecutiveFailures = 2, .windowMs = 60'000}, kStart + 20 * kSecond);
    BreakerSnapshot snapshot = breaker.snapshot(kStart + 20 * kSecond);
    QCOMPARE(snapshot.failures, 3);
    QCOMPARE(snapshot.requests, 4);
    // A longer window keeps them longer, a shorter one lets them go.
    QCOMPARE(breaker.snapshot(kStart + 50 * kSecond).failures, 3);
    breaker.configure({.windowMs = 10'000}, kStart + 50 * kSecond);
    QCOMPARE(breaker.snapshot(kStart + 50 * kSecond).failures, 0);

    CircuitBreaker open({}, 1);
    const qint64 until = opened(open, kStart);
    open.configure({.openMs = 1000}, kStart + 1);
    QCOMPARE(open.snapshot(kStart + 1).openUntilNs, until);
    BreakerPermit probe = open.acquire(until);
    probe.success(until);
    open.configure({.halfOpenSuccesses = 1}, until);
    QCOMPARE(stateOf(open, until), BreakerState::Closed);
}

void TestCircuitBreaker::historyIsKept()
{
    CircuitBreaker breaker({.halfOpenSuccesses = 1}, 1);
    qint64 now = kStart;
    const qint64 until = opened(breaker, now);
    now = until + 5;
    succeedOnce(breaker, now);
    std::vector<BreakerTransition> history = breaker.history();
    QCOMPARE(history.size(), 3U);
    QCOMPARE(history[0].to, BreakerState::Open);
    QCOMPARE(history[0].reason, BreakerReason::ConsecutiveFailures);
    QCOMPARE(history[0].fault, Fault::ServerError);
    QCOMPARE(history[0].atNs, kStart);
    QCOMPARE(history[1].to, BreakerState::HalfOpen);
    QCOMPARE(history[1].atNs, now);
    QCOMPARE(history[2].from, BreakerState::HalfOpen);
    QCOMPARE(history[2].to, BreakerState::Closed);
    for (int i = 0; i < 100; ++i) {
        breaker.trip(std::nullopt, ++now);
        breaker.reset(++now);
    }
    history = breaker.history();
    QCOMPARE(history.size(), size_t(CircuitBreaker::kHistory));
    QCOMPARE(history.back().atNs, now);
    for (size_t i = 1; i < history.size(); ++i) {
        QVERIFY(history[i - 1].atNs < history[i].atNs);
        QCOMPARE(history[i - 1].to, history[i].from);
    }
}

void TestCircuitBreaker::readingTakesNoProbe()
{
    CircuitBreaker breaker({}, 1);
    const qint64 until = opened(breaker, kStart);
    for (int i = 0; i < 100; ++i) {
        QCOMPARE(stateOf(breaker, until), BreakerState::HalfOpen);
        QVERIFY(breaker.wouldAllow(until));
    }
    QCOMPARE(breaker.history().size(), 1U);
    QVERIFY(breaker.acquire(until).isProbe());
}

void TestCircuitBreaker::movedPermits()
{
    CircuitBreaker breaker({}, 1);
    const qint64 now = opened(breaker, kStart);
    BreakerPermit probe = breaker.acquire(now);
    BreakerPermit moved = std::move(probe);
    QVERIFY(!probe && moved.isProbe()); // NOLINT(bugprone-use-after-move)
    QVERIFY(!breaker.acquire(now));
    {
        const BreakerPermit inner = std::move(moved);
        QVERIFY(!breaker.acquire(now));
    }
    BreakerPermit next = breaker.acquire(now);
    QVERIFY(next.isProbe());
    next = BreakerPermit(); // gives up what it had
    QVERIFY(breaker.acquire(now).isProbe());
    BreakerPermit none;
    none.success(now);
    none.failure(Fault::Cut, std::nullopt, now);
    none.underWay(now);
    none.abandon();
    QVERIFY(!none);
}

void TestCircuitBreaker::hundredAtTheMoment()
{
    // Over and over with the same threads, so that they really meet.
    constexpr int kRounds = 2000;
    constexpr int kThreads = 8;
    std::vector<CircuitBreaker> breakers(kRounds);
    std::vector<qint64> moments;
    for (CircuitBreaker &breaker : breakers) {
        moments.push_back(opened(breaker, kStart));
    }
    std::vector<std::atomic<int>> granted(kRounds);
    std::barrier together(kThreads);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            for (size_t round = 0; round < kRounds; ++round) {
                std::vector<BreakerPermit> kept;
                together.arrive_and_wait();
                for (int i = 0; i < 13; ++i) {
                    kept.push_back(breakers[round].acquire(moments[round]));
                    granted[round] += kept.back() ? 1 : 0;
                }
                together.arrive_and_wait();
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    for (const std::atomic<int> &count : granted) {
        QCOMPARE(count.load(), 1);
    }
}

// The same place taken and given back without end: never two have it.
void TestCircuitBreaker::onePlaceForEight()
{
    CircuitBreaker breaker({}, 1);
    const qint64 now = opened(breaker, kStart);
    std::atomic<int> holders = 0;
    std::atomic<int> clashes = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 200'000; ++i) {
                BreakerPermit permit = breaker.acquire(now);
                if (!permit) {
                    continue;
                }
                clashes += ++holders > 1 ? 1 : 0;
                --holders;
                permit.abandon();
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    QCOMPARE(clashes.load(), 0);
    QVERIFY(breaker.wouldAllow(now));
}

// Eight threads that ask, hold, succeed, fail and leave: never two probes at a time.
void TestCircuitBreaker::threadsProbeOneByOne()
{
    CircuitBreaker breaker({.openMs = 1000, .maxOpenMs = 1000, .halfOpenSuccesses = 3}, 5);
    std::atomic<qint64> now = kStart;
    std::atomic<int> probes = 0;
    std::atomic<int> most = 0;
    std::atomic<int> seen = 0;
    std::vector<std::thread> threads;
    for (quint32 t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            std::mt19937 random(t);
            for (int i = 0; i < 20'000; ++i) {
                BreakerPermit permit = breaker.acquire(now.fetch_add(kMs));
                if (!permit) {
                    continue;
                }
                const bool probe = permit.isProbe();
                if (probe) {
                    ++seen;
                    const int running = ++probes;
                    int known = most.load();
                    while (running > known && !most.compare_exchange_weak(known, running)) {
                    }
                    std::this_thread::yield();
                    --probes; // before it is settled, for from then on there may be another
                }
                switch (random() % 4) {
                case 0:
                    permit.success(now);
                    break;
                case 1:
                    permit.failure(Fault::Timeout, std::nullopt, now);
                    break;
                case 2:
                    permit.abandon();
                    break;
                default:
                    break;
                }
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    QCOMPARE(most.load(), 1);
    QVERIFY(seen.load() > 10);
    QCOMPARE(probes.load(), 0);
    // Whatever happened, it is not wedged.
    const qint64 later = now + 3600 * kSecond;
    QVERIFY(breaker.wouldAllow(later));
    for (int i = 0; i < 3; ++i) {
        succeedOnce(breaker, later);
    }
    QCOMPARE(stateOf(breaker, later), BreakerState::Closed);
}

void TestCircuitBreaker::followsItsModel_data()
{
    QTest::addColumn<quint64>("seed");
    for (quint64 seed = 1; seed <= 12; ++seed) {
        QTest::addRow("seed %llu", seed) << seed;
    }
}

// Random requests over hours. Checked against what must hold, from outside.
void TestCircuitBreaker::followsItsModel()
{
    QFETCH(const quint64, seed);
    std::mt19937_64 random(seed);
    const auto number = [&random](qint64 from, qint64 to) {
        return std::uniform_int_distribution<qint64>(from, to)(random);
    };
    BreakerConfig config{.consecutiveFailures = int(number(2, 8)),
                         .failureRatio = double(number(3, 9)) / 10,
                         .minRequests = int(number(5, 20)),
                         .openMs = number(1000, 10'000),
                         .maxOpenMs = number(10'000, 100'000),
                         .halfOpenSuccesses = int(number(1, 4))};
    CircuitBreaker breaker(config, seed);
    std::deque<BreakerPermit> running;
    qint64 now = kStart;
    qint64 notBefore = 0;
    int failPercent = 5;
    int opens = 0;
    for (int i = 0; i < 50'000; ++i) {
        now += number(0, 200) * kMs;
        if (number(0, 500) == 0) {
            failPercent = int(number(0, 100));
        }
        const bool expected = breaker.wouldAllow(now);
        const BreakerSnapshot before = breaker.snapshot(now);
        BreakerPermit permit = breaker.acquire(now);
        QCOMPARE(bool(permit), expected);
        QCOMPARE(permit.isProbe(), expected && before.state == BreakerState::HalfOpen);
        QVERIFY(!permit || now >= notBefore);
        if (permit) {
            running.push_back(std::move(permit));
        }
        while (!running.empty() && (running.size() > 20 || number(0, 2) == 0)) {
            BreakerPermit ended = std::move(running.front());
            running.pop_front();
            const bool wasClosed = breaker.snapshot(now).state == BreakerState::Closed;
            const int consecutive = breaker.snapshot(now).consecutiveFailures;
            if (number(0, 99) < failPercent) {
                const bool asks = number(0, 9) == 0;
                const qint64 askedMs = number(1, 300'000);
                ended.failure(Fault::ServerError, asks ? std::optional(askedMs) : std::nullopt,
                              now);
                if (asks && breaker.snapshot(now).state == BreakerState::Open) {
                    notBefore = std::max(notBefore, now + askedMs * kMs);
                }
            } else if (number(0, 9) == 0) {
                ended.abandon();
            } else {
                ended.success(now);
            }
            const BreakerSnapshot after = breaker.snapshot(now);
            QVERIFY(after.state != BreakerState::Closed ||
                    after.consecutiveFailures < config.consecutiveFailures);
            if (wasClosed && after.state == BreakerState::Open) {
                ++opens;
                QVERIFY(after.reason != BreakerReason::ConsecutiveFailures ||
                        consecutive + 1 >= config.consecutiveFailures);
                QVERIFY(after.reason != BreakerReason::FailureRatio ||
                        (after.requests >= config.minRequests &&
                         after.failureRatio() >= config.failureRatio));
            }
            if (after.state == BreakerState::Open) {
                QVERIFY(after.openUntilNs > now);
                const qint64 longest = std::max(config.maxOpenMs, config.openMs) * 11 / 10 * kMs;
                QVERIFY(after.openUntilNs <= std::max(notBefore, now + longest));
            }
        }
    }
    QVERIFY(opens > 0);
}

void TestCircuitBreaker::windowCounts()
{
    // Against the list of all that was added.
    std::mt19937_64 random(3);
    for (const qint64 windowMs : {1000, 30'000, 3'600'000}) {
        SlidingCounts counts(windowMs);
        std::deque<qint64> all;
        qint64 now = kStart;
        for (int i = 0; i < 20'000; ++i) {
            now += qint64(random() % quint64(windowMs * kMs / 50));
            if (random() % 500 == 0) {
                now += windowMs * kMs * qint64(random() % 3);
            }
            counts.add(1, 2, now);
            all.push_back(now);
            const auto within = [&](qint64 ns) {
                return std::count_if(all.cbegin(), all.cend(),
                                     [&](qint64 at) { return at > now - ns; });
            };
            while (all.front() < now - 2 * windowMs * kMs) {
                all.pop_front();
            }
            QVERIFY(counts.first() >= within(windowMs * kMs));
            QVERIFY(counts.first() <= within(windowMs * kMs * 17 / 16 + SlidingCounts::kSlots));
            QCOMPARE(counts.second(), counts.first() * 2);
        }
    }
}

// Other windows while it counts: nothing is lost early, nothing stays for long.
void TestCircuitBreaker::windowChanges()
{
    std::mt19937_64 random(5);
    for (int round = 0; round < 200; ++round) {
        qint64 oldMs = qint64(1000 + random() % 60'000);
        SlidingCounts counts(oldMs);
        std::deque<qint64> all;
        qint64 now = kStart;
        for (int i = 0; i < 300; ++i) {
            now += qint64(random() % quint64(oldMs * kMs / 100));
            counts.add(1, 0, now);
            all.push_back(now);
        }
        const qint64 newMs = qint64(1000 + random() % 60'000);
        counts.setWindow(newMs, now);
        const auto within = [&](qint64 ns) {
            return std::count_if(all.cbegin(), all.cend(),
                                 [&](qint64 at) { return at > now - ns; });
        };
        const qint64 slotNs = oldMs * kMs / SlidingCounts::kSlots;
        QVERIFY(counts.first() >= within(std::min(oldMs, newMs) * kMs - slotNs));
        QVERIFY(counts.first() <= within(newMs * kMs * 17 / 16 + SlidingCounts::kSlots));
        now += newMs * kMs * 18 / 16;
        counts.advance(now);
        QCOMPARE(counts.first(), 0);
    }
}

void TestCircuitBreaker::acquireAndSucceed()
{
    CircuitBreaker breaker({}, 1);
    qint64 now = kStart;
    QBENCHMARK
    {
        now += 30'000;
        BreakerPermit permit = breaker.acquire(now);
        permit.success(now);
    }
}

void TestCircuitBreaker::refuse()
{
    CircuitBreaker breaker({}, 1);
    breaker.trip(std::nullopt, kStart);
    QBENCHMARK
    {
        const BreakerPermit permit = breaker.acquire(kStart);
        Q_UNUSED(permit)
    }
}

QTEST_APPLESS_MAIN(TestCircuitBreaker)
#include "tst_circuitbreaker.moc"
