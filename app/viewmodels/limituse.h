// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/policy/limits.h"

#include <QString>

#include <optional>

namespace tidegate {

/// What of a budget is gone, in its running period.
struct BudgetUse
{
    BudgetRule rule;
    Money spent;
    Money held;               ///< reserved for requests in flight
    qint64 periodStartUs = 0; ///< wall clock, microseconds since 1970 UTC
    qint64 resetUs = -1;      ///< the same; -1: never, a total budget
};

/// What a key or a team uses of its limits now. Value type.
struct LimitUse
{
    bool team = false;
    qint64 id = 0; ///< ClientKey::id or Team::id
    Limits limits; ///< those in force, defaults included
    qint64 requestsThisMinute = 0;
    qint64 tokensThisMinute = 0;
    qint64 tokensToday = 0; ///< since midnight UTC
    int inFlight = 0;
    std::optional<BudgetUse> budget;
};

/// A budget has reached its soft threshold, or is used up.
struct BudgetNotice
{
    bool team = false;
    qint64 id = 0;
    QString name;
    int percent = 0; ///< BudgetRule::softPercent or 100
    BudgetUse use;
};

} // namespace tidegate
