// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/attempt.h"

#include "gateway/base/clock.h"
#include "gateway/resilience/settleattempt.h"

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

qint64 msUntil(qint64 untilNs, qint64 nowNs)
{
    return untilNs > 0 ? std::max<qint64>((untilNs - nowNs) / 1'000'000, 0) : -1;
}

} // namespace

Attempt::~Attempt()
{
    if (m_lane) {
        leave();
    }
}

Attempt::Entry Attempt::enter(const PlannedLane &lane, RouteTrace &trace, RouteStep::Kind kind,
                              LaneQueue::Slot slot, qint64 nowNs, qint64 atUs)
{
    LaneState &state = lane.state();
    const auto skip = [&](const LaneState::Availability &why) {
        trace.skipped(lane.backend().name, lane.model, why.reason, atUs,
                      msUntil(why.untilNs, nowNs));
        return Entry::Skipped;
    };
    if (const auto availability = state.availability(nowNs); !availability) {
        skip(availability);
        return availability.isComing() ? Entry::Coming : Entry::Skipped;
    }
    if (!slot) {
        slot = state.queue.tryEnter();
        if (!slot) {
            return Entry::Full;
        }
    }
    BreakerPermit permit = state.breaker.acquire(nowNs);
    if (!permit) {
        // Between the look and the leave another request took the probe.
        return skip({RouteStep::Reason::ProbeRunning, 0});
    }
    auto credential = state.credentials.lend(nowNs);
    if (!credential) {
        return skip({state.credentials.allCooling(nowNs) ? RouteStep::Reason::CoolingDown
                                                         : RouteStep::Reason::KeysRefused,
                     state.credentials.readyAtNs(nowNs)});
    }
    m_lane = &lane;
    m_trace = &trace;
    m_slot = std::move(slot);
    m_permit = std::move(permit);
    m_credential = std::move(*credential);
    m_startNs = nowNs;
    m_answered = false;
    m_step = trace.started(lane.backend().name, lane.model, kind, atUs);
    state.latency.started();
    state.gate.used(nowNs);
    return Entry::Entered;
}

void Attempt::answered(qint64 nowNs)
{
    if (m_lane && !std::exchange(m_answered, true)) {
        m_lane->state().latency.answered(nowNs - m_startNs, nowNs);
    }
}

void Attempt::end(const Verdict &verdict, std::optional<qint64> retryAfterMs, bool brokeOff,
                  qint64 nowNs, qint64 atUs)
{
    if (!m_lane) {
        return;
    }
    LaneState &state = m_lane->state();
    settleAttempt(m_permit, state.credentials, m_credential.id, verdict, retryAfterMs, nowNs);
    if (ruleFor(verdict.disposition).countsAgainstLane && !m_answered) {
        state.latency.failed(nowNs - m_startNs, nowNs);
    }
    m_trace->ended(m_step, brokeOff ? RouteStep::Reason::BrokeOff : stepReason(verdict.disposition),
                   verdict.status, atUs,
                   verdict.fault == Fault::None ? std::string_view() : faultName(verdict.fault));
    leave();
}

void Attempt::leave()
{
    LaneState &state = std::exchange(m_lane, nullptr)->state();
    state.latency.ended();
    m_permit.abandon();
    m_slot.release();
    m_credential = {};
}

} // namespace tidegate
