// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/store/ledgerspill.h"
#include "gateway/store/recentrows.h"
#include "gateway/store/sqlitestatement.h"

#include <QHash>
#include <QString>

#include <functional>
#include <vector>

namespace tidegate {

class SqliteConnection;

/// Writes ledger rows into the database, and into the spill file while that does not work.
///
/// Lives in the store thread; owned by StoreThread. Gives each row its id once, when it takes it:
/// whatever fails and is tried again after that, the row comes into the database exactly once.
class LedgerWriter
{
public:
    LedgerWriter(SqliteConnection &connection, QString spillPath);

    /// Finds the next free id, which is above @p rolledUpTo, and what an earlier run left in the
    /// spill file.
    Result<Done> open(qint64 rolledUpTo);

    /// Called with the holds of rows that have just come into the database or the spill file.
    using RowsWritten = std::function<void(const std::vector<quint64> &holdIds)>;
    void setRowsWritten(RowsWritten callback) { m_rowsWritten = std::move(callback); }

    void take(std::vector<std::vector<LedgerRow>> &&chunks);
    /// Writes what was taken, or spills it. Tries the database even if it failed a moment ago when
    /// @p force is set. Replays one piece of the spill file when the database works.
    void flush(qint64 nowNs, bool force);
    /// Monotonic time of the next flush() that has something to do by itself; kNever: none.
    [[nodiscard]] qint64 nextFlushNs() const { return m_nextFlushNs; }
    static constexpr qint64 kNever = std::numeric_limits<qint64>::max();

    /// Calls @p visit with every row that waits to come into the database, in memory or in the
    /// spill file. After a crash some of those in the file may be in the database too, with the
    /// same id.
    Result<Done>
    forEachOutside(const std::function<void(qint64 id, const LedgerRow &row)> &visit) const;
    /// Highest id below which no row waits any more; 0 while there are rows in the spill file.
    [[nodiscard]] qint64 settledId() const
    {
        return m_spill.waiting() > 0 ? 0 : m_nextId - 1 - m_inMemory;
    }

    /// The newest of the rows in the database.
    [[nodiscard]] RecentRows &recent() { return m_recent; }

    [[nodiscard]] qint64 inMemory() const
    {
        return m_inMemory;
    } ///< rows taken, neither written nor spilled
    [[nodiscard]] qint64 written() const { return m_written; } ///< rows, since start
    [[nodiscard]] qint64 inSpill() const { return m_spill.waiting(); }
    [[nodiscard]] const QString &lastError() const { return m_lastError; }

private:
    enum class Where
    {
        Database,
        Spill
    };
    void takenAreDurable(Where where);
    bool prepare();
    bool write(const std::vector<LedgerBatch> &batches);
    bool insert(qint64 id, const LedgerRow &row);
    bool writeKeyUsage();
    void replay(qint64 nowNs);
    void databaseFailed(qint64 nowNs);

    SqliteConnection &m_connection;
    LedgerSpill m_spill;
    RecentRows m_recent;
    SqliteStatement m_insert;
    SqliteStatement m_saveKeyUsage;
    std::vector<LedgerBatch> m_taken;
    QHash<qint64, qint64> m_lastUsedUs; ///< by key, of the batch that is being written
    qint64 m_nextId = 1;
    qint64 m_inMemory = 0;
    qint64 m_written = 0;
    qint64 m_nextFlushNs = kNever;
    qint64 m_databaseRetryNs = 0; ///< before this the database is left alone
    qint64 m_retryDelayNs = 0;
    RowsWritten m_rowsWritten;
    QString m_lastError;
    QString m_loggedError; ///< the database's, so that it is logged once and not with every try
};

} // namespace tidegate
