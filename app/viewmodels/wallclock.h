// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/clock.h"

#include <functional>

namespace tidegate {

/// Microseconds since 1970 UTC. Replaced by a frozen one for screenshots and tests.
using WallClock = std::function<qint64()>;

inline WallClock wallClock()
{
    return [] { return wallClockUs(); };
}

} // namespace tidegate
