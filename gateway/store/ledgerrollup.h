// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/store/ledgerstate.h"
#include "gateway/store/sqlitestatement.h"
#include "gateway/store/usageseries.h"
#include "gateway/store/usagesums.h"

#include <QHash>

#include <map>
#include <vector>

namespace tidegate {

class RecentRows;
class SqliteConnection;

/// Adds up the ledger's rows, some thousand at a time, by quarter, hour and day.
///
/// Lives in the store thread, on the stack. It happens in one transaction with the mark of how far
/// it has come, so that every row counts exactly once whatever happens, and a ledger from before
/// there were sums is caught up with in the same way. Until then the newest rows are only in
/// `requests`, where reports read them.
class LedgerRollup
{
public:
    static constexpr int kBlockRows = 4096;          ///< in one entry of ledger_blocks
    static constexpr int kMostRows = 4 * kBlockRows; ///< at a time: the more, the cheaper each

    explicit LedgerRollup(SqliteConnection &connection);

    /// Reads how far it has come. To be called once, before anything else.
    Result<Done> open();
    [[nodiscard]] qint64 rolledUpTo() const { return m_state.rolledUpTo; }

    /// Adds up the next rows, at most kMostRows, and returns how many. Rows up to @p lastId are
    /// written, and none that comes later will have an id as low. Those in @p recent are not read
    /// back from the database; it may be null.
    Result<int> advance(qint64 lastId, const RecentRows *recent = nullptr);

    /// Deletes up to a few thousand rows that have been added up and started before
    /// @p startedBeforeUs, and returns how many.
    Result<int> deleteRows(qint64 startedBeforeUs);
    /// Deletes the sums of quarters and hours before the UTC day of @p beforeUs. Days are kept.
    Result<Done> deleteDetails(qint64 beforeUs);

private:
    struct Sums
    {
        UsageSums sums;
        UsageTimes times;

        void add(const Sums &other)
        {
            sums.add(other.sums);
            times.total.add(other.times.total);
            times.firstByte.add(other.times.firstByte);
        }
    };
    using SumsBySeries = QHash<qint64, Sums>;
    using SumsByStart = std::map<qint64, SumsBySeries>; ///< by the seconds at which a span starts

    struct Block;
    struct Tier
    {
        SqliteStatement select;
        SqliteStatement save;
    };

    struct Addition;
    Result<int> addRows(qint64 lastId, const RecentRows *recent);
    bool readRows(qint64 lastId, Addition &addition);
    bool addRow(qint64 id, QByteArrayView requestId, const UsageFacts &facts, Addition &addition);
    bool writeTier(int tier, const SumsByStart &sums);
    bool writeBlock(const Block &block);
    bool prepare();

    SqliteConnection &m_connection;
    UsageSeries m_series;
    LedgerState m_state;
    SqliteStatement m_rows;
    std::vector<Tier> m_tiers;
    SqliteStatement m_saveBlock;
    SqliteStatement m_saveFilter;
};

} // namespace tidegate
