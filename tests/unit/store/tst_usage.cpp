// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/base/clock.h"
#include "gateway/store/database.h"
#include "gateway/store/durationhistogram.h"
#include "gateway/store/ledgerreader.h"
#include "gateway/store/ledgerrollup.h"
#include "gateway/store/ledgerwriter.h"
#include "gateway/store/sqlitestatement.h"
#include "gateway/store/store.h"
#include "gateway/store/usagereader.h"
#include "tests/unit/store/ledgergenerator.h"

#include <QDeadlineTimer>
#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <QTimeZone>

#include <algorithm>
#include <csignal>
#include <map>
#include <mutex>
#include <optional>

#include <sqlite3.h>
#include <sys/resource.h>

using namespace tidegate;
using By = UsageQuery::By;

namespace {

constexpr qint64 kSecondUs = 1'000'000;
constexpr qint64 kHourUs = 3'600 * kSecondUs;
constexpr qint64 kDayUs = 24 * kHourUs;

template <typename T>
using Slot = std::optional<Result<T>>;

template <typename T>
Store::Reply<T> into(Slot<T> &slot)
{
    return [&slot](Result<T> result) { slot = std::move(result); };
}

/// Counts and exact sums, added up row by row.
struct Plain
{
    qint64 requests = 0;
    qint64 failed = 0;
    qint64 cancelled = 0;
    qint64 input = 0;
    qint64 output = 0;
    qint64 costNano = 0;
    qint64 unknownCost = 0;
    qint64 estimated = 0;
    qint64 bytes = 0;
    bool operator==(const Plain &) const = default;

    void add(const LedgerRow &row)
    {
        ++requests;
        failed += row.outcome == Outcome::ClientError || row.outcome == Outcome::UpstreamError;
        cancelled += row.outcome == Outcome::ClientClosed;
        input += std::max<qint64>(0, row.usage.input);
        output += std::max<qint64>(0, row.usage.output);
        costNano += row.cost ? row.cost->nano() : 0;
        unknownCost += !row.cost && row.attempts > 0;
        estimated += row.usage.estimated;
        bytes += row.bytesIn + row.bytesOut;
    }

