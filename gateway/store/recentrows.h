// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/store/ledgerspill.h"

#include <deque>
#include <vector>

namespace tidegate {

/// Rows that have just come into the database, so that LedgerRollup need not read them back.
///
/// Lives in the store thread; owned by LedgerWriter. What it has is without a gap, and never all:
/// where it has nothing, the database is asked.
class RecentRows
{
public:
    static constexpr qint64 kMost = 32'768; ///< rows, about 20 MB; the oldest go
    static constexpr qint64 kFewRows = 256; ///< in one flush; reading these back costs less than
                                            ///< the memory is worth

    /// Takes what one transaction has written.
    void add(std::vector<LedgerBatch> &&batches);
    /// Forgets the rows up to @p lastId.
    void forget(qint64 lastId);

    /// True when it has all rows after @p id up to @p lastId.
    [[nodiscard]] bool covers(qint64 id, qint64 lastId) const
    {
        return !m_batches.empty() && m_batches.front().firstId <= id + 1 && lastId < m_nextId;
    }

    /// Calls @p visit with the rows after @p id up to @p lastId in their order, until it says
    /// false.
    template <typename Visit>
    void forEach(qint64 id, qint64 lastId, Visit visit) const
    {
        for (const LedgerBatch &batch : m_batches) {
            qint64 next = batch.firstId;
            for (const LedgerRow &row : batch.rows) {
                const qint64 rowId = next++;
                if (rowId > lastId || (rowId > id && !visit(rowId, row))) {
                    return;
                }
            }
        }
    }

private:
    std::deque<LedgerBatch> m_batches;
    qint64 m_nextId = 1; ///< after the last row
};

} // namespace tidegate
