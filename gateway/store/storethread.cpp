// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/storethread.h"

#include "gateway/base/clock.h"
#include "gateway/store/configrepository.h"
#include "gateway/store/database.h"
#include "gateway/store/datadirectory.h"
#include "gateway/store/keyrepository.h"
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
    {
        const std::lock_guard lock(m_mutex);
        if (!m_accepting) {
            return false;
        }
        m_submitted.push_back({std::move(command), monotonicNs() + kCommandPatienceNs});
    }
    m_changed.notify_one();
    return true;
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
    Result<StoredConfig> config = [this, &database, &writer]() -> Result<StoredConfig> {
        if (auto opened = database.open(m_databasePath); !opened) {
            return Error{opened.error()};
        }
        if (auto opened = writer.open(); !opened) {
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
        serve(database.connection(), writer);
    }
}

void StoreThread::serve(SqliteConnection &connection, LedgerWriter &writer)
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

        runCommands(connection, nowNs, nowNs >= closeBeforeNs);
        if (!rows.empty() || closing || nowNs >= writer.nextFlushNs()) {
            writer.take(std::move(rows));
            writer.flush(nowNs, closing);
        }
        if (cleanUpDays > 0) {
            deleteOldRows(writer, cleanUpDays);
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
    return std::min({m_flushNs, m_cleanUpNs, writer.nextFlushNs(), commandsNs});
}

void StoreThread::runCommands(SqliteConnection &connection, qint64 nowNs, bool lastTry)
{
    while (!m_commands.empty()) {
        const Pending &first = m_commands.front();
        if (!first.command(connection, lastTry || nowNs >= first.lastTryNs)) {
            m_commandRetryNs = nowNs + kCommandRetryNs;
            return;
        }
        m_commands.pop_front();
    }
}

void StoreThread::deleteOldRows(LedgerWriter &writer, int days)
{
    const auto deleted = writer.deleteOld(wallClockUs() - days * kMicrosecondsPerDay);
    if (!deleted) {
        qCWarning(lcStore, "Old ledger rows could not be deleted. %ls",
                  qUtf16Printable(deleted.error()));
    }
    const bool more = deleted && *deleted > 0;
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
