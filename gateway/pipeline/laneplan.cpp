// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/laneplan.h"

#include <algorithm>

namespace tidegate {

quint64 LaneDice::below(quint64 bound)
{
    return quint64(share() * double(bound));
}

UpstreamTimeouts PlannedLane::timeouts() const
{
    return via ? via->timeouts.over(backend().timeouts) : backend().timeouts;
}

RetryRule PlannedLane::retry() const
{
    return via ? via->retry.over(backend().retry) : backend().retry;
}

qint64 LanePlan::availableAtNs(qint64 nowNs) const
{
    qint64 soonest = 0;
    for (const PlannedLane &planned : lanes) {
        const LaneState::Availability available = planned.state().availability(nowNs);
        if (available) {
            return nowNs;
        }
        if (available.untilNs > 0 && (soonest == 0 || available.untilNs < soonest)) {
            soonest = available.untilNs;
        }
    }
    return soonest;
}

RouteStep::Reason stepReason(Disposition disposition)
{
    using Reason = RouteStep::Reason;
    switch (disposition) {
    case Disposition::Success:
        return Reason::Success;
    case Disposition::Transient:
        return Reason::Transient;
    case Disposition::RateLimited:
        return Reason::RateLimited;
    case Disposition::CredentialsDead:
        return Reason::CredentialsDead;
    case Disposition::ContextTooLong:
        return Reason::ContextTooLong;
    case Disposition::ClientFault:
        return Reason::ClientFault;
    case Disposition::Cancelled:
        return Reason::Cancelled;
    }
    return Reason::None;
}

const char *routeMatchName(RouteMatch match)
{
    switch (match) {
    case RouteMatch::None:
        return "none";
    case RouteMatch::Wish:
        return "wish";
    case RouteMatch::Public:
        return "public";
    case RouteMatch::Listed:
        return "listed";
    case RouteMatch::Backend:
        return "backend";
    case RouteMatch::Pattern:
        return "pattern";
    case RouteMatch::Prefix:
        return "prefix";
    case RouteMatch::Default:
        return "default";
    case RouteMatch::Any:
        return "any";
    }
    return "";
}

} // namespace tidegate
