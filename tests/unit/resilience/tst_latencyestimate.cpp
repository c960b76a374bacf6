// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/latencyestimate.h"

#include <QTest>

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>
#include <vector>

using namespace tidegate;

namespace {

constexpr qint64 kMs = 1'000'000;
constexpr qint64 kSecond = 1000 * kMs;
constexpr qint64 kStart = 1'000'000 * kSecond;

bool near(double value, double expected, double share)
{
    return std::abs(value - expected) <= expected * share;
}

} // namespace

/// LatencyEstimate: what it follows, forgets and calls late.
class TestLatencyEstimate : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void startsSlow();
    void peakCountsAtOnce();
    void fasterPullsItDown();
    void timeDecaysIt();
    void failuresLookSlow();
    void loadCountsInFlight();
    void twoChoicesAvoidTheSlowLane();
    void percentileNeedsEnough();
    void percentileIsClose_data();
    void percentileIsClose();
    void percentileFollows();
    void extremes();
    void threads();
    void answered();
    void loadOf();
    void percentile();
};

void TestLatencyEstimate::startsSlow()
{
    const LatencyEstimate estimate;
    QCOMPARE(estimate.estimateNs(kStart), LatencyEstimate::kInitialNs);
    QCOMPARE(estimate.load(kStart), double(LatencyEstimate::kInitialNs));
    QVERIFY(!estimate.percentileNs(0.95, kStart));
}

void TestLatencyEstimate::peakCountsAtOnce()
{
    LatencyEstimate estimate;
    estimate.answered(20 * kMs, kStart);
    QCOMPARE(estimate.estimateNs(kStart), 20 * kMs);
    estimate.answered(900 * kMs, kStart + kMs);
    QCOMPARE(estimate.estimateNs(kStart + kMs), 900 * kMs);
}

void TestLatencyEstimate::fasterPullsItDown()
{
    LatencyEstimate estimate;
    estimate.answered(kSecond, kStart);
    qint64 last = kSecond;
    for (int i = 1; i <= 300; ++i) {
        estimate.answered(100 * kMs, kStart + i * 100 * kMs);
        const qint64 now = estimate.estimateNs(kStart + i * 100 * kMs);
        QVERIFY(now < last);
        last = now;
        if (i == 100) { // ten seconds: 63 % of the difference are gone
            QVERIFY(near(double(now), 100e6 + 900e6 * std::exp(-1.0), 0.01));
        }
    }
    QVERIFY(near(double(last), 100e6 + 900e6 * std::exp(-3.0), 0.01));
}

void TestLatencyEstimate::timeDecaysIt()
{
    LatencyEstimate estimate;
    estimate.answered(kSecond, kStart);
    QVERIFY(near(double(estimate.estimateNs(kStart + LatencyEstimate::kDecayNs)),
                 1e9 * std::exp(-1.0), 0.001));
    QVERIFY(estimate.estimateNs(kStart + 300 * kSecond) < kMs);
    // Reading changes nothing, and a clock that seems to go back does no harm.
    QCOMPARE(estimate.estimateNs(kStart), kSecond);
    QCOMPARE(estimate.estimateNs(kStart - kSecond), kSecond);
}

void TestLatencyEstimate::failuresLookSlow()
{
    LatencyEstimate estimate;
    estimate.answered(20 * kMs, kStart);
    estimate.failed(kMs, kStart);
    QCOMPARE(estimate.estimateNs(kStart), LatencyEstimate::kFailureNs);
    estimate.failed(60 * kSecond, kStart);
    QCOMPARE(estimate.estimateNs(kStart), 60 * kSecond);
    for (int i = 0; i < 30; ++i) {
        estimate.answered(20 * kMs, kStart);
        estimate.failed(kMs, kStart);
    }
    QVERIFY(*estimate.percentileNs(0.99, kStart) < 25 * kMs); // they are not answers
}

void TestLatencyEstimate::loadCountsInFlight()
{
    LatencyEstimate estimate;
    estimate.answered(100 * kMs, kStart);
    QCOMPARE(estimate.load(kStart), 100e6);
    estimate.started();
    estimate.started();
    QCOMPARE(estimate.inFlight(), 2);
    QCOMPARE(estimate.load(kStart), 300e6);
    estimate.ended();
    estimate.ended();
    QCOMPARE(estimate.load(kStart), 100e6);
}

