// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/observe/exchangeevent.h"

#include <vector>

namespace tidegate {

class Exchange;

/// Collects what changed among the exchanges of one engine until the next batch.
///
/// Lives in the engine thread, owned by its Engine. Costs a flag check while nobody looks. An
/// exchange that does not fit into a batch is left out for good and counted; one that was shown is
/// always followed to its end.
class LiveFeed
{
public:
    /// New exchanges in one batch: 5,000 a second at the engine's pace, more than anyone can read.
    static constexpr size_t kMaxNew = 250;

    void setEnabled(bool enabled);
    [[nodiscard]] bool isEnabled() const { return m_enabled; }

    void changed(Exchange &exchange);
    /// The exchange is about to be destroyed.
    void finished(Exchange &exchange);
    /// What has come together; empties the feed. @p active and @p finishedTotal are passed on.
    [[nodiscard]] ExchangeBatch take(int active, qint64 finishedTotal);

private:
    [[nodiscard]] bool admit(Exchange &exchange);

    bool m_enabled = false;
    std::vector<Exchange *> m_dirty;    ///< in flight and changed
    std::vector<ExchangeEvent> m_ended; ///< last states of those that ended since the last batch
    size_t m_new = 0;
    qint64 m_dropped = 0;
};

} // namespace tidegate
