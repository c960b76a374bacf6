// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/base/clock.h"
#include "gateway/store/ledgerreader.h"
#include "gateway/store/sqliteconnection.h"
#include "gateway/store/store.h"

#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <set>
#include <thread>

#include <sys/resource.h>

using namespace tidegate;

namespace {

constexpr qint64 kLossUs = 250'000; // what a kill may cost, by contract

LedgerRow makeRow(qint64 number)
{
    LedgerRow row;
    row.requestId = "5f2504e0-4f89-41d3-9a0c-" + QByteArray::number(number).rightJustified(12, '0');
    row.startedAtUs = wallClockUs();
    row.totalUs = 12'345;
    row.firstByteUs = 2'345;
    row.overheadUs = 67;
    row.keyId = 1 + number % 5;
    row.endpoint = Endpoint::ChatCompletions;
    row.status = 200;
    row.attempts = 1;
    row.stream = true;
    row.requestedModel = "fast";
    row.servedModel = "gpt-4o-mini";
    row.backend = "openai";
    row.peer = "127.0.0.1";
    row.usage.input = 100;
    row.usage.output = 200;
    row.bytesIn = 1'024;
    row.bytesOut = 2'048;
    if (number % 2 == 0) {
        row.trace = R"([{"step":"skipped","reason":"draining"}])";
    }
    return row;
}

std::vector<LedgerRow> one(LedgerRow row)
{
    std::vector<LedgerRow> rows;
    rows.push_back(std::move(row));
    return rows;
}

double threadCpuUs()
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

bool equal(const LedgerRow &a, const LedgerRow &b)
{
    const auto tie = [](const LedgerRow &row) {
        return std::tie(row.requestId, row.startedAtUs, row.totalUs, row.firstByteUs,
                        row.overheadUs, row.keyId, row.endpoint, row.outcome, row.status,
                        row.attempts, row.stream, row.requestedModel, row.servedModel, row.backend,
                        row.errorCode, row.peer, row.teamId, row.cost, row.holdId, row.bytesIn,
                        row.bytesOut, row.trace);
    };
    return tie(a) == tie(b) && a.usage == b.usage;
}

/// The files of this process may not grow beyond a size, as on a full disk.
class FullDisk
{
public:
    explicit FullDisk(rlim_t bytes)
    {
        std::signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &m_before);
        const rlimit limit{bytes, m_before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FullDisk() { setrlimit(RLIMIT_FSIZE, &m_before); }
    FullDisk(const FullDisk &) = delete;
    FullDisk &operator=(const FullDisk &) = delete;

private:
    rlimit m_before{};
};

} // namespace

/// The ledger: what is appended comes into the database exactly once, whatever happens.
class TestLedger : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();

    void rowsRoundTrip();
    void rowsRoundTripThroughTheSpillFile();
    void readerPages();
    void closeLosesNothing();
    void appendsFromManyThreads();
    void idsAreNotReusedAfterRestart();
    void killLosesAtMostTheLastMoments_data();
    void killLosesAtMostTheLastMoments();
    void lockedDatabaseLosesNothing();
    void replayTwiceCountsOnce();
    void unreadableSpillLinesAreKept();
    void spillLinesOfBeforeCostsAreRead();
    void fullDiskLosesNothing();
    void queueIsBounded();
    void oldRowsAreDeleted();
    void insertIsCheap();

private:
    QString path(const QString &name) const { return m_data + QLatin1Char('/') + name; }
    QString spill() const { return path(QStringLiteral("ledger-spill.jsonl")); }
    QString database() const { return path(QStringLiteral("tidegate.db")); }
    std::vector<StoredLedgerRow> everything() const;

    std::unique_ptr<QTemporaryDir> m_dir;
    QString m_data;
};

void TestLedger::init()
{
    m_dir = std::make_unique<QTemporaryDir>();
    QVERIFY(m_dir->isValid());
    m_data = m_dir->filePath(QStringLiteral("data"));
}

void TestLedger::cleanup()
{
    m_dir.reset();
}

std::vector<StoredLedgerRow> TestLedger::everything() const
{
    LedgerReader reader;
    if (!reader.open(database())) {
        return {};
    }
    auto rows = reader.newest(std::numeric_limits<int>::max());
    return rows ? std::move(rows).value() : std::vector<StoredLedgerRow>();
}