// Three lanes, one of them ten times slower: it gets few requests, and its share back when it is
// well again.
void TestLatencyEstimate::twoChoicesAvoidTheSlowLane()
{
    std::vector<LatencyEstimate> lanes(3);
    std::mt19937_64 random(23);
    struct Running
    {
        qint64 endNs;
        size_t lane;
        qint64 latencyNs;
    };
    std::vector<Running> running;
    const auto run = [&](qint64 fromNs, qint64 toNs, qint64 slowMs) {
        std::vector<int> counts(3);
        for (qint64 now = fromNs; now < toNs; now += 5 * kMs) {
            std::erase_if(running, [&](const Running &request) {
                if (request.endNs > now) {
                    return false;
                }
                lanes[request.lane].answered(request.latencyNs, now);
                lanes[request.lane].ended();
                return true;
            });
            const size_t a = random() % 3;
            const size_t b = (a + 1 + random() % 2) % 3;
            const size_t lane = lanes[a].load(now) <= lanes[b].load(now) ? a : b;
            const qint64 meanMs = lane == 0 ? slowMs : 100;
            const qint64 latencyNs = qint64(meanMs * kMs * qint64(80 + random() % 40) / 100);
            lanes[lane].started();
            running.push_back({now + latencyNs, lane, latencyNs});
            ++counts[lane];
        }
        return counts;
    };
    const std::vector<int> sick = run(kStart, kStart + 60 * kSecond, 1000);
    QVERIFY2(sick[0] < 12'000 * 8 / 100, QByteArray::number(sick[0]).constData());
    QVERIFY(sick[0] > 10); // but it is tried again and again
    run(kStart + 60 * kSecond, kStart + 120 * kSecond, 100);
    const std::vector<int> well = run(kStart + 120 * kSecond, kStart + 180 * kSecond, 100);
    QVERIFY2(well[0] > 12'000 * 25 / 100, QByteArray::number(well[0]).constData());
}

void TestLatencyEstimate::percentileNeedsEnough()
{
    LatencyEstimate estimate;
    for (int i = 0; i < LatencyEstimate::kMinObservations - 1; ++i) {
        estimate.answered(100 * kMs, kStart);
    }
    QVERIFY(!estimate.percentileNs(0.95, kStart));
    estimate.answered(100 * kMs, kStart);
    QVERIFY(near(double(*estimate.percentileNs(0.95, kStart)), 100e6, 0.07));
    // Old ones count for less and less.
    QVERIFY(!estimate.percentileNs(0.95, kStart + LatencyEstimate::kHalfLifeNs));
    QVERIFY(!estimate.percentileNs(0.95, kStart + 1'000'000 * kSecond));
}

void TestLatencyEstimate::percentileIsClose_data()
{
    QTest::addColumn<double>("mean");
    QTest::addColumn<double>("deviation");
    QTest::newRow("narrow") << 5.0 << 0.05;
    QTest::newRow("usual") << 6.0 << 0.5;
    QTest::newRow("wide") << 6.0 << 1.5;
    QTest::newRow("slow") << 10.0 << 0.7;
}

void TestLatencyEstimate::percentileIsClose()
{
    QFETCH(const double, mean);
    QFETCH(const double, deviation);
    std::mt19937_64 random(29);
    std::lognormal_distribution<double> latency(mean, deviation); // milliseconds
    LatencyEstimate estimate;
    std::vector<double> all;
    for (int i = 0; i < 20'000; ++i) {
        const double ms = std::max(1.0, latency(random));
        all.push_back(ms * 1e6);
        estimate.answered(qint64(ms * 1e6), kStart + i);
    }
    std::sort(all.begin(), all.end());
    for (const double share : {0.5, 0.9, 0.95, 0.99}) {
        const double expected = all[size_t(share * double(all.size()))];
        const double found = double(*estimate.percentileNs(share, kStart + 20'000));
        QVERIFY2(near(found, expected, 0.1), QByteArray::number(found / expected).constData());
    }
}

void TestLatencyEstimate::percentileFollows()
{
    LatencyEstimate estimate;
    qint64 now = kStart;
    for (int i = 0; i < 6000; ++i) {
        estimate.answered(100 * kMs, now += 100 * kMs);
    }
    QVERIFY(near(double(*estimate.percentileNs(0.95, now)), 100e6, 0.07));
    for (int i = 0; i < 6000; ++i) { // ten minutes
        estimate.answered(800 * kMs, now += 100 * kMs);
    }
    QVERIFY(near(double(*estimate.percentileNs(0.05, now)), 800e6, 0.07));
}

void TestLatencyEstimate::extremes()
{
    LatencyEstimate estimate;
    for (const qint64 ns : {std::numeric_limits<qint64>::min(), qint64(-1), qint64(0), qint64(1),
                            std::numeric_limits<qint64>::max()}) {
        for (int i = 0; i < 10; ++i) {
            estimate.answered(ns, kStart);
        }
    }
    QVERIFY(estimate.load(kStart) > 0);
    QVERIFY(*estimate.percentileNs(0, kStart) > 0);
    QVERIFY(*estimate.percentileNs(1, kStart) > 0);
}

void TestLatencyEstimate::threads()
{
    LatencyEstimate estimate;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&estimate] {
            for (int i = 0; i < 20'000; ++i) {
                estimate.started();
                estimate.answered((50 + i % 100) * kMs, kStart + i);
                (void)estimate.load(kStart + i);
                estimate.ended();
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    QCOMPARE(estimate.inFlight(), 0);
    QVERIFY(near(double(*estimate.percentileNs(0.5, kStart + 20'000)), 100e6, 0.1));
}

void TestLatencyEstimate::answered()
{
    LatencyEstimate estimate;
    qint64 now = kStart;
    QBENCHMARK
    {
        now += 30'000;
        estimate.answered(100 * kMs + now % kMs, now);
    }
}

void TestLatencyEstimate::loadOf()
{
    LatencyEstimate estimate;
    estimate.answered(100 * kMs, kStart);
    qint64 now = kStart;
    double sum = 0;
    QBENCHMARK
    {
        now += 30'000;
        sum += estimate.load(now);
    }
    QVERIFY(sum > 0);
}

void TestLatencyEstimate::percentile()
{
    LatencyEstimate estimate;
    for (int i = 0; i < 1000; ++i) {
        estimate.answered((50 + i) * kMs, kStart);
    }
    QBENCHMARK
    {
        const auto late = estimate.percentileNs(0.95, kStart);
        Q_UNUSED(late)
    }
}

QTEST_APPLESS_MAIN(TestLatencyEstimate)
#include "tst_latencyestimate.moc"
