// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/base/clock.h"
#include "gateway/store/ledgerreader.h"
#include "gateway/store/usagereader.h"
#include "tests/unit/store/ledgergenerator.h"

#include <QElapsedTimer>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>

using namespace tidegate;

namespace {

constexpr qint64 kDayUs = 86'400'000'000;
#ifdef __OPTIMIZE__
constexpr int kSlower = 1;
#else
constexpr int kSlower = 5; // what the compiler's optimiser is worth
#endif
using By = UsageQuery::By;

} // namespace

/// How long reports and searches take on a ledger of 90 days: 10 million rows with TIDEGATE_SLOW=1,
/// else 300,000. TIDEGATE_LEDGER=FILE takes one that generate_ledger has just made.
class TestUsageSpeed : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void reports_data();
    void reports();
    void searches_data();
    void searches();

private:
    /// The best of three, so that a busy machine fails nothing.
    template <typename Work>
    void measure(int allowedMs, Work work)
    {
        qint64 best = std::numeric_limits<qint64>::max();
        for (int i = 0; i < 3; ++i) {
            QElapsedTimer timer;
            timer.start();
            work();
            if (QTest::currentTestFailed()) {
                return;
            }
            best = std::min(best, timer.nsecsElapsed() / 1'000);
        }
        qInfo("%-30s %7.1f ms", QTest::currentDataTag(), double(best) / 1'000);
        QVERIFY2(best <= allowedMs * kSlower * 1'000, qPrintable(QString::number(best)));
    }

    QTemporaryDir m_dir;
    QString m_database;
    qint64 m_nowUs = 0;
    qint64 m_rows = 0;
};

void TestUsageSpeed::initTestCase()
{
    const bool slow = qEnvironmentVariableIntValue("TIDEGATE_SLOW") == 1;
    m_rows = slow ? 10'000'000 : 300'000;
    m_nowUs = wallClockUs();
    m_database = qEnvironmentVariable("TIDEGATE_LEDGER");
    if (!m_database.isEmpty()) {
        LedgerReader reader;
        QVERIFY(reader.open(m_database));
        m_rows = *reader.count();
        m_nowUs = reader.newest(1)->front().row.startedAtUs + kDayUs;
        return;
    }
    m_database = m_dir.filePath(QStringLiteral("tidegate.db"));
    QElapsedTimer timer;
    timer.start();
    const auto written =
        LedgerGenerator::writeDatabase(m_database, m_rows, m_nowUs - 90 * kDayUs, m_nowUs);
    QVERIFY2(written, written ? "" : qPrintable(written.error()));
    qInfo("%lld rows in %.1f s, %lld MB", m_rows, double(timer.elapsed()) / 1'000,
          QFileInfo(m_database).size() / 1'000'000);
}

void TestUsageSpeed::reports_data()
{
    QTest::addColumn<int>("days");
    QTest::addColumn<int>("groupBy");
    QTest::addColumn<int>("seriesBy");
    QTest::addColumn<QByteArray>("zone");
    QTest::addColumn<bool>("oneKey");
    const auto row = [](const char *name, int days, By groupBy, By seriesBy = By::None,
                        const char *zone = "UTC", bool oneKey = false) {
        QTest::newRow(name) << days << int(groupBy) << int(seriesBy) << QByteArray(zone) << oneKey;
    };
    row("total", 90, By::None);
    row("by key", 90, By::Key);
    row("by team", 90, By::Team);
    row("by model", 90, By::Model);
    row("by backend", 90, By::Backend);
    row("by day", 90, By::Day);
    row("by day in Berlin", 90, By::Day, By::None, "Europe/Berlin");
    row("by day in Kathmandu", 90, By::Day, By::None, "Asia/Kathmandu");
    row("by day and key in New York", 90, By::Day, By::Key, "America/New_York");
    row("by hour", 90, By::Hour);
    row("by hour and model", 90, By::Hour, By::Model);
    row("by hour, one key", 90, By::Hour, By::None, "UTC", true);
    row("by key, one day", 1, By::Key);
    row("by hour and key, one week", 7, By::Hour, By::Key, "Asia/Kolkata");
}

void TestUsageSpeed::reports()
{
    QFETCH(const int, days);
    QFETCH(const int, groupBy);
    QFETCH(const int, seriesBy);
    QFETCH(const QByteArray, zone);
    QFETCH(const bool, oneKey);
    UsageReader reader;
    QVERIFY(reader.open(m_database));
    UsageQuery query;
    query.fromUs = m_nowUs - days * kDayUs;
    query.toUs = m_nowUs;
    query.groupBy = By(groupBy);
    query.seriesBy = By(seriesBy);
    query.timeZone = zone;
    if (oneKey) {
        query.keyIds = {7};
    }
    measure(100, [&] {
        const auto usage = reader.usage(query);
        QVERIFY2(usage, usage ? "" : qPrintable(usage.error()));
        QVERIFY(usage->complete);
        if (days == 90 && !oneKey && qEnvironmentVariableIsEmpty("TIDEGATE_LEDGER")) {
            QCOMPARE(usage->total.requests, m_rows);
        }
        QVERIFY(usage->total.requests > 0);
    });
}

void TestUsageSpeed::searches_data()
{
    QTest::addColumn<int>("which");
    const char *names[] = {"newest",     "of a key",           "of a model",
                           "failed",     "of a past week",     "of nobody",
                           "request id", "unknown request id", "of a past key and day"};
    for (int i = 0; i < 9; ++i) {
        QTest::newRow(names[i]) << i;
    }
}

void TestUsageSpeed::searches()
{
    QFETCH(const int, which);
    LedgerReader reader;
    QVERIFY(reader.open(m_database));
    RequestFilter filter;
    int expected = 100;
    switch (which) {
    case 1:
        filter.keyId = 40; // the rarest
        break;
    case 2:
        filter.model = "vendor/model-3-2026";
        break;
    case 3:
        filter.statusFrom = 500;
        filter.statusTo = 599;
        break;
    case 4:
        filter.sinceUs = m_nowUs - 60 * kDayUs;
        filter.untilUs = m_nowUs - 53 * kDayUs;
        break;
    case 5:
        filter.keyId = 4711;
        expected = 0;
        break;
    case 6: {
        const auto old = reader.newest(1, m_rows / 2);
        QVERIFY(old && old->size() == 1);
        filter.requestId = old->front().row.requestId;
        expected = 1;
        break;
    }
    case 7:
        filter.requestId = "00000000-0000-0000-0000-000000000000";
        expected = 0;
        break;
    case 8:
        filter.keyId = 3;
        filter.outcome = Outcome::ClientClosed;
        filter.sinceUs = m_nowUs - 60 * kDayUs;
        expected = m_rows > 1'000'000 ? 100 : -1;
        break;
    default:
        break;
    }
    measure(50, [&] {
        const auto found = reader.find(filter, 100);
        QVERIFY2(found, found ? "" : qPrintable(found.error()));
        if (expected >= 0) {
            QCOMPARE(int(found->size()), expected);
        }
    });
}

QTEST_GUILESS_MAIN(TestUsageSpeed)
#include "tst_usagespeed.moc"
