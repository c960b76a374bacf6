// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/lanestate.h"

#include <utility>

namespace tidegate {

LaneState::LaneState(QByteArray backendName)
    : name(std::move(backendName))
{
}

void LaneState::configure(const BackendConfig &backend, qint64 nowNs)
{
    breaker.configure(backend.breaker, nowNs);
    credentials.setKeys(backend.keys);
    queue.setBounds(backend.maxConcurrency, backend.maxQueue);
}

LaneState::Availability LaneState::availability(qint64 nowNs) const
{
    using Reason = RouteStep::Reason;
    if (draining.load(std::memory_order_relaxed)) {
        return {Reason::Draining, 0};
    }
    switch (gate.state()) {
    case LaneGate::State::Open:
        break;
    case LaneGate::State::Asleep:
        return {Reason::Asleep, 0};
    case LaneGate::State::Starting:
        return {Reason::Starting, 0};
    case LaneGate::State::Shut:
        return {Reason::NotStarted, gate.untilNs()};
    }
    if (!breaker.wouldAllow(nowNs)) {
        const BreakerSnapshot state = breaker.snapshot(nowNs);
        if (state.state == BreakerState::HalfOpen) {
            return {Reason::ProbeRunning, 0};
        }
        return {state.reason == BreakerReason::RetryAfter ? Reason::CoolingDown
                                                          : Reason::BreakerOpen,
                state.openUntilNs == BreakerSnapshot::kUntilReset ? 0 : state.openUntilNs};
    }
    if (!credentials.anyReady(nowNs)) {
        return {credentials.allCooling(nowNs) ? Reason::CoolingDown : Reason::KeysRefused,
                credentials.readyAtNs(nowNs)};
    }
    return {};
}

bool LaneState::isWell(qint64 nowNs) const
{
    return breaker.snapshot(nowNs).consecutiveFailures == 0;
}

} // namespace tidegate