void TestLedger::rowsRoundTrip()
{
    LedgerRow full = makeRow(1);
    full.outcome = Outcome::ClientClosed;
    full.status = 499;
    full.errorCode = "upstream_timeout";
    full.requestedModel = "modèle";
    full.usage = {1, 2, 3, 4, 5, 6, 7, 8, true};
    full.bytesOut = 5'000'000'000;
    full.keyId = -17;
    full.teamId = -18;
    full.cost = Money::fromNano(9'007'199'254'740'993);
    full.holdId = std::numeric_limits<qint64>::max();
    const LedgerRow bare;
    Store store(m_data);
    QVERIFY(store.open());
    store.append(one(full));
    store.append({});
    store.append(one(bare));
    QTRY_COMPARE_WITH_TIMEOUT(store.ledgerStats().written, 2, 1'000);
    QCOMPARE(store.ledgerStats().queued, 0);
    QCOMPARE(store.ledgerStats().lost, 0);
    QVERIFY(store.ledgerStats().lastError.isEmpty());
    const auto rows = everything();
    QCOMPARE(rows.size(), size_t(2));
    QVERIFY(equal(rows[1].row, full));
    QVERIFY(equal(rows[0].row, bare));

    LedgerReader reader;
    QVERIFY(reader.open(database()));
    const auto used = reader.lastUsedUs();
    QVERIFY(used);
    QCOMPARE(used->size(), 1);
    QCOMPARE(used->value(-17), full.startedAtUs);
}

void TestLedger::rowsRoundTripThroughTheSpillFile()
{
    LedgerRow full = makeRow(1);
    full.outcome = Outcome::UpstreamError;
    full.requestedModel = "modèle \"x\"\n";
    full.usage = {1, 2, 3, 4, 5, 6, 7, 8, true};
    full.teamId = 19;
    full.cost = Money::fromNano(-9'007'199'254'740'993);
    full.holdId = 9'007'199'254'740'993;
    full.bytesOut = 9'007'199'254'740'993; // no double holds it
    const LedgerRow bare;
    Store store(m_data);
    QVERIFY(store.open());
    SqliteConnection other;
    QVERIFY(other.open(database(), SqliteConnection::Access::ReadWrite, 0));
    QVERIFY(other.execute("BEGIN IMMEDIATE"));
    store.append(one(full));
    store.append(one(bare));
    QTRY_COMPARE(store.ledgerStats().spilled, 2);
    QCOMPARE(store.ledgerStats().queued, 0);
    QVERIFY(!store.ledgerStats().lastError.isEmpty());
    QCOMPARE(QFile::permissions(spill()) & (QFile::ReadGroup | QFile::ReadOther),
             QFile::Permissions());
    QVERIFY(other.execute("COMMIT"));
    QTRY_COMPARE(store.ledgerStats().spilled, 0);
    QTRY_COMPARE(store.ledgerStats().written, 2);
    QVERIFY(store.ledgerStats().lastError.isEmpty());
    QVERIFY(!QFile::exists(spill()));
    const auto rows = everything();
    QCOMPARE(rows.size(), size_t(2));
    QVERIFY(equal(rows[1].row, full));
    QVERIFY(equal(rows[0].row, bare));
}

void TestLedger::readerPages()
{
    {
        Store store(m_data);
        QVERIFY(store.open());
        for (int i = 0; i < 10; ++i) {
            store.append(one(makeRow(i)));
        }
    }
    LedgerReader reader;
    QVERIFY(reader.open(database()));
    QCOMPARE(*reader.count(), 10);
    const auto first = reader.newest(4);
    QVERIFY(first);
    QCOMPARE(first->size(), size_t(4));
    QCOMPARE(first->front().row.requestId, makeRow(9).requestId);
    const auto second = reader.newest(4, first->back().id);
    QVERIFY(second);
    QCOMPARE(second->front().row.requestId, makeRow(5).requestId);
    RequestFilter byId;
    byId.requestId = makeRow(3).requestId;
    const auto found = reader.find(byId, 10);
    QVERIFY(found);
    QCOMPARE(found->size(), size_t(1));
    byId.requestId = "nobody";
    QVERIFY(reader.find(byId, 10)->empty());
    QCOMPARE(reader.lastUsedUs()->size(), 5);

    LedgerReader nowhere;
    QVERIFY(!nowhere.open(path(QStringLiteral("missing.db"))));
    QVERIFY(!QFile::exists(path(QStringLiteral("missing.db"))));
}

void TestLedger::closeLosesNothing()
{
    constexpr int kRows = 20'000;
    {
        Store store(m_data);
        QVERIFY(store.open());
        for (int i = 0; i < kRows; ++i) {
            store.append(one(makeRow(i)));
        }
        store.close();
        store.append(one(makeRow(kRows))); // too late, and counted as such
        QCOMPARE(store.ledgerStats().written, kRows);
        QCOMPARE(store.ledgerStats().lost, 1);
    }
    QCOMPARE(everything().size(), size_t(kRows));
}

void TestLedger::appendsFromManyThreads()
{
    constexpr int kThreads = 4;
    constexpr int kRows = 5'000;
    {
        Store store(m_data);
        QVERIFY(store.open());
        std::vector<std::thread> threads;
        for (int t = 0; t < kThreads; ++t) {
            threads.emplace_back([&store, t] {
                for (int i = 0; i < kRows; ++i) {
                    store.append(one(makeRow(t * kRows + i)));
                }
            });
        }
        for (auto &thread : threads) {
            thread.join();
        }
    }
    std::set<QByteArray> ids;
    for (const auto &stored : everything()) {
        ids.insert(stored.row.requestId);
    }
    QCOMPARE(ids.size(), size_t(kThreads * kRows));
}

void TestLedger::idsAreNotReusedAfterRestart()
{
    for (int round = 0; round < 3; ++round) {
        Store store(m_data);
        QVERIFY(store.open());
        store.append(one(makeRow(round)));
    }
    const auto rows = everything();
    QCOMPARE(rows.size(), size_t(3));
    QVERIFY(rows[0].id > rows[1].id && rows[1].id > rows[2].id);
}

void TestLedger::killLosesAtMostTheLastMoments_data()
{
    QTest::addColumn<bool>("locked");
    QTest::newRow("database works") << false;
    QTest::newRow("database is locked") << true;
}

void TestLedger::killLosesAtMostTheLastMoments()
{
    QFETCH(const bool, locked);
    { // so that there is a database to lock
        Store store(m_data);
        QVERIFY(store.open());
    }
    std::vector<qint64> promised;
    for (int round = 0; round < 3; ++round) {
        QProcess child;
        child.start(QStringLiteral(LEDGER_APPENDER), {m_data});
        QVERIFY(child.waitForStarted());
        QByteArray output;
        const auto wait = [&child, &output](qsizetype rows) {
            const QDeadlineTimer deadline(20'000);
            while (output.size() < rows * 8 && !deadline.hasExpired()) {
                child.waitForReadyRead(100);
                output += child.readAllStandardOutput();
            }
            return output.size() >= rows * 8;
        };
        QVERIFY2(wait(20), child.readAllStandardError());
        SqliteConnection other;
        if (locked) {
            QVERIFY(other.open(database(), SqliteConnection::Access::ReadWrite, 1'000));
            QVERIFY(other.execute("BEGIN IMMEDIATE"));
        }
        QVERIFY(wait(500));
        const qint64 killedAtUs = wallClockUs();
        child.kill();
        QVERIFY(child.waitForFinished());
        output += child.readAllStandardOutput();
        for (qsizetype at = 0; at + 8 <= output.size(); at += 8) {
            qint64 startedAtUs = 0;
            memcpy(&startedAtUs, output.constData() + at, sizeof startedAtUs);
            if (startedAtUs < killedAtUs - kLossUs) {
                promised.push_back(startedAtUs);
            }
        }
    }
    {
        Store store(m_data); // replays what the last one spilled
        const auto opened = store.open();
        QVERIFY2(opened, opened ? "" : qPrintable(opened.error()));
        QTRY_COMPARE(store.ledgerStats().spilled, 0);
    }
    std::multiset<qint64> present;
    for (const auto &stored : everything()) {
        present.insert(stored.row.startedAtUs);
    }
    QVERIFY(promised.size() > 500);
    for (const qint64 startedAtUs : promised) {
        QCOMPARE(present.count(startedAtUs), size_t(1));
    }
}

void TestLedger::lockedDatabaseLosesNothing()
{
    Store store(m_data);
    QVERIFY(store.open());
    SqliteConnection other;
    QVERIFY(other.open(database(), SqliteConnection::Access::ReadWrite, 0));
    QVERIFY(other.execute("BEGIN EXCLUSIVE"));

    qint64 appended = 0;
    qint64 slow = 0;
    qint64 slowestNs = 0;
    QElapsedTimer timer;
    timer.start();
    const bool patient = qEnvironmentVariableIntValue("TIDEGATE_SLOW") == 1;
    while (timer.elapsed() < (patient ? 60'000 : 3'000)) {
        auto rows = one(makeRow(appended++));
        const qint64 before = monotonicNs();
        store.append(std::move(rows));
        const qint64 tookNs = monotonicNs() - before;
        slowestNs = std::max(slowestNs, tookNs);
        slow += tookNs > 1'000'000 ? 1 : 0;
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    QVERIFY(store.ledgerStats().spilled > 0);
    QVERIFY(other.execute("COMMIT"));
    qInfo("%lld appends, slowest %lld us", appended, slowestNs / 1'000);
    // A busy machine may take the processor away in the middle of one; waiting for the lock would
    // show in all.
    QVERIFY2(slow <= appended / 1'000 + 1, qPrintable(QString::number(slow)));
    QTRY_COMPARE_WITH_TIMEOUT(store.ledgerStats().written, appended, 60'000);
    QCOMPARE(store.ledgerStats().lost, 0);
    std::set<QByteArray> ids;
    const auto rows = everything();
    for (const auto &stored : rows) {
        ids.insert(stored.row.requestId);
    }
    QCOMPARE(qint64(rows.size()), appended);
    QCOMPARE(qint64(ids.size()), appended);
}

void TestLedger::replayTwiceCountsOnce()
{
    const QString copy = m_dir->filePath(QStringLiteral("copy"));
    {
        Store store(m_data);
        QVERIFY(store.open());
        SqliteConnection other;
        QVERIFY(other.open(database(), SqliteConnection::Access::ReadWrite, 0));
        QVERIFY(other.execute("BEGIN IMMEDIATE"));
        for (int i = 0; i < 100; ++i) {
            store.append(one(makeRow(i)));
        }
        QTRY_COMPARE(store.ledgerStats().spilled, 100);
        QVERIFY(QFile::copy(spill(), copy));
        QVERIFY(other.execute("COMMIT"));
        QTRY_COMPARE(store.ledgerStats().spilled, 0);
        store.append(one(makeRow(100)));
    }
    QCOMPARE(everything().size(), size_t(101));
    // As after a crash between the commit and the end of the spill file.
    QVERIFY(QFile::copy(copy, spill()));
    {
        Store store(m_data);
        QVERIFY(store.open());
        store.append(one(makeRow(101)));
        QTRY_COMPARE(store.ledgerStats().spilled, 0);
    }
    QVERIFY(!QFile::exists(spill()));
    QCOMPARE(everything().size(), size_t(102));
}

void TestLedger::unreadableSpillLinesAreKept()
{
    {
        Store store(m_data);
        QVERIFY(store.open());
        SqliteConnection other;
        QVERIFY(other.open(database(), SqliteConnection::Access::ReadWrite, 0));
        QVERIFY(other.execute("BEGIN IMMEDIATE"));
        for (int i = 0; i < 3; ++i) {
            store.append(one(makeRow(i)));
        }
        QTRY_COMPARE(store.ledgerStats().spilled, 3);
        store.close();
        QVERIFY(other.execute("COMMIT"));
    }
    // Cut in the middle of the last row.
    QFile file(spill());
    QVERIFY(file.resize(file.size() - 20));
    {
        Store store(m_data);
        QVERIFY(store.open());
        QTRY_COMPARE(store.ledgerStats().spilled, 0);
    }
    QCOMPARE(everything().size(), size_t(2));
    QFile kept(spill() + QStringLiteral(".unreadable"));
    QVERIFY(kept.open(QIODevice::ReadOnly));
    QVERIFY(kept.readAll().contains(makeRow(2).requestId));
}

void TestLedger::spillLinesOfBeforeCostsAreRead()
{
    {
        Store store(m_data);
        QVERIFY(store.open());
    }
    QFile file(spill());
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(R"({"attempts":1,"backend":"openai","bytes_in":1024,"bytes_out":2048,)"
               R"("cached_input_tokens":-1,"endpoint":0,"error_code":"","first_byte_us":2345,)"
               R"("id":5,"input_tokens":100,"key_id":3,"outcome":0,"output_tokens":200,)"
               R"("overhead_us":67,"peer":"127.0.0.1","reasoning_tokens":-1,"request_id":"old",)"
               R"("requested_model":"fast","served_model":"gpt-4o-mini","started_at_us":1000,)"
               R"("status":200,"stream":true,"total_us":12345,"usage_estimated":false})"
               "\n");
    file.close();
    Store store(m_data);
    QVERIFY(store.open());
    QTRY_COMPARE(store.ledgerStats().written, 1);
    const auto rows = everything();
    QCOMPARE(rows.size(), size_t(1));
    LedgerRow expected = makeRow(2);
    expected.trace.clear();
    expected.requestId = "old";
    expected.startedAtUs = 1'000;
    QVERIFY(equal(rows[0].row, expected));
    QVERIFY(!rows[0].row.cost);
}

void TestLedger::fullDiskLosesNothing()
{
    constexpr int kRows = 5'000;
    Store store(m_data);
    QVERIFY(store.open());
    {
        const FullDisk full(256 * 1024);
        for (int i = 0; i < kRows; ++i) {
            store.append(one(makeRow(i)));
            if (i % 500 == 0) {
                QTest::qWait(150); // several batches: some go into the files, the last ones nowhere
            }
        }
        QTRY_VERIFY(!store.ledgerStats().lastError.isEmpty());
        QTRY_VERIFY(store.ledgerStats().queued > 0);
    }
    QTRY_COMPARE_WITH_TIMEOUT(store.ledgerStats().written, kRows, 20'000);
    QCOMPARE(store.ledgerStats().lost, 0);
    QCOMPARE(store.ledgerStats().queued, 0);
    store.close();
    std::set<QByteArray> ids;
    const auto rows = everything();
    for (const auto &stored : rows) {
        ids.insert(stored.row.requestId);
    }
    QCOMPARE(rows.size(), size_t(kRows));
    QCOMPARE(ids.size(), size_t(kRows));
}

void TestLedger::queueIsBounded()
{
    constexpr int kRows = 250'000;
    Store store(m_data);
    QVERIFY(store.open());
    SqliteConnection other;
    QVERIFY(other.open(database(), SqliteConnection::Access::ReadWrite, 0));
    QVERIFY(other.execute("BEGIN IMMEDIATE"));
    {
        const FullDisk full(0); // neither the database nor the spill file
        for (int i = 0; i < kRows; i += 1'000) {
            std::vector<LedgerRow> rows(1'000, LedgerRow());
            store.append(std::move(rows));
        }
        QCOMPARE(store.ledgerStats().queued, 200'000);
        QCOMPARE(store.ledgerStats().lost, 50'000);
    }
    QVERIFY(other.execute("COMMIT"));
    QTRY_COMPARE_WITH_TIMEOUT(store.ledgerStats().written, 200'000, 60'000);
}

void TestLedger::oldRowsAreDeleted()
{
    constexpr qint64 kDayUs = 86'400'000'000;
    Store store(m_data);
    QVERIFY(store.open());
    std::vector<LedgerRow> rows;
    for (int i = 0; i < 5'000; ++i) {
        rows.push_back(makeRow(i));
        rows.back().startedAtUs -= 31 * kDayUs;
    }
    for (int i = 5'000; i < 5'100; ++i) {
        rows.push_back(makeRow(i));
        rows.back().startedAtUs -= 29 * kDayUs;
    }
    store.append(std::move(rows));
    QTRY_COMPARE(store.ledgerStats().written, 5'100);
    store.setRetentionDays(0);
    LedgerReader reader;
    QVERIFY(reader.open(database()));
    QCOMPARE(*reader.count(), 5'100);
    store.setRetentionDays(30);
    QTRY_COMPARE(*reader.count(), 100);
}

void TestLedger::insertIsCheap()
{
    constexpr int kRows = 100'000;
    std::vector<std::vector<LedgerRow>> chunks;
    for (int i = 0; i < kRows; i += 100) {
        std::vector<LedgerRow> rows;
        for (int j = i; j < i + 100; ++j) {
            rows.push_back(makeRow(j));
        }
        chunks.push_back(std::move(rows));
    }
    Store store(m_data);
    QVERIFY(store.open());
    const double cpuBefore = threadCpuUs();
    QElapsedTimer timer;
    timer.start();
    for (auto &chunk : chunks) {
        store.append(std::move(chunk));
    }
    store.close();
    qInfo("%d rows in %lld ms, %.2f us of CPU each, %.0f bytes each", kRows, timer.elapsed(),
          (threadCpuUs() - cpuBefore) / kRows, double(QFile(database()).size()) / kRows);
    QCOMPARE(store.ledgerStats().written, kRows);
}

QTEST_GUILESS_MAIN(TestLedger)
#include "tst_ledger.moc"
