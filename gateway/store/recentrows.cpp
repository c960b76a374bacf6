// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/recentrows.h"

#include <numeric>

namespace tidegate {

void RecentRows::add(std::vector<LedgerBatch> &&batches)
{
    const qint64 rows = std::accumulate(
        batches.begin(), batches.end(), qint64(0),
        [](qint64 sum, const LedgerBatch &each) { return sum + qint64(each.rows.size()); });
    if (rows < kFewRows || batches.front().firstId != m_nextId) {
        m_batches.clear();
    }
    if (rows < kFewRows) {
        return;
    }
    for (LedgerBatch &batch : batches) {
        m_nextId = batch.firstId + qint64(batch.rows.size());
        m_batches.push_back(std::move(batch));
    }
    forget(m_nextId - 1 - kMost);
}

void RecentRows::forget(qint64 lastId)
{
    while (!m_batches.empty() &&
           m_batches.front().firstId + qint64(m_batches.front().rows.size()) - 1 <= lastId) {
        m_batches.pop_front();
    }
}

} // namespace tidegate
