// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/backoff.h"
#include "gateway/resilience/retryafter.h"
#include "gateway/resilience/retrybudget.h"

#include <QTest>

#include <atomic>
#include <deque>
#include <random>
#include <thread>
#include <vector>

using namespace tidegate;

namespace {

constexpr qint64 kMs = 1'000'000;
constexpr qint64 kSecond = 1000 * kMs;
constexpr qint64 kStart = 1'000'000 * kSecond;

} // namespace

/// Backoff and RetryBudget: what bounds retries, in time and in number.
class TestRetries : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void fullJitterFillsItsStep();
    void equalJitterWaitsAtLeastHalf();
    void stepsDoubleToTheMaximum();
    void retryAfterIsAFloor();
    void extremesOfBackoff();
    void differentSeedsDiffer();

    void quietGatewayMayRetry();
    void shareOfRequests();
    void bothOrNone();
    void configureKeepsCounts();
    void stormIsBounded();
    void neverPassesItsBound();
    void threads();
    void takeBoth();
};

void TestRetries::fullJitterFillsItsStep()
{
    Backoff backoff(1);
    const BackoffConfig config{.baseMs = 1000, .maxMs = 60'000};
    qint64 least = 1000;
    qint64 most = 0;
    qint64 sum = 0;
    constexpr int kTimes = 100'000;
    for (int i = 0; i < kTimes; ++i) {
        const qint64 ms = backoff.delayMs(config, 1, std::nullopt);
        least = std::min(least, ms);
        most = std::max(most, ms);
        sum += ms;
    }
    QCOMPARE(least, 0);
    QCOMPARE(most, 1000);
    QVERIFY(std::abs(sum / kTimes - 500) < 5);
}

void TestRetries::equalJitterWaitsAtLeastHalf()
{
    Backoff backoff(1);
    const BackoffConfig config{
        .baseMs = 1000, .maxMs = 60'000, .jitter = BackoffConfig::Jitter::Equal};
    qint64 least = 1000;
    qint64 most = 0;
    for (int i = 0; i < 100'000; ++i) {
        const qint64 ms = backoff.delayMs(config, 1, std::nullopt);
        least = std::min(least, ms);
        most = std::max(most, ms);
    }
    QCOMPARE(least, 500);
    QCOMPARE(most, 1000);
}

void TestRetries::stepsDoubleToTheMaximum()
{
    Backoff backoff(1);
    const BackoffConfig config{.baseMs = 250, .maxMs = 5000};
    const qint64 steps[] = {250, 500, 1000, 2000, 4000, 5000, 5000};
    for (int retry = 1; retry <= 7; ++retry) {
        qint64 most = 0;
        for (int i = 0; i < 20'000; ++i) {
            most = std::max(most, backoff.delayMs(config, retry, std::nullopt));
        }
        QVERIFY(most <= steps[retry - 1]);
        QVERIFY(most > steps[retry - 1] * 99 / 100);
    }
}

void TestRetries::retryAfterIsAFloor()
{
    Backoff backoff(1);
    const BackoffConfig config{.baseMs = 250, .maxMs = 5000};
    bool spread = false;
    for (int i = 0; i < 10'000; ++i) {
        const qint64 ms = backoff.delayMs(config, 1 + i % 8, 30'000);
        QVERIFY(ms >= 30'000 && ms <= 33'000);
        spread = spread || ms != 30'000;
        QVERIFY(backoff.delayMs(config, 1, 0) <= 250);
        QVERIFY(backoff.delayMs(config, 1, 100) >= 100);
    }
    QVERIFY(spread);
    QVERIFY(backoff.delayMs(config, 1, qint64(120) * 3'600'000) <= RetryAfter::kMaxMs + 250);
}

void TestRetries::extremesOfBackoff()
{
    Backoff backoff(1);
    for (const auto jitter : {BackoffConfig::Jitter::Full, BackoffConfig::Jitter::Equal}) {
        QCOMPARE(backoff.delayMs({.baseMs = 0, .maxMs = 0, .jitter = jitter}, 1000, std::nullopt),
                 0);
        QCOMPARE(backoff.delayMs({.baseMs = 0, .maxMs = 0, .jitter = jitter}, 1, 7), 7);
        for (const int retry : {-1, 0, 1, 100, 1'000'000}) {
            const qint64 ms = backoff.delayMs(
                {.baseMs = 86'400'000, .maxMs = 86'400'000, .jitter = jitter}, retry, std::nullopt);
            QVERIFY(ms >= 0 && ms <= 86'400'000);
        }
        // A maximum below the base does not count.
        QVERIFY(backoff.delayMs({.baseMs = 1000, .maxMs = 10, .jitter = jitter}, 5, std::nullopt) <=
                1000);
    }
}

void TestRetries::differentSeedsDiffer()
{
    const BackoffConfig config{.baseMs = 1'000'000, .maxMs = 1'000'000};
    Backoff a(1);
    Backoff b(2);
    Backoff c(1);
    const qint64 first = a.delayMs(config, 1, std::nullopt);
    QVERIFY(first != b.delayMs(config, 1, std::nullopt));
    QCOMPARE(first, c.delayMs(config, 1, std::nullopt));
}

void TestRetries::quietGatewayMayRetry()
{
    RetryBudget budget;
    budget.request(kStart);
    int taken = 0;
    while (budget.takeRetry(kStart)) {
        ++taken;
    }
    QCOMPARE(taken, 10); // one for each of the window's seconds
    QVERIFY(!budget.takeRetry(kStart + kSecond));
    QVERIFY(budget.takeRetry(kStart + 11 * kSecond));
}

void TestRetries::shareOfRequests()
{
    RetryBudget budget({.ratio = 0.2, .minRetriesPerSecond = 0});
    QVERIFY(!budget.takeRetry(kStart));
    for (int i = 0; i < 5; ++i) {
        QCOMPARE(budget.retriesLeft(kStart), 0);
        budget.request(kStart);
    }
    QCOMPARE(budget.retriesLeft(kStart), 1);
    QVERIFY(budget.takeRetry(kStart));
    QVERIFY(!budget.takeRetry(kStart));
    for (int i = 0; i < 995; ++i) {
        budget.request(kStart);
    }
    QCOMPARE(budget.retriesLeft(kStart), 199);
}

void TestRetries::bothOrNone()
{
    RetryBudget backend({.ratio = 0, .minRetriesPerSecond = 0.5});
    RetryBudget overall({.ratio = 0, .minRetriesPerSecond = 0.3});
    for (int i = 0; i < 3; ++i) {
        QVERIFY(RetryBudget::takeRetry(backend, overall, kStart));
    }
    QVERIFY(!RetryBudget::takeRetry(backend, overall, kStart));
    QCOMPARE(backend.retriesLeft(kStart), 2); // nothing was taken from it the last time
    QCOMPARE(overall.retriesLeft(kStart), 0);
}

void TestRetries::configureKeepsCounts()
{
    RetryBudget budget({.ratio = 0.2, .minRetriesPerSecond = 0});
    for (int i = 0; i < 100; ++i) {
        budget.request(kStart);
    }
    for (int i = 0; i < 15; ++i) {
        QVERIFY(budget.takeRetry(kStart));
    }
    budget.configure({.ratio = 0.1, .minRetriesPerSecond = 0}, kStart);
    QVERIFY(!budget.takeRetry(kStart));
    budget.configure({.ratio = 0.5, .minRetriesPerSecond = 0, .windowMs = 20'000}, kStart);
    QCOMPARE(budget.retriesLeft(kStart), 35);
    QCOMPARE(budget.retriesLeft(kStart + 15 * kSecond), 35);
    QCOMPARE(budget.retriesLeft(kStart + 25 * kSecond), 0);
}

// Everything fails and every failure wants three retries: the backend sees 1.2 times the requests.
void TestRetries::stormIsBounded()
{
    RetryBudget budget;
    qint64 requests = 0;
    qint64 retries = 0;
    for (qint64 now = kStart; now < kStart + 600 * kSecond; now += 2 * kMs) {
        ++requests;
        budget.request(now);
        for (int i = 0; i < 3; ++i) {
            retries += budget.takeRetry(now) ? 1 : 0;
        }
    }
    const double share = double(retries) / double(requests);
    QVERIFY2(share > 0.19 && share < 0.21, QByteArray::number(share).constData());
}

void TestRetries::neverPassesItsBound()
{
    std::mt19937_64 random(17);
    const RetryBudgetConfig config;
    RetryBudget budget(config);
    std::deque<qint64> requests;
    std::deque<qint64> retries;
    qint64 now = kStart;
    for (int i = 0; i < 100'000; ++i) {
        // Busy and quiet times in turn.
        now += qint64(random() % quint64((i / 1000) % 2 ? 20 * kMs : kSecond));
        if (random() % 2 == 0) {
            budget.request(now);
            requests.push_back(now);
        } else if (budget.takeRetry(now)) {
            retries.push_back(now);
        }
        // The window moves in sixteenths: what was asked for lies in one that much longer.
        const qint64 longestNs = config.windowMs * kMs * 17 / 16;
        while (!requests.empty() && requests.front() <= now - longestNs) {
            requests.pop_front();
        }
        while (!retries.empty() && retries.front() <= now - config.windowMs * kMs) {
            retries.pop_front();
        }
        const double bound = config.ratio * double(requests.size()) +
                             config.minRetriesPerSecond * double(config.windowMs) / 1000;
        QVERIFY(double(retries.size()) <= bound + 1e-6 || retries.back() != now);
    }
}

void TestRetries::threads()
{
    RetryBudget backend({.ratio = 0.2, .minRetriesPerSecond = 0});
    RetryBudget other({.ratio = 0.2, .minRetriesPerSecond = 0});
    RetryBudget overall({.ratio = 0.1, .minRetriesPerSecond = 0});
    for (int i = 0; i < 10'000; ++i) {
        backend.request(kStart);
        other.request(kStart);
        overall.request(kStart);
        overall.request(kStart);
    }
    std::atomic<int> taken = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 5000; ++i) {
                RetryBudget &one = t % 2 == 0 ? backend : other;
                taken += RetryBudget::takeRetry(one, overall, kStart) ? 1 : 0;
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    QCOMPARE(taken.load(), 2000); // overall's tenth of 20,000
    QCOMPARE(backend.retriesLeft(kStart) + other.retriesLeft(kStart), 2000);
}

void TestRetries::takeBoth()
{
    RetryBudget backend;
    RetryBudget overall;
    qint64 now = kStart;
    QBENCHMARK
    {
        now += 30'000;
        backend.request(now);
        overall.request(now);
        const bool taken = RetryBudget::takeRetry(backend, overall, now);
        Q_UNUSED(taken)
    }
}

QTEST_APPLESS_MAIN(TestRetries)
#include "tst_retries.moc"