    static Plain of(const UsageTotals &totals)
    {
        return {totals.requests,    totals.errors(),     totals.cancelled,
                totals.inputTokens, totals.outputTokens, totals.cost.nano(),
                totals.unknownCost, totals.estimated,    totals.bytesIn + totals.bytesOut};
    }
};

QString valueOf(By by, const LedgerRow &row, const QTimeZone &zone)
{
    const QDateTime time = QDateTime::fromMSecsSinceEpoch(row.startedAtUs / 1'000, zone);
    switch (by) {
    case By::Key:
        return QString::number(row.keyId);
    case By::Team:
        return QString::number(row.teamId);
    case By::Endpoint:
        return QString::number(int(row.endpoint));
    case By::Model:
        return row.status == 404 ? QString() : QString::fromUtf8(row.requestedModel);
    case By::ServedModel:
        return QString::fromUtf8(row.servedModel);
    case By::Backend:
        return QString::fromUtf8(row.backend);
    case By::Day:
        return QString::number(time.date().startOfDay(zone).toMSecsSinceEpoch() * 1'000);
    case By::Month:
        return QString::number(
            QDate(time.date().year(), time.date().month(), 1).startOfDay(zone).toMSecsSinceEpoch() *
            1'000);
    case By::Hour:
    case By::QuarterHour:
    case By::Minute: {
        const int minutes = by == By::Hour ? 60 : by == By::QuarterHour ? 15 : 1;
        const qint64 localUs = row.startedAtUs + time.offsetFromUtc() * kSecondUs;
        const qint64 startUs = row.startedAtUs - localUs % (minutes * 60 * kSecondUs);
        const auto start = QDateTime::fromMSecsSinceEpoch(startUs / 1'000, zone);
        if (start.offsetFromUtc() != time.offsetFromUtc()) {
            const auto change = zone.previousTransition(time.addMSecs(1)).atUtc;
            return QString::number(change.toMSecsSinceEpoch() * 1'000);
        }
        return QString::number(startUs);
    }
    case By::None:
        break;
    }
    return {};
}

QString valueOf(By by, const UsageResult::Label &label)
{
    switch (by) {
    case By::Model:
    case By::ServedModel:
    case By::Backend:
        return label.name;
    case By::None:
        return {};
    default:
        return QString::number(label.id);
    }
}

std::vector<LedgerRow> rowsOf(LedgerGenerator &generator, int count)
{
    std::vector<LedgerRow> rows;
    for (int i = 0; i < count; ++i) {
        rows.push_back(generator.row(i, count));
    }
    return rows;
}

QByteArray describe(const Plain &plain)
{
    return QByteArray::number(plain.requests) + " requests, " + QByteArray::number(plain.failed) +
           " failed, " + QByteArray::number(plain.cancelled) + " cancelled, tokens " +
           QByteArray::number(plain.input) + '+' + QByteArray::number(plain.output) + ", nano " +
           QByteArray::number(plain.costNano) + ", unknown " +
           QByteArray::number(plain.unknownCost) + ", estimated " +
           QByteArray::number(plain.estimated) + ", bytes " + QByteArray::number(plain.bytes);
}

/// Why the answer differs from a plain sum over @p rows; empty: it does not.
QByteArray difference(const UsageQuery &query, const UsageResult &usage,
                      const std::vector<LedgerRow> &rows)
{
    const QTimeZone zone(query.timeZone);
    std::map<std::pair<QString, QString>, Plain> expected;
    Plain total;
    for (const LedgerRow &row : rows) {
        const auto allows = [](const auto &list, const auto &value) {
            return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
        };
        if (row.startedAtUs < query.fromUs || row.startedAtUs >= query.toUs ||
            !allows(query.keyIds, row.keyId) || !allows(query.teamIds, row.teamId) ||
            !allows(query.backends, row.backend) ||
            (!allows(query.models, row.requestedModel) && !allows(query.models, row.servedModel))) {
            continue;
        }
        expected[{valueOf(query.groupBy, row, zone), valueOf(query.seriesBy, row, zone)}].add(row);
        total.add(row);
    }
    if (Plain::of(usage.total) != total) {
        return "total: " + describe(Plain::of(usage.total)) + " instead of " + describe(total);
    }
    std::map<int, Plain> groups;
    for (const auto &cell : usage.cells) {
        const auto place = std::pair(valueOf(query.groupBy, usage.groups[size_t(cell.group)]),
                                     valueOf(query.seriesBy, usage.series[size_t(cell.series)]));
        const auto it = expected.find(place);
        if (it == expected.end()) {
            return "there should be nothing in " + place.first.toUtf8() + '/' +
                   place.second.toUtf8();
        }
        if (Plain::of(cell.totals) != it->second) {
            return place.first.toUtf8() + '/' + place.second.toUtf8() + ": " +
                   describe(Plain::of(cell.totals)) + " instead of " + describe(it->second);
        }
        expected.erase(it);
    }
    if (!expected.empty()) {
        return "missing: " + expected.begin()->first.first.toUtf8() + '/' +
               expected.begin()->first.second.toUtf8();
    }
    return {};
}

} // namespace

/// Roll-ups and the reports on them, against a plain sum over all rows.
class TestUsage : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();

    void histogramIsRightToSixPercent();
    void reportsAreExact_data();
    void reportsAreExact();
    void edgesAreExact();
    void filters();
    void percentiles();
    void stepsOfTimeAreComplete();
    void refusesWhatCannotBe();
    void namesOfKeysAndTeams();
    void longRequestsCountWhereTheyStarted();
    void hugeCountsDoNotOverflow();
    void inventedModelsDoNotGrowTheReports();
    void spilledRowsCountOnce();
    void catchesUpWithAnOlderLedger();
    void catchesUpAfterAnyKill();
    void sumsAreRightAfterAFullDisk();
    void damagedSumsHoldUpNoRows();
    void sumsOutliveTheRows();
    void rowsJustWrittenAreNotReadBack();
    void daysOutliveTheDetails();
    void spendIsExact();
    void spendKnowsWhatWaits();
    void findsHolds();
    void tellsWhenRowsAreDurable();

private:
    QString path(const QString &name) const { return m_data + QLatin1Char('/') + name; }
    QString database() const { return path(QStringLiteral("tidegate.db")); }
    /// Brings @p rows into a database, in several batches.
    void store(const std::vector<LedgerRow> &rows);
    /// Compares a report with a plain sum.
    void check(const UsageQuery &query, const std::vector<LedgerRow> &rows);

    std::unique_ptr<QTemporaryDir> m_dir;
    QString m_data;
};

void TestUsage::init()
{
    m_dir = std::make_unique<QTemporaryDir>();
    QVERIFY(m_dir->isValid());
    m_data = m_dir->filePath(QStringLiteral("data"));
}

void TestUsage::cleanup()
{
    m_dir.reset();
}

void TestUsage::store(const std::vector<LedgerRow> &rows)
{
    Store store(m_data);
    const auto opened = store.open();
    QVERIFY2(opened, opened ? "" : qPrintable(opened.error()));
    for (size_t i = 0; i < rows.size(); i += 1'000) {
        const auto end = std::min(rows.size(), i + 1'000);
        store.append(
            std::vector<LedgerRow>(rows.begin() + qsizetype(i), rows.begin() + qsizetype(end)));
    }
    store.close();
    QCOMPARE(store.ledgerStats().written, qint64(rows.size()));
    // All but the last rows are added up.
    Database database;
    QVERIFY(database.open(this->database()));
    LedgerRollup rollup(database.connection());
    QVERIFY(rollup.open());
    const qint64 blocks = qint64(rows.size()) / LedgerRollup::kBlockRows;
    while (rollup.rolledUpTo() < blocks * LedgerRollup::kBlockRows) {
        QVERIFY(rollup.advance(blocks * LedgerRollup::kBlockRows));
    }
}

void TestUsage::check(const UsageQuery &query, const std::vector<LedgerRow> &rows)
{
    UsageReader reader;
    QVERIFY(reader.open(database()));
    const auto usage = reader.usage(query);
    QVERIFY2(usage, usage ? "" : qPrintable(usage.error()));
    QVERIFY(usage->complete);
    const QByteArray wrong = difference(query, *usage, rows);
    QVERIFY2(wrong.isEmpty(), wrong.constData());
}

void TestUsage::histogramIsRightToSixPercent()
{
    for (qint64 us = 0; us < 60'000'000'000; us = us < 100 ? us + 1 : us + us / 7) {
        const int at = DurationHistogram::classOf(us);
        QVERIFY(DurationHistogram::lowerBound(at) <= us);
        QVERIFY(us < DurationHistogram::lowerBound(at + 1));
        DurationHistogram histogram;
        histogram.add(at, 1);
        const qint64 answer = histogram.percentile(0.5);
        QVERIFY2(std::abs(answer - us) * 100 <= us * 6.3 + 100, qPrintable(QString::number(us)));
    }
    QCOMPARE(DurationHistogram::classOf(-5), 0);
    QCOMPARE(DurationHistogram::classOf(std::numeric_limits<qint64>::max()),
             DurationHistogram::kClasses - 1);
    QCOMPARE(DurationHistogram().percentile(0.5), -1);
}

void TestUsage::reportsAreExact_data()
{
    QTest::addColumn<QByteArray>("zone");
    for (const char *zone : {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata",
                             "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham"}) {
        QTest::newRow(zone) << QByteArray(zone);
    }
}

void TestUsage::reportsAreExact()
{
    QFETCH(const QByteArray, zone);
    // Over the change of clocks in Europe and Lord Howe (2025-10-26 and 2025-10-05), with the
    // newest rows not added up.
    const qint64 fromUs = 1'759'000'000 * kSecondUs;
    const qint64 toUs = fromUs + 36 * kDayUs + 1'234'567;
    LedgerGenerator generator(fromUs, toUs);
    const auto rows = rowsOf(generator, 6'000);
    store(rows);
    if (QTest::currentTestFailed()) {
        return;
    }
    for (const By groupBy : {By::None, By::Key, By::Team, By::Model, By::ServedModel, By::Backend,
                             By::Endpoint, By::QuarterHour, By::Hour, By::Day, By::Month}) {
        for (const By seriesBy : {By::None, By::Model}) {
            UsageQuery query;
            query.fromUs = fromUs;
            query.toUs = toUs;
            query.groupBy = groupBy;
            query.seriesBy = seriesBy;
            query.timeZone = zone;
            check(query, rows);
            query.fromUs += 3 * kDayUs + 47 * 60 * kSecondUs + 11;
            query.toUs -= 5 * kDayUs + 13 * 60 * kSecondUs + 7;
            check(query, rows);
            if (QTest::currentTestFailed()) {
                qInfo("group by %d, series by %d", int(groupBy), int(seriesBy));
                return;
            }
        }
    }
}

void TestUsage::edgesAreExact()
{
    const qint64 fromUs = 1'759'000'000 * kSecondUs;
    const qint64 toUs = fromUs + 3 * kDayUs;
    LedgerGenerator generator(fromUs, toUs);
    const auto rows = rowsOf(generator, 9'000);
    store(rows);
    // Ends everywhere: on rows' own microseconds, and on every kind of border.
    std::minstd_rand random(7);
    std::vector<qint64> times;
    for (int i = 0; i < 40; ++i) {
        times.push_back(rows[random() % rows.size()].startedAtUs + qint64(random() % 3) - 1);
        const qint64 step = i % 2 == 0 ? kHourUs / 4 : kHourUs;
        times.push_back((fromUs / step + qint64(random() % 300)) * step + qint64(random() % 3) - 1);
    }
    for (int i = 0; i < 200 && !QTest::currentTestFailed(); ++i) {
        UsageQuery query;
        query.fromUs = times[random() % times.size()];
        query.toUs = times[random() % times.size()];
        query.groupBy = i % 3 == 0 ? By::Key : By::None;
        check(query, rows);
        if (query.toUs - query.fromUs < kDayUs && query.toUs > query.fromUs) {
            query.groupBy = By::Minute;
            query.timeZone = "Asia/Kathmandu";
            check(query, rows);
        }
    }
}

void TestUsage::filters()
{
    const qint64 fromUs = 1'759'000'000 * kSecondUs;
    const qint64 toUs = fromUs + 2 * kDayUs;
    LedgerGenerator generator(fromUs, toUs);
    const auto rows = rowsOf(generator, 9'000);
    store(rows);
    UsageQuery query;
    query.fromUs = fromUs + 1;
    query.toUs = toUs - 1;
    query.groupBy = By::Hour;
    query.keyIds = {3, 7};
    check(query, rows);
    query.teamIds = {3};
    check(query, rows);
    query.keyIds.clear();
    query.teamIds.clear();
    query.models = {"model-3", "vendor/model-5-2026"};
    check(query, rows);
    query.backends = {"backend-0"};
    check(query, rows);
    query.backends = {"nowhere"};
    check(query, rows);
}

void TestUsage::percentiles()
{
    std::vector<LedgerRow> rows;
    for (int i = 1; i <= 10'000; ++i) {
        LedgerRow row;
        row.startedAtUs = 1'759'000'000 * kSecondUs + i * kSecondUs;
        row.totalUs = i * 1'000;
        row.firstByteUs = i % 2 == 0 ? i * 100 : -1;
        row.keyId = 1 + i % 2;
        rows.push_back(row);
    }
    store(rows);
    UsageReader reader;
    QVERIFY(reader.open(database()));
    UsageQuery query;
    query.fromUs = 0;
    query.toUs = 2'000'000'000 * kSecondUs;
    query.seriesBy = By::Key;
    const auto usage = reader.usage(query);
    QVERIFY(usage);
    const auto near = [](qint64 is, qint64 should) {
        return std::abs(is - should) * 100 <= should * 7;
    };
    QVERIFY(near(usage->total.p50Us, 5'000'000));
    QVERIFY(near(usage->total.p95Us, 9'500'000));
    QVERIFY(near(usage->total.p99Us, 9'900'000));
    QVERIFY(near(usage->total.firstByteP50Us, 500'000));
    QVERIFY(near(usage->total.firstByteP99Us, 990'000));
    QCOMPARE(usage->series.size(), size_t(2));
    for (size_t i = 0; i < 2; ++i) {
        QVERIFY(near(usage->seriesTotals[i].p95Us, 9'500'000));
        QCOMPARE(usage->seriesTotals[i].firstByteP50Us >= 0, usage->series[i].id == 1);
    }
    QCOMPARE(usage->groupTotals[0].p50Us, usage->total.p50Us);
}

void TestUsage::stepsOfTimeAreComplete()
{
    store({});
    UsageReader reader;
    QVERIFY(reader.open(database()));
    UsageQuery query;
    query.timeZone = "Europe/Berlin";
    // The last Sunday of October 2025 has 25 hours, the last of March 2026 has 23.
    const QTimeZone zone(query.timeZone);
    const auto midnight = [&zone](int year, int month, int day) {
        return QDate(year, month, day).startOfDay(zone).toMSecsSinceEpoch() * 1'000;
    };
    query.groupBy = By::Hour;
    query.fromUs = midnight(2025, 10, 26);
    query.toUs = midnight(2025, 10, 27);
    QCOMPARE(reader.usage(query)->groups.size(), size_t(25));
    query.fromUs = midnight(2026, 3, 29);
    query.toUs = midnight(2026, 3, 30);
    QCOMPARE(reader.usage(query)->groups.size(), size_t(23));
    query.groupBy = By::Day;
    query.fromUs = midnight(2025, 10, 20) + 5;
    query.toUs = midnight(2025, 11, 3) + 5;
    const auto days = reader.usage(query);
    QCOMPARE(days->groups.size(), size_t(15));
    QCOMPARE(days->groups[0].id, midnight(2025, 10, 20));
    QCOMPARE(days->groups[7].id - days->groups[6].id, 25 * kHourUs);
    QCOMPARE(days->groups[14].id, midnight(2025, 11, 3));
    query.groupBy = By::Month;
    query.fromUs = midnight(2025, 1, 31);
    query.toUs = midnight(2026, 3, 1);
    const auto months = reader.usage(query);
    QCOMPARE(months->groups.size(), size_t(14));
    QCOMPARE(months->groups[0].id, midnight(2025, 1, 1));
    QCOMPARE(months->groups[13].id, midnight(2026, 2, 1));
    QCOMPARE(days->total.requests, 0);
    QCOMPARE(days->total.p50Us, -1);
}

void TestUsage::refusesWhatCannotBe()
{
    store({});
    UsageReader reader;
    QVERIFY(reader.open(database()));
    UsageQuery query;
    query.toUs = kDayUs;
    query.groupBy = By::Day;
    query.timeZone = "Mars/Phobos";
    QVERIFY(reader.usage(query).error().contains(QStringLiteral("Mars/Phobos")));
    query.timeZone = "UTC";
    query.seriesBy = By::Hour;
    QVERIFY(!reader.usage(query));
    query.seriesBy = By::None;
    query.groupBy = By::Minute;
    query.toUs = 100 * kDayUs;
    QVERIFY(!reader.usage(query));
    query.groupBy = By::Day;
    query.toUs = -kDayUs; // nothing
    QVERIFY(reader.usage(query));
    // And still answers.
    query.toUs = kDayUs;
    QVERIFY(reader.usage(query));
}

void TestUsage::namesOfKeysAndTeams()
{
    qint64 keyId = 0;
    qint64 teamId = 0;
    {
        Store store(m_data);
        QVERIFY(store.open());
        Slot<Store::NewKey> key;
        store.createKey(QStringLiteral("Käthe"), {}, into(key));
        Slot<StoredTeam> team;
        store.saveTeam(0, QStringLiteral("ops"), {}, into(team));
        QTRY_VERIFY(key && *key && team && *team);
        keyId = (*key)->record.id;
        teamId = (*team)->id;
        store.rememberNames({{NameKind::Key, -9, QStringLiteral("ci")}});
        Slot<Done> deleted;
        store.deleteKey(keyId, into(deleted));
        QTRY_VERIFY(deleted && *deleted);
        for (const qint64 id : {keyId, keyId, qint64(-9)}) {
            LedgerRow row;
            row.startedAtUs = 1'000;
            row.keyId = id;
            row.teamId = teamId;
            store.append({row});
        }
    }
    UsageReader reader;
    QVERIFY(reader.open(database()));
    UsageQuery query;
    query.toUs = kDayUs;
    query.groupBy = By::Key;
    query.seriesBy = By::Team;
    const auto usage = reader.usage(query);
    QVERIFY(usage);
    QCOMPARE(usage->groups.size(), size_t(2));
    QCOMPARE(usage->groups[0].name, QStringLiteral("Käthe"));
    QVERIFY(usage->groups[0].deleted);
    QCOMPARE(usage->groups[1].name, QStringLiteral("ci"));
    QVERIFY(!usage->groups[1].deleted);
    QCOMPARE(usage->series[0].name, QStringLiteral("ops"));
    QCOMPARE(usage->series[0].id, teamId);
}

void TestUsage::longRequestsCountWhereTheyStarted()
{
    const qint64 fromUs = 1'759'000'000 * kSecondUs;
    LedgerGenerator generator(fromUs, fromUs + kDayUs);
    auto rows = rowsOf(generator, 9'000);
    // Streams of many hours, written long after the rows of their time.
    for (int i = 0; i < 20; ++i) {
        LedgerRow row = rows[size_t(i) * 100];
        row.totalUs = 20 * kHourUs;
        rows.push_back(row);
    }
    store(rows);
    for (int i = 0; i < 20; ++i) {
        UsageQuery query;
        query.fromUs = rows[size_t(i) * 100].startedAtUs;
        query.toUs = query.fromUs + 1;
        check(query, rows);
        query.toUs = query.fromUs + kHourUs;
        query.groupBy = By::Minute;
        check(query, rows);
    }
}

void TestUsage::hugeCountsDoNotOverflow()
{
    std::vector<LedgerRow> rows;
    for (int i = 0; i < 5'000; ++i) {
        LedgerRow row;
        row.startedAtUs = 1'759'000'000 * kSecondUs;
        row.usage.input = std::numeric_limits<qint64>::max();
        row.cost = Money::fromNano(std::numeric_limits<qint64>::max() / 3);
        rows.push_back(row);
    }
    store(rows);
    if (QTest::currentTestFailed()) {
        return;
    }
    UsageReader reader;
    QVERIFY(reader.open(database()));
    UsageQuery query;
    query.toUs = 2'000'000'000 * kSecondUs;
    const auto usage = reader.usage(query);
    QVERIFY(usage);
    QCOMPARE(usage->total.requests, 5'000);
    QVERIFY(usage->total.inputTokens > 0);
    QCOMPARE(usage->total.cost.nano(), std::numeric_limits<qint64>::max());
}

void TestUsage::inventedModelsDoNotGrowTheReports()
{
    std::vector<LedgerRow> rows;
    for (int i = 0; i < 24'000; ++i) {
        LedgerRow row;
        row.startedAtUs = 1'759'000'000 * kSecondUs + i;
        row.requestedModel = "invented-" + QByteArray::number(i);
        row.backend = i < 4'096 ? "" : "b"; // refused at first, then passed on
        row.status = 404;
        row.keyId = 5;
        rows.push_back(row);
    }
    store(rows);
    SqliteConnection connection;
    QVERIFY(connection.open(database(), SqliteConnection::Access::ReadOnly, 1'000));
    SqliteStatement count(connection, "SELECT count(*) FROM usage_series");
    QCOMPARE(count.step(), SqliteStatement::Step::Row);
    QVERIFY2(count.integer(0) <= 10'010, qPrintable(QString::number(count.integer(0))));
    count.reset();
    UsageReader reader;
    QVERIFY(reader.open(database()));
    UsageQuery query;
    query.toUs = 2'000'000'000 * kSecondUs;
    query.groupBy = By::Model;
    const auto usage = reader.usage(query);
    QVERIFY(usage);
    QCOMPARE(usage->total.requests, 24'000);
    QCOMPARE(usage->groups[0].name, QStringLiteral("(other)"));
    // A search finds those that share a series too.
    LedgerReader ledger;
    QVERIFY(ledger.open(database()));
    RequestFilter filter;
    filter.keyId = 5;
    for (const char *model : {"invented-7", "invented-5000", "invented-20000", "invented-23999"}) {
        filter.model = model;
        const auto found = ledger.find(filter, 10);
        QVERIFY(found);
        QCOMPARE(found->size(), size_t(1));
        QCOMPARE(found->front().row.requestedModel, QByteArray(model));
    }
}

void TestUsage::spilledRowsCountOnce()
{
    const qint64 fromUs = 1'7529'000'000 * kSecondUs;
    LedgerGenerator generator(fromUs, fromUs + kDayUs);
    const auto rows = rowsOf(generator, 30'000);
    const QString spill = path(QStringLiteral("ledger-spill.jsonl"));
    const QString copy = m_dir->filePath(QStringLiteral("copy"));
    {
        Store store(m_data);
        QVERIFY(store.open());
        store.append({rows.begin(), rows.begin() + 10'000});
        QTRY_COMPARE(store.ledgerStats().written, 10'000);
        SqliteConnection other;
        QVERIFY(other.open(database(), SqliteConnection::Access::ReadWrite, 0));
        QVERIFY(other.execute("BEGIN IMMEDIATE"));
        store.append({rows.begin() + 10'000, rows.begin() + 20'000});
        QTRY_COMPARE_WITH_TIMEOUT(store.ledgerStats().spilled, 10'000, 20'000);
        QVERIFY(QFile::copy(spill, copy));
        QVERIFY(other.execute("COMMIT"));
        // Behind these in the file, before them in the database.
        store.append({rows.begin() + 20'000, rows.begin() + 29'000});
        QTRY_COMPARE_WITH_TIMEOUT(store.ledgerStats().written, 29'000, 20'000);
        QTRY_COMPARE(store.ledgerStats().spilled, 0);
        SqliteStatement blocks(other, "SELECT count(*) FROM ledger_blocks");
        const auto count = [&blocks] {
            const bool row = blocks.step() == SqliteStatement::Step::Row;
            const qint64 result = row ? blocks.integer(0) : -1;
            blocks.reset();
            return result;
        };
        QTRY_VERIFY_WITH_TIMEOUT(count() >= 4, 10'000);
    }
    // As after a crash between the commit and the end of the spill file.
    QVERIFY(QFile::copy(copy, spill));
    {
        Store store(m_data);
        QVERIFY(store.open());
        store.append({rows.begin() + 29'000, rows.end()});
        QTRY_COMPARE(store.ledgerStats().spilled, 0);
    }
    UsageQuery query;
    query.fromUs = fromUs;
    query.toUs = fromUs + 2 * kDayUs;
    query.groupBy = By::Key;
    check(query, rows);
    query.groupBy = By::QuarterHour;
    check(query, rows);
}

void TestUsage::catchesUpWithAnOlderLedger()
{
    // A database of before there were sums.
    QVERIFY(QDir().mkdir(m_data));
    constexpr int kRows = 20'000;
    const qint64 fromUs = 1'759'000'000 * kSecondUs;
    {
        QFile file(database());
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.close();
        SqliteConnection connection;
        QVERIFY(connection.open(database(), SqliteConnection::Access::ReadWrite, 0));
        QVERIFY(connection.execute("PRAGMA journal_mode = WAL"));
        auto steps = Database::migrations();
        steps.resize(2);
        QVERIFY(Database::migrate(connection, steps));
        const QByteArray sql =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
            QByteArray::number(kRows) + ") INSERT INTO requests SELECT i, 'r' || i, " +
            QByteArray::number(fromUs) +
            " + i * 10000000, 1000, 500, 10, 1 + i % 3, 0, 0, 200, 1, 0, 'm', 'm', 'b', '', '', "
            "i, 2, NULL, NULL, 0, 3, 4 FROM n";
        QVERIFY(connection.execute(sql.constData()));
    }
    Store store(m_data);
    const auto opened = store.open();
    QVERIFY2(opened, opened ? "" : qPrintable(opened.error()));
    UsageReader reader;
    QVERIFY(reader.open(database()));
    UsageQuery query;
    query.toUs = 2'000'000'000 * kSecondUs;
    query.groupBy = By::Key;
    // From the first moment, and after each block of the catching up.
    SqliteConnection connection;
    QVERIFY(connection.open(database(), SqliteConnection::Access::ReadOnly, 1'000));
    const auto blocks = [&connection] {
        SqliteStatement statement(connection, "SELECT count(*) FROM ledger_blocks");
        return statement.step() == SqliteStatement::Step::Row ? statement.integer(0) : -1;
    };
    const QDeadlineTimer deadline(60'000);
    do {
        QVERIFY(!deadline.hasExpired());
        const auto usage = reader.usage(query);
        QVERIFY(usage);
        QVERIFY(usage->complete);
        QCOMPARE(usage->total.requests, kRows);
        QCOMPARE(usage->total.inputTokens, qint64(kRows) * (kRows + 1) / 2);
        QCOMPARE(usage->total.unknownCost, kRows);
        QTest::qWait(1);
    } while (blocks() < kRows / LedgerRollup::kBlockRows);
    // Rows of today come on top.
    LedgerRow row;
    row.startedAtUs = wallClockUs();
    store.append({row});
    QTRY_COMPARE(store.ledgerStats().written, 1);
    QCOMPARE(reader.usage(query)->total.requests, kRows + 1);
}

void TestUsage::catchesUpAfterAnyKill()
{
    // Each step of adding up is undone as a kill would: the connection ends without a commit.
    const qint64 fromUs = 1'759'000'000 * kSecondUs;
    LedgerGenerator generator(fromUs, fromUs + kDayUs);
    const auto rows = rowsOf(generator, 6'000);
    store(rows);
    for (int round = 0; round < 3; ++round) {
        Database interrupted;
        QVERIFY(interrupted.open(database()));
        LedgerRollup rollup(interrupted.connection());
        QVERIFY(rollup.open());
        const auto refuse = [](void *) { return 1; };
        sqlite3_commit_hook(interrupted.connection().handle(), refuse, nullptr);
        QVERIFY(!rollup.advance(6'000));
        sqlite3_commit_hook(interrupted.connection().handle(), nullptr, nullptr);
        UsageQuery query;
        query.fromUs = fromUs;
        query.toUs = fromUs + kDayUs;
        query.groupBy = By::Hour;
        check(query, rows);
        if (round == 1) { // the same object tries again
            const auto added = rollup.advance(6'000);
            QVERIFY2(added, added ? "" : qPrintable(added.error()));
            QCOMPARE(*added, 6'000 - LedgerRollup::kBlockRows);
            check(query, rows);
            break;
        }
    }
}

void TestUsage::sumsAreRightAfterAFullDisk()
{
    const qint64 fromUs = 1'759'000'000 * kSecondUs;
    LedgerGenerator generator(fromUs, fromUs + kDayUs);
    const auto rows = rowsOf(generator, 20'000);
    {
        Store store(m_data);
        QVERIFY(store.open());
        // The files of this process may not grow, as on a full disk.
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit before{};
        getrlimit(RLIMIT_FSIZE, &before);
        const rlimit limit{1'000'000, before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
        for (size_t i = 0; i < rows.size(); i += 1'000) {
            store.append({rows.begin() + qsizetype(i), rows.begin() + qsizetype(i) + 1'000});
            QTest::qWait(20);
        }
        const bool failed =
            QTest::qWaitFor([&store] { return !store.ledgerStats().lastError.isEmpty(); }, 5'000);
        setrlimit(RLIMIT_FSIZE, &before);
        QVERIFY(failed);
        QTRY_COMPARE_WITH_TIMEOUT(store.ledgerStats().written, qint64(rows.size()), 30'000);
        QCOMPARE(store.ledgerStats().lost, 0);
    }
    UsageQuery query;
    query.fromUs = fromUs;
    query.toUs = fromUs + kDayUs;
    query.groupBy = By::Key;
    check(query, rows);
    Store store(m_data);
    QVERIFY(store.open());
    UsageReader reader;
    QVERIFY(reader.open(database()));
    SqliteConnection connection;
    QVERIFY(connection.open(database(), SqliteConnection::Access::ReadOnly, 1'000));
    const auto added = [&connection] {
        SqliteStatement statement(connection,
                                  "SELECT coalesce(max(last_id), 0) FROM ledger_blocks");
        return statement.step() == SqliteStatement::Step::Row ? statement.integer(0) : -1;
    };
    QTRY_VERIFY_WITH_TIMEOUT(added() >= 16'384, 15'000);
    check(query, rows);
    query.groupBy = By::Hour;
    check(query, rows);
}

void TestUsage::damagedSumsHoldUpNoRows()
{
    const qint64 fromUs = 1'759'000'000 * kSecondUs;
    LedgerGenerator generator(fromUs, fromUs + kHourUs / 4);
    auto rows = rowsOf(generator, 5'000);
    store(rows);
    {
        SqliteConnection connection;
        QVERIFY(connection.open(database(), SqliteConnection::Access::ReadWrite, 1'000));
        QVERIFY(connection.execute("UPDATE usage_day SET figures = x'ffff'"));
    }
    UsageReader reader;
    QVERIFY(reader.open(database()));
    UsageQuery query;
    query.fromUs = 0;
    query.toUs = 2'000'000'000 * kSecondUs;
    const auto usage = reader.usage(query);
    QVERIFY(!usage); // said, not guessed
    QVERIFY2(usage.error().contains(QStringLiteral("damaged")), qPrintable(usage.error()));
    Store store(m_data);
    QVERIFY(store.open());
    store.append(std::vector<LedgerRow>(rows));
    QTRY_COMPARE_WITH_TIMEOUT(store.ledgerStats().written, 5'000, 10'000);
    QVERIFY(store.ledgerStats().lastError.isEmpty());
    LedgerReader ledger;
    QVERIFY(ledger.open(database()));
    QCOMPARE(*ledger.count(), 10'000);
}

void TestUsage::sumsOutliveTheRows()
{
    const qint64 nowUs = wallClockUs();
    const qint64 fromUs = nowUs - 60 * kDayUs;
    LedgerGenerator generator(fromUs, nowUs);
    const auto rows = rowsOf(generator, 10'000);
    store(rows);
    LedgerReader ledger;
    {
        Store store(m_data);
        QVERIFY(store.open());
        store.setRetentionDays(30);
        QVERIFY(ledger.open(database()));
        QTRY_VERIFY_WITH_TIMEOUT(*ledger.count() <= 5'100, 10'000);
        QTRY_VERIFY_WITH_TIMEOUT(ledger.newest(1)->size() == 1, 1'000);
    }
    UsageQuery query;
    query.fromUs = fromUs / (kHourUs / 4) * (kHourUs / 4);
    query.toUs = nowUs;
    query.groupBy = By::Key;
    check(query, rows);
    query.groupBy = By::Day;
    query.timeZone = "Asia/Kathmandu";
    check(query, rows);
    // A border within a quarter of which there are no rows is moved to that of the quarter.
    query.groupBy = By::None;
    const qint64 quarterUs = (fromUs + 5 * kDayUs) / (kHourUs / 4) * (kHourUs / 4);
    query.fromUs = quarterUs + 7 * 60 * kSecondUs;
    UsageReader reader;
    QVERIFY(reader.open(database()));
    const auto usage = reader.usage(query);
    QVERIFY(usage);
    QCOMPARE(usage->fromUs, quarterUs);
    query.fromUs = quarterUs;
    check(query, rows);
    // Ids are never given twice, even when every row is gone.
    qint64 highest = 0;
    {
        highest = ledger.newest(1)->front().id;
        SqliteConnection connection;
        QVERIFY(connection.open(database(), SqliteConnection::Access::ReadWrite, 1'000));
        QVERIFY(connection.execute("DELETE FROM requests"));
    }
    Store store(m_data);
    QVERIFY(store.open());
    LedgerRow row;
    row.startedAtUs = nowUs;
    store.append({row});
    QTRY_COMPARE(store.ledgerStats().written, 1);
    QVERIFY(ledger.newest(1)->front().id > highest);
}

void TestUsage::rowsJustWrittenAreNotReadBack()
{
    constexpr int kRows = 3 * LedgerRollup::kBlockRows + 100;
    const qint64 fromUs = 1'759'000'000 * kSecondUs;
    LedgerGenerator generator(fromUs, fromUs + kDayUs);
    const auto rows = rowsOf(generator, kRows);
    // All that adding up makes. Once from memory: the rows themselves are taken away. Once from
    // the database.
    const auto madeOf = [this, &rows](const QString &name, bool fromMemory) {
        QByteArray made;
        Database opened;
        if (!opened.open(m_dir->filePath(name))) {
            return made;
        }
        SqliteConnection &connection = opened.connection();
        LedgerRollup rollup(connection);
        LedgerWriter writer(connection, m_dir->filePath(name) + QStringLiteral(".spill"));
        if (!rollup.open() || !writer.open(0)) {
            return made;
        }
        for (size_t from = 0; from < rows.size(); from += 1'000) {
            const size_t to = std::min(rows.size(), from + 1'000);
            writer.take({{rows.begin() + qsizetype(from), rows.begin() + qsizetype(to)}});
            writer.flush(0, true);
        }
        if (fromMemory && !connection.execute("DELETE FROM requests")) {
            return made;
        }
        for (const qint64 upTo : {LedgerRollup::kBlockRows + 50, kRows}) {
            const auto added = rollup.advance(upTo, fromMemory ? &writer.recent() : nullptr);
            made += added ? QByteArray::number(*added) : added.error().toUtf8();
            made += '\n';
            writer.recent().forget(rollup.rolledUpTo());
        }
        const std::vector<std::pair<const char *, int>> tables{
            {"SELECT * FROM usage_series ORDER BY id", 8},
            {"SELECT * FROM usage_quarter ORDER BY series, start_s", 5},
            {"SELECT * FROM usage_hour ORDER BY series, start_s", 5},
            {"SELECT * FROM usage_day ORDER BY series, start_s", 5},
            {"SELECT * FROM ledger_blocks ORDER BY first_id", 7},
            {"SELECT * FROM ledger_block_ids ORDER BY first_id", 2}};
        for (const auto &[sql, columns] : tables) {
            SqliteStatement select(connection, sql);
            while (select.step() == SqliteStatement::Step::Row) {
                for (int column = 0; column < columns; ++column) {
                    made += select.bytes(column).toHex() + ' ';
                }
                made += '\n';
            }
        }
        return made;
    };
    const QByteArray remembered = madeOf(QStringLiteral("remembered.db"), true);
    const QByteArray readBack = madeOf(QStringLiteral("readback.db"), false);
    QVERIFY(remembered.size() > 10'000);
    QVERIFY(remembered.startsWith("4146\n8242\n"));
    QVERIFY(remembered == readBack);
}

void TestUsage::daysOutliveTheDetails()
{
    const qint64 fromUs = 1'759'000'000 * kSecondUs / kDayUs * kDayUs;
    const qint64 toUs = fromUs + 20 * kDayUs;
    LedgerGenerator generator(fromUs, toUs);
    const auto rows = rowsOf(generator, 8'192);
    store(rows);
    {
        Database opened;
        QVERIFY(opened.open(database()));
        LedgerRollup rollup(opened.connection());
        QVERIFY(rollup.open());
        while (*rollup.deleteRows(fromUs + 12 * kDayUs) > 0) {
        }
        QVERIFY(rollup.deleteDetails(fromUs + 10 * kDayUs + kHourUs));
    }
    UsageQuery query;
    query.fromUs = fromUs;
    query.toUs = toUs;
    query.groupBy = By::Team;
    check(query, rows);
    query.groupBy = By::Day;
    check(query, rows);
    query.fromUs = fromUs + 3 * kDayUs + kHourUs;
    UsageReader reader;
    QVERIFY(reader.open(database()));
    query.groupBy = By::None;
    const auto usage = reader.usage(query);
    QVERIFY(usage);
    QCOMPARE(usage->fromUs, fromUs + 3 * kDayUs);
    query.fromUs = fromUs + 3 * kDayUs;
    query.toUs = fromUs + 10 * kDayUs;
    check(query, rows);
    query.fromUs = fromUs + 11 * kDayUs;
    query.toUs = toUs;
    query.groupBy = By::Hour;
    check(query, rows);
}

void TestUsage::spendIsExact()
{
    const qint64 nowUs = wallClockUs();
    const qint64 fromUs = nowUs - 3 * kDayUs;
    LedgerGenerator generator(fromUs, nowUs);
    auto rows = rowsOf(generator, 9'000);
    std::sort(rows.begin(), rows.end(), [](const LedgerRow &a, const LedgerRow &b) {
        return a.startedAtUs + a.totalUs < b.startedAtUs + b.totalUs;
    });
    store(rows);
    Store store(m_data);
    QVERIFY(store.open());
    std::minstd_rand random(11);
    std::vector<SpendQuery> queries;
    for (int i = 0; i < 60; ++i) {
        SpendQuery query;
        query.team = i % 3 == 0;
        query.id = 1 + qint64(random() % 8);
        query.fromUs = fromUs + qint64(random() % 7) * kDayUs / 2 + (i % 2 == 0 ? 0 : 4'711);
        if (i % 5 != 0) {
            query.finishedUpToUs = nowUs - qint64(random() % 100) * 60 * kSecondUs;
        }
        queries.push_back(query);
    }
    Slot<std::vector<Money>> spent;
    store.spend(queries, into(spent));
    QTRY_VERIFY(spent);
    QVERIFY2(*spent, *spent ? "" : qPrintable(spent->error()));
    for (size_t i = 0; i < queries.size(); ++i) {
        Money expected;
        for (const LedgerRow &row : rows) {
            if (row.cost && (queries[i].team ? row.teamId : row.keyId) == queries[i].id &&
                row.startedAtUs >= queries[i].fromUs &&
                row.startedAtUs + row.totalUs <= queries[i].finishedUpToUs) {
                expected += *row.cost;
            }
        }
        QCOMPARE((**spent)[i].toString(), expected.toString());
    }
}

void TestUsage::spendKnowsWhatWaits()
{
    const auto spentBy = [](Store &store, qint64 key) {
        Slot<std::vector<Money>> spent;
        store.spend({SpendQuery{false, key, 0, std::numeric_limits<qint64>::max()}}, into(spent));
        if (!QTest::qWaitFor([&spent] { return spent.has_value(); }, 5'000) || !*spent) {
            return Money::fromNano(-1);
        }
        return (*spent)->front();
    };
    LedgerRow row;
    row.startedAtUs = wallClockUs();
    row.keyId = 3;
    row.cost = Money::fromNano(100'000'001);
    const QString spill = path(QStringLiteral("ledger-spill.jsonl"));
    const QString copy = m_dir->filePath(QStringLiteral("copy"));
    {
        Store store(m_data);
        QVERIFY(store.open());
        store.append({row, row});
        QCOMPARE(spentBy(store, 3).nano(), 200'000'002); // in the queue a moment ago
        QCOMPARE(spentBy(store, 4).nano(), 0);
        SqliteConnection other;
        QVERIFY(other.open(database(), SqliteConnection::Access::ReadWrite, 0));
        QVERIFY(other.execute("BEGIN IMMEDIATE"));
        store.append({row});
        QCOMPARE(spentBy(store, 3).nano(), 300'000'003); // in the spill file
        QVERIFY(QFile::copy(spill, copy));
        QVERIFY(other.execute("COMMIT"));
        QTRY_COMPARE(store.ledgerStats().spilled, 0);
        QCOMPARE(spentBy(store, 3).nano(), 300'000'003);
    }
    QVERIFY(QFile::copy(copy, spill)); // in both, as after a crash
    SqliteConnection other;
    QVERIFY(other.open(database(), SqliteConnection::Access::ReadWrite, 0));
    Store store(m_data);
    QVERIFY(store.open());
    QVERIFY(QTest::qWaitFor([&other] { return other.execute("BEGIN IMMEDIATE"); }, 5'000));
    QCOMPARE(spentBy(store, 3).nano(), 300'000'003);
    QVERIFY(other.execute("COMMIT"));
}

void TestUsage::findsHolds()
{
    std::vector<LedgerRow> rows(9'000);
    for (size_t i = 0; i < rows.size(); ++i) {
        rows[i].startedAtUs = 1'759'000'000 * kSecondUs + qint64(i) * 1'000;
        rows[i].holdId = i % 3 == 0 ? 0 : 1'000'000 + i;
    }
    store(rows);
    Store store(m_data);
    QVERIFY(store.open());
    const auto search = [&store](std::vector<quint64> ids, qint64 sinceUs) {
        Slot<std::vector<quint64>> found;
        store.findHolds(std::move(ids), sinceUs, into(found));
        if (!QTest::qWaitFor([&found] { return found.has_value(); }, 5'000) || !*found) {
            return std::vector<quint64>{4711};
        }
        auto result = std::move(*found).value();
        std::sort(result.begin(), result.end());
        return result;
    };
    QCOMPARE(search({1'000'001, 1'000'003, 1'000'005, 1'004'000, 1'008'999, 5}, 0),
             (std::vector<quint64>{1'000'001, 1'000'005, 1'004'000, 1'008'999}));
    QCOMPARE(search({1'000'001, 1'004'000, 1'008'998}, rows[4'000].startedAtUs),
             (std::vector<quint64>{1'004'000, 1'008'998}));
    QCOMPARE(search({}, 0), std::vector<quint64>());
    SqliteConnection other;
    QVERIFY(other.open(database(), SqliteConnection::Access::ReadWrite, 0));
    QVERIFY(other.execute("BEGIN IMMEDIATE"));
    LedgerRow late;
    late.holdId = std::numeric_limits<qint64>::max();
    store.append({late});
    QCOMPARE(search({late.holdId, 1'000'001}, rows[0].startedAtUs),
             (std::vector<quint64>{1'000'001, late.holdId}));
    QVERIFY(other.execute("COMMIT"));
}

void TestUsage::tellsWhenRowsAreDurable()
{
    std::mutex mutex;
    std::vector<quint64> durable;
    const auto count = [&mutex, &durable] {
        const std::lock_guard lock(mutex);
        return durable.size();
    };
    Store store(m_data);
    store.setRowsWritten([&mutex, &durable](const std::vector<quint64> &holds) {
        const std::lock_guard lock(mutex);
        durable.insert(durable.end(), holds.begin(), holds.end());
    });
    QVERIFY(store.open());
    LedgerRow row;
    const auto append = [&store, &row](quint64 hold) {
        row.holdId = hold;
        store.append({row});
    };
    append(7);
    append(0);
    QTRY_COMPARE(count(), size_t(1));
    SqliteConnection other;
    QVERIFY(other.open(database(), SqliteConnection::Access::ReadWrite, 0));
    QVERIFY(other.execute("BEGIN IMMEDIATE"));
    append(8);
    QTRY_COMPARE(count(), size_t(2)); // in the spill file
    QCOMPARE(store.ledgerStats().spilled, 1);
    QVERIFY(other.execute("COMMIT"));
    QTRY_COMPARE(store.ledgerStats().spilled, 0);
    append(9);
    store.close();
    QCOMPARE(durable, (std::vector<quint64>{7, 8, 9}));
}

QTEST_GUILESS_MAIN(TestUsage)
#include "tst_usage.moc"
