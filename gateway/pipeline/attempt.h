// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/pipeline/laneplan.h"
#include "gateway/resilience/credentials.h"
#include "gateway/resilience/disposition.h"

#include <optional>

namespace tidegate {

/// One call to one lane: the place, the leave and the key that it holds, and its step of the trace.
///
/// Lives in one engine thread, part of its Exchange. Told nothing of its end, it was cancelled:
/// that counts neither for nor against the lane.
class Attempt
{
public:
    enum class Entry : quint8
    {
        Entered,
        Full,    ///< every place is taken
        Skipped, ///< out of service for now; the trace says why
        Coming,  ///< the same, but it can be waited for until it is started
    };

    Attempt() = default;
    ~Attempt();
    Attempt(const Attempt &) = delete;
    Attempt &operator=(const Attempt &) = delete;

    /// Takes what a call to @p lane needs, or nothing. @p slot: a place that was waited for; empty
    /// to enter at once. @p lane and @p trace must outlive the attempt.
    [[nodiscard]] Entry enter(const PlannedLane &lane, RouteTrace &trace, RouteStep::Kind kind,
                              LaneQueue::Slot slot, qint64 nowNs, qint64 atUs);
    [[nodiscard]] bool isRunning() const { return m_lane != nullptr; }
    [[nodiscard]] const Secret &key() const { return m_credential.key; }

    /// The first byte of an answer came.
    void answered(qint64 nowNs);
    /// A stream is going well; see BreakerPermit::underWay().
    void underWay(qint64 nowNs) { m_permit.underWay(nowNs); }
    /// Says how it ended. @p brokeOff: after the client had got the first byte.
    void end(const Verdict &verdict, std::optional<qint64> retryAfterMs, bool brokeOff,
             qint64 nowNs, qint64 atUs);

private:
    void leave();

    const PlannedLane *m_lane = nullptr; ///< null when none is running
    RouteTrace *m_trace = nullptr;
    LaneQueue::Slot m_slot;
    BreakerPermit m_permit;
    Credential m_credential;
    qint64 m_startNs = 0;
    int m_step = -1;
    bool m_answered = false;
};

} // namespace tidegate
