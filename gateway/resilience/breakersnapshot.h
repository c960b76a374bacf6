// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/resilience/disposition.h"

#include <array>
#include <limits>
#include <string_view>

namespace tidegate {

enum class BreakerState : quint8
{
    Closed,   ///< requests pass
    Open,     ///< none does
    HalfOpen, ///< one at a time does, as a probe
};

/// What made a breaker go into its state.
enum class BreakerReason : quint8
{
    None,                ///< as it started
    ConsecutiveFailures, ///< opened
    FailureRatio,        ///< opened
    ProbeFailed,         ///< opened again
    RetryAfter,          ///< opened for as long as the backend asked for
    ByHand,              ///< opened or closed by a person
    TimeOver,            ///< half open after the open time, or closed after a Retry-After
    ProbesSucceeded,     ///< closed
    SwitchedOff,         ///< closed, because the configuration said enabled: false
};

struct BreakerTransition
{
    qint64 atNs = 0; ///< monotonic
    BreakerState from = BreakerState::Closed;
    BreakerState to = BreakerState::Closed;
    BreakerReason reason = BreakerReason::None;
    Fault fault = Fault::None; ///< the last failure before it opened
};

/// A breaker at one instant, for the panel, /ready and the metrics.
struct BreakerSnapshot
{
    /// openUntilNs of a breaker that only a person closes.
    static constexpr qint64 kUntilReset = std::numeric_limits<qint64>::max();

    /// By BreakerState: times it went into it since the start.
    using Entered = std::array<quint64, 3>;

    BreakerState state = BreakerState::Closed;
    BreakerReason reason = BreakerReason::None;
    Fault fault = Fault::None; ///< the last failure; None when closed and well
    qint64 sinceNs = 0;        ///< when it went into this state, monotonic; 0: at the start
    qint64 openUntilNs = 0;    ///< monotonic; 0 when it is not open
    bool enabled = true;
    bool probeRunning = false;
    int probesSucceeded = 0; ///< k of
    int probesNeeded = 0;    ///< n; both 0 unless half open
    int consecutiveFailures = 0;
    qint64 failures = 0; ///< in the window
    qint64 requests = 0; ///< in the window, that ended as a success or a failure
    int streak = 0;      ///< times it opened since it was last closed
    Entered entered = {};

    [[nodiscard]] double failureRatio() const
    {
        return requests > 0 ? double(failures) / double(requests) : 0.0;
    }
};

/// "closed", "open", "half_open".
[[nodiscard]] std::string_view breakerStateName(BreakerState state);
/// "consecutive_failures", "failure_ratio", …
[[nodiscard]] std::string_view breakerReasonName(BreakerReason reason);

} // namespace tidegate
