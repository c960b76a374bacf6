// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/policy/limiterscope.h"

#include <QByteArray>

#include <optional>

namespace tidegate {

/// Why a limit or a budget lets a request not pass, ready to be put into an error answer.
struct Refusal
{
    int status = 429;   ///< HTTP; 402 for budget_exceeded
    QByteArray code;    ///< of the contract
    QByteArray message; ///< plain English for the client's user
    /// Milliseconds until the same request would pass if nothing else happens. Nothing: waiting
    /// does not help, so send no Retry-After. Exact but for concurrency_limit_exceeded and
    /// budget_in_flight, which end when other requests do: a hint of a second.
    std::optional<qint64> retryAfterMs;
    ScopeKind scope = ScopeKind::Key; ///< whose limit or budget it is
    LimitStatus limits;               ///< as it stands, nothing was taken; empty from budgets
};

} // namespace tidegate
