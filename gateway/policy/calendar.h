// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/policy/limits.h"

#include <QTimeZone>

#include <limits>

namespace tidegate {

/// A stretch of wall clock time, [startUs, endUs), in microseconds since 1970 UTC.
struct BudgetWindow
{
    qint64 startUs = 0;
    qint64 endUs = std::numeric_limits<qint64>::max();

    [[nodiscard]] bool contains(qint64 wallUs) const { return wallUs >= startUs && wallUs < endUs; }
    bool operator==(const BudgetWindow &) const = default;
};

/// Cuts time into the hours, days, weeks and months of a time zone. Any thread, no state.
///
/// The windows of a period follow each other without gap or overlap whatever the zone does. A day
/// begins with the first instant of its date, also where midnight does not exist or comes twice. An
/// hour is one of the local clock; the clock's change starts a new one, so that an hour that the
/// clock shows twice is two windows.
class Calendar
{
public:
    /// The window of @p period that @p wallUs lies in. An invalid zone counts as UTC.
    [[nodiscard]] static BudgetWindow window(BudgetPeriod period, const QTimeZone &zone,
                                             qint64 wallUs);
};

} // namespace tidegate
