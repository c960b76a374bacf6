// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/store/store.h"

#include <QThread>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

namespace tidegate {

class DataDirectory;
class LedgerRollup;
class LedgerWriter;
class SqliteConnection;

/// The thread that writes the database. Sleeps without any timer while there is nothing to do.
///
/// The object belongs to Store and lives in its thread; run() is the store thread. Everything that
/// crosses goes through one mutex that is never held during disk work.
class StoreThread : public QThread
{
    Q_OBJECT

public:
    /// What a command may use.
    struct Access
    {
        SqliteConnection &connection;
        const LedgerWriter &writer;
    };
    /// Runs in the store thread. False: the database was busy, to be run again; not on the last
    /// try.
    using Command = std::function<bool(const Access &access, bool lastTry)>;
    using RowsWritten = std::function<void(const std::vector<quint64> &holdIds)>;

    explicit StoreThread(const DataDirectory &directory);
    ~StoreThread() override;

    Result<StoredConfig> openAndWait();
    /// Runs the commands and writes the rows that are queued, closes the database, ends the thread.
    void closeAndWait();

    /// Any thread, never waits for disk. Rows beyond the bound are dropped and counted.
    void append(std::vector<LedgerRow> &&rows);
    /// False when the database is not open.
    bool submit(Command command);
    /// The same, after the rows that are queued have been written or spilled.
    bool submitAfterRows(Command command);
    void setRowsWritten(RowsWritten callback);
    void setRetentionDays(int days);
    [[nodiscard]] LedgerStats stats() const;

protected:
    void run() override;

private:
    struct Pending
    {
        Command command;
        qint64 lastTryNs = 0;
    };

    bool submit(Command command, bool afterRows);
    void serve(SqliteConnection &connection, LedgerWriter &writer, LedgerRollup &rollup);
    [[nodiscard]] qint64 dueNs(const LedgerWriter &writer) const;
    void runCommands(const Access &access, qint64 nowNs, bool lastTry);
    void rollUp(LedgerRollup &rollup, LedgerWriter &writer, qint64 nowNs);
    void deleteOldRows(LedgerRollup &rollup, const LedgerWriter &writer, int days);
    void publish(const LedgerWriter &writer);

    const QString m_databasePath;
    const QString m_spillPath;

    mutable std::mutex m_mutex;
    std::condition_variable m_changed;
    // Guarded by m_mutex.
    std::optional<Result<StoredConfig>> m_opened;
    bool m_accepting = false;
    bool m_closing = false;
    std::deque<Pending> m_submitted;
    std::vector<std::vector<LedgerRow>> m_rows;
    qint64 m_queuedRows = 0;  ///< in m_rows
    qint64 m_writersRows = 0; ///< taken by the writer, not yet written or spilled
    qint64 m_flushNs = 0;     ///< when m_rows are to be written
    int m_retentionDays = 0;  ///< 0: for ever
    qint64 m_cleanUpNs = 0;
    LedgerStats m_stats;
    RowsWritten m_rowsWritten;

    // Used by the store thread alone.
    std::deque<Pending> m_commands; ///< in order; the first may be waiting for a lock
    qint64 m_commandRetryNs = 0;
    qint64 m_rollUpNs;                ///< when the next rows are added up at the latest
    qint64 m_rollUpFailedUntilNs = 0; ///< not before
};

} // namespace tidegate
