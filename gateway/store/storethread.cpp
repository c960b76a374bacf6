// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/storethread.h"

#include "gateway/base/clock.h"
#include "gateway/store/configrepository.h"
#include "gateway/store/database.h"
#include "gateway/store/datadirectory.h"
#include "gateway/store/keyrepository.h"
#include "gateway/store/ledgerrollup.h"
#include "gateway/store/ledgerwriter.h"
#include "gateway/store/teamrepository.h"

#include <QLoggingCategory>

#include <algorithm>
#include <chrono>

namespace tidegate {
namespace {

Q_LOGGING_CATEGORY(lcStore, "tidegate.store")

constexpr qint64 kMillisecond = 1'000'000;
constexpr qint64 kNever = LedgerWriter::kNever;
constexpr qint64 kFlushIntervalNs = 100 * kMillisecond; // promised: 250 ms, with the writing itself
constexpr qint64 kMaxRows = 200'000;                    // about 60 MB; the rate of some seconds
constexpr qint64 kCommandPatienceNs = 5'000 * kMillisecond;
constexpr qint64 kCommandRetryNs = 100 * kMillisecond;
constexpr qint64 kClosePatienceNs = 3'000 * kMillisecond;
constexpr qint64 kCloseRetryMs = 50;
constexpr qint64 kCleanUpPauseNs = 20 * kMillisecond;
constexpr qint64 kCleanUpIntervalNs = 3'600'000 * kMillisecond;
constexpr qint64 kRollUpPauseNs = 5 * kMillisecond; // while catching up, so that others get a turn
constexpr qint64 kRollUpDelayNs = 3'000 * kMillisecond; // for more rows to come
constexpr qint64 kRollUpRetryNs = 10'000 * kMillisecond;
constexpr int kDetailDays =
    400; // sums of hours are kept that long: a year, and what it compares to
constexpr qint64 kMicrosecondsPerDay = 86'400'000'000;

Result<StoredConfig> readConfig(SqliteConnection &connection)
{
    StoredConfig config;
    auto keys = KeyRepository(connection).all();
    if (!keys) {
        return Error{keys.error()};
    }
    auto teams = TeamRepository(connection).all();
    if (!teams) {
        return Error{teams.error()};
    }
    ConfigRepository repository(connection);
    for (const auto &[section, entries] : {std::pair{NamedSection::Backends, &config.backends},
                                           std::pair{NamedSection::Models, &config.models},
                                           std::pair{NamedSection::Prices, &config.prices}}) {
        auto read = repository.entries(section);
        if (!read) {
            return Error{read.error()};
        }
        *entries = std::move(read).value();
    }
    auto settings = repository.settings();
    if (!settings) {
        return Error{settings.error()};
    }
    config.keys = std::move(keys).value();
    config.teams = std::move(teams).value();
    config.settings = std::move(settings).value();
    return config;
}

} // namespace

StoreThread::StoreThread(const DataDirectory &directory)
    : m_databasePath(directory.filePath(QStringLiteral("tidegate.db")))
    , m_spillPath(directory.filePath(QStringLiteral("ledger-spill.jsonl")))
    , m_flushNs(kNever)
    , m_cleanUpNs(kNever)
    , m_rollUpNs(kNever)
{
    setObjectName(QStringLiteral("store"));
}

StoreThread::~StoreThread()
{
    closeAndWait();
}

Result<StoredConfig> StoreThread::openAndWait()
{
    start();
    std::unique_lock lock(m_mutex);
    while (!m_opened) {
        m_changed.wait(lock);
    }
    return std::move(*m_opened);
}

void StoreThread::closeAndWait()
{
    {
        const std::lock_guard lock(m_mutex);
        m_closing = true;
        m_accepting = false;
    }
    m_changed.notify_all();
    wait();
}

void StoreThread::append(std::vector<LedgerRow> &&rows)
{
    if (rows.empty()) {
        return;
    }
    const auto count = qint64(rows.size());
    bool wake = false;
    {
        const std::lock_guard lock(m_mutex);
        if (!m_accepting || m_queuedRows + m_writersRows + count > kMaxRows) {
            m_stats.lost += count;
            return;
        }
        m_queuedRows += count;
        // Whole vectors are queued: growing one big vector would move every row, under the lock.
        m_rows.push_back(std::move(rows));
        if (m_flushNs == kNever) {
            m_flushNs = monotonicNs() + kFlushIntervalNs;
            wake = true;
        }
    }
    if (wake) {
        m_changed.notify_one();
    }
}

bool StoreThread::submit(Command command)
{
    return submit(std::move(command), false);
}

bool StoreThread::submitAfterRows(Command command)
{
    return submit(std::move(command), true);
}

bool StoreThread::submit(Command command, bool afterRows)
{
    {
        const std::lock_guard lock(m_mutex);
        if (!m_accepting) {
            return false;
        }
        if (afterRows && m_queuedRows > 0) {
            m_flushNs = 0;
        }
        m_submitted.push_back({std::move(command), monotonicNs() + kCommandPatienceNs});
    }
    m_changed.notify_one();
    return true;
}

void StoreThread::setRowsWritten(RowsWritten callback)
{
    const std::lock_guard lock(m_mutex);
    m_rowsWritten = std::move(callback);
}

void StoreThread::setRetentionDays(int days)
{
    {
        const std::lock_guard lock(m_mutex);
        m_retentionDays = std::max(0, days);
        m_cleanUpNs = m_retentionDays > 0 ? 0 : kNever;
    }
    m_changed.notify_one();
}

LedgerStats StoreThread::stats() const
{
    const std::lock_guard lock(m_mutex);
    LedgerStats stats = m_stats;
    stats.queued = m_queuedRows + m_writersRows;
    return stats;
}

void StoreThread::run()
{
    Database database;
    LedgerWriter writer(database.connection(), m_spillPath);
    LedgerRollup rollup(database.connection());
    Result<StoredConfig> config = [this, &database, &writer, &rollup]() -> Result<StoredConfig> {
        if (auto opened = database.open(m_databasePath); !opened) {
            return Error{opened.error()};
        }
        if (auto opened = rollup.open(); !opened) {
            return Error{opened.error()};
        }
        if (auto opened = writer.open(rollup.rolledUpTo()); !opened) {
            return Error{opened.error()};
        }
        return readConfig(database.connection());
    }();
    const bool opened = bool(config);
    {
        const std::lock_guard lock(m_mutex);
        m_accepting = opened && !m_closing;
        m_opened = std::move(config);
        m_stats.spilled = writer.inSpill();
        // Under the lock: the opener may destroy this object as soon as it has seen a failure.
        m_changed.notify_all();
    }
    if (opened) {
        writer.setRowsWritten([this](const std::vector<quint64> &holdIds) {
            std::unique_lock lock(m_mutex);
            const RowsWritten callback = m_rowsWritten;
            lock.unlock();
            if (callback) {
                callback(holdIds);
            }
        });
        m_rollUpNs = 0; // what an earlier run has left
        serve(database.connection(), writer, rollup);
    }
}

void StoreThread::serve(SqliteConnection &connection, LedgerWriter &writer, LedgerRollup &rollup)
{
    qint64 closeBeforeNs = kNever;
    std::unique_lock lock(m_mutex);
    for (;;) {
        const qint64 nowNs = monotonicNs();
        const bool closing = m_closing;
        const qint64 due = closing ? nowNs : dueNs(writer);
        if (due > nowNs) {
            if (due == kNever) {
                m_changed.wait(lock);
            } else {
                using Clock = std::chrono::steady_clock;
                m_changed.wait_until(lock, Clock::time_point(std::chrono::nanoseconds(due)));
            }
            continue;
        }
        if (closing && closeBeforeNs == kNever) {
            closeBeforeNs = nowNs + kClosePatienceNs;
        }
        std::move(m_submitted.begin(), m_submitted.end(), std::back_inserter(m_commands));
        m_submitted.clear();
        std::vector<std::vector<LedgerRow>> rows;
        if (closing || nowNs >= m_flushNs) {
            rows.swap(m_rows);
            m_writersRows += std::exchange(m_queuedRows, 0);
            m_flushNs = kNever;
        }
        const int cleanUpDays = !closing && nowNs >= m_cleanUpNs ? m_retentionDays : 0;
        lock.unlock();

        if (!rows.empty() || closing || nowNs >= writer.nextFlushNs()) {
            writer.take(std::move(rows));
            writer.flush(nowNs, closing);
        }
        runCommands({connection, writer}, nowNs, nowNs >= closeBeforeNs);
        if (!closing) {
            rollUp(rollup, writer, nowNs);
        }
        if (cleanUpDays > 0) {
            deleteOldRows(rollup, writer, cleanUpDays);
        }

        lock.lock();
        publish(writer);
        if (closing) {
            const bool finished = m_commands.empty() && writer.inMemory() == 0;
            if (finished || nowNs >= closeBeforeNs) {
                break;
            }
            m_changed.wait_for(lock, std::chrono::milliseconds(kCloseRetryMs));
        }
    }
    if (writer.inMemory() > 0) {
        qCCritical(
            lcStore,
            "%lld ledger rows are lost: neither the database nor the spill file takes them. %ls",
            writer.inMemory(), qUtf16Printable(writer.lastError()));
        m_stats.lost += std::exchange(m_writersRows, 0);
    }
}

qint64 StoreThread::dueNs(const LedgerWriter &writer) const
{
    if (!m_submitted.empty() && m_commands.empty()) {
        return 0;
    }
    const qint64 commandsNs = m_commands.empty() ? kNever : m_commandRetryNs;
    return std::min({m_flushNs, m_cleanUpNs, writer.nextFlushNs(), commandsNs, m_rollUpNs});
}

void StoreThread::runCommands(const Access &access, qint64 nowNs, bool lastTry)
{
    while (!m_commands.empty()) {
        const Pending &first = m_commands.front();
        if (!first.command(access, lastTry || nowNs >= first.lastTryNs)) {
            m_commandRetryNs = nowNs + kCommandRetryNs;
            return;
        }
        m_commands.pop_front();
    }
}

void StoreThread::rollUp(LedgerRollup &rollup, LedgerWriter &writer, qint64 nowNs)
{
    const auto waiting = [&rollup, &writer] { return writer.settledId() - rollup.rolledUpTo(); };
    const auto schedule = [this, &waiting](qint64 fullNs, qint64 partNs) {
        m_rollUpNs = waiting() >= LedgerRollup::kMostRows    ? fullNs
                     : waiting() >= LedgerRollup::kBlockRows ? partNs
                                                             : kNever;
    };
    if (nowNs < m_rollUpFailedUntilNs) {
        return;
    }
    schedule(nowNs, std::min(m_rollUpNs, nowNs + kRollUpDelayNs));
    if (nowNs < m_rollUpNs) {
        return;
    }
    const auto added = rollup.advance(writer.settledId(), &writer.recent());
    writer.recent().forget(rollup.rolledUpTo());
    if (!added) {
        qCWarning(lcStore, "Ledger rows could not be added up. %ls",
                  qUtf16Printable(added.error()));
        m_rollUpFailedUntilNs = nowNs + kRollUpRetryNs;
        m_rollUpNs = m_rollUpFailedUntilNs;
        return;
    }
    schedule(monotonicNs() + kRollUpPauseNs, monotonicNs() + kRollUpDelayNs);
}

void StoreThread::deleteOldRows(LedgerRollup &rollup, const LedgerWriter &writer, int days)
{
    const qint64 nowUs = wallClockUs();
    // What is not added up yet would be missing from the reports for ever.
    const bool addedUp = rollup.rolledUpTo() >= writer.settledId();
    const auto done = addedUp ? rollup.deleteRows(nowUs - days * kMicrosecondsPerDay)
                              : rollup.advance(writer.settledId());
    if (!done) {
        qCWarning(lcStore, "Old ledger rows could not be deleted. %ls",
                  qUtf16Printable(done.error()));
    }
    const bool more = done && (!addedUp || *done > 0);
    if (done && !more) {
        const int detailDays = std::max(days, kDetailDays);
        if (auto deleted = rollup.deleteDetails(nowUs - detailDays * kMicrosecondsPerDay);
            !deleted) {
            qCWarning(lcStore, "Old sums of usage could not be deleted. %ls",
                      qUtf16Printable(deleted.error()));
        }
    }
    const std::lock_guard lock(m_mutex);
    if (m_retentionDays > 0) {
        m_cleanUpNs = monotonicNs() + (more ? kCleanUpPauseNs : kCleanUpIntervalNs);
    }
}

void StoreThread::publish(const LedgerWriter &writer)
{
    m_writersRows = writer.inMemory();
    m_stats.written = writer.written();
    m_stats.spilled = writer.inSpill();
    m_stats.lastError = writer.lastError();
}

} // namespace tidegate
