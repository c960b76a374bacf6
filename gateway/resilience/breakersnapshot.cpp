// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/breakersnapshot.h"

namespace tidegate {

std::string_view breakerStateName(BreakerState state)
{
    switch (state) {
    case BreakerState::Closed:
        return "closed";
    case BreakerState::Open:
        return "open";
    case BreakerState::HalfOpen:
        return "half_open";
    }
    return {};
}

std::string_view breakerReasonName(BreakerReason reason)
{
    switch (reason) {
    case BreakerReason::None:
        return "none";
    case BreakerReason::ConsecutiveFailures:
        return "consecutive_failures";
    case BreakerReason::FailureRatio:
        return "failure_ratio";
    case BreakerReason::ProbeFailed:
        return "probe_failed";
    case BreakerReason::RetryAfter:
        return "retry_after";
    case BreakerReason::ByHand:
        return "by_hand";
    case BreakerReason::TimeOver:
        return "time_over";
    case BreakerReason::ProbesSucceeded:
        return "probes_succeeded";
    case BreakerReason::SwitchedOff:
        return "switched_off";
    }
    return {};
}

} // namespace tidegate
