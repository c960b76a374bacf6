// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/policy/policytime.h"

namespace tidegate {

/// Tokens used in the present day of UTC.
///
/// Value without a lock, used under the Limiter's. A wall clock that is stepped back into an
/// earlier day does not start that day anew; only when it stays behind for 24 hours, because it had
/// been wrong before, the day it shows is believed.
class LimiterDay
{
public:
    static constexpr qint64 kDayUs = 86'400'000'000;

    /// Starts a new day when it is time. Call it before the others.
    void advance(PolicyTime now);
    /// Days since 1970: the mark for settle().
    [[nodiscard]] qint64 day() const { return m_day; }
    [[nodiscard]] qint64 used() const { return m_used; }
    void add(qint64 tokens) { m_used += tokens; }
    /// Corrects what was added in @p day; nothing when that day is over.
    void settle(qint64 taken, qint64 actual, qint64 day);
    /// Milliseconds until the next day starts.
    [[nodiscard]] qint64 restMs(PolicyTime now) const;

private:
    qint64 m_day = -1;
    qint64 m_used = 0;
    qint64 m_sinceNs = 0; ///< when m_day was entered
};

} // namespace tidegate
