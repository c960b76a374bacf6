// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <limits>

namespace tidegate {

/// Whose money is asked for, and of which requests. Value type.
struct SpendQuery
{
    bool team = false;
    qint64 id = 0;     ///< ClientKey::id or Team::id
    qint64 fromUs = 0; ///< requests that started then or later
    /// Those that were finished by then. Wall clock, as fromUs.
    qint64 finishedUpToUs = std::numeric_limits<qint64>::max();
};

} // namespace tidegate
