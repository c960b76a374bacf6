// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/store/ledgerstate.h"
#include "gateway/store/usagequery.h"

#include <vector>

namespace tidegate {

/// Which parts of which table answer a query: as many whole days as there are, then hours, then
/// quarters, and the ledger's rows for what is left.
///
/// Value type, any thread.
struct UsagePlan
{
    /// A piece of time that belongs to one step.
    struct Span
    {
        qint64 start = 0; ///< seconds in the tables, microseconds in rows
        qint64 end = 0;   ///< not included
        int step = 0;
    };

    qint64 fromUs = 0; ///< as asked, or wider where only sums are left
    qint64 toUs = 0;
    std::vector<qint64> stepsUs; ///< when each begins; one for a query that is not by time
    // In order, without overlap.
    std::vector<Span> rows;
    std::vector<Span> quarters;
    std::vector<Span> hours;
    std::vector<Span> days;

    static Result<UsagePlan> make(const UsageQuery &query, const LedgerState &state);
    /// The step that @p us is in; it must be within the time of the plan.
    [[nodiscard]] int stepAt(qint64 us) const;

private:
    Result<Done> makeSteps(const UsageQuery &query);
    void divide(qint64 fromUs, qint64 toUs, int step);
};

} // namespace tidegate
