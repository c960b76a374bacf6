// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/clock.h"

namespace tidegate {

/// An instant on both clocks: the monotonic one for rates, the wall clock for calendars.
///
/// Value type. Given by the caller of every policy, so that tests can run years in seconds.
struct PolicyTime
{
    qint64 monotonicNs = 0;
    qint64 wallUs = 0; ///< since 1970 UTC; may be stepped in either direction

    [[nodiscard]] static PolicyTime now() { return {tidegate::monotonicNs(), wallClockUs()}; }
};

} // namespace tidegate
