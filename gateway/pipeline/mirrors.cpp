// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/mirrors.h"

#include "gateway/base/clock.h"
#include "gateway/http/httprequest.h"
#include "gateway/pipeline/mirrorcall.h"

#include <algorithm>
#include <utility>

namespace tidegate {

Mirrors::Mirrors(UpstreamClient &upstream, Finished finished)
    : m_upstream(upstream)
    , m_finished(std::move(finished))
{
}

Mirrors::~Mirrors()
{
    // Whoever heard of their ends may be gone.
    for (const auto &call : m_calls) {
        call->stop(m_upstream);
    }
}

void Mirrors::start(const ProxiedRequest &request, const QByteArray &requestId,
                    const PlannedLane &lane, RoutesPtr routes, RouteTrace &trace, qint64 atUs)
{
    const int step =
        trace.started(lane.backend().name, lane.model, RouteStep::Kind::Mirrored, atUs);
    if (m_calls.size() >= kMaxCalls || m_bytes + request.http.body.size() > kMaxBytes) {
        trace.ended(step, RouteStep::Reason::QueueFull, 0, atUs);
        return;
    }
    auto call = std::make_unique<MirrorCall>(*this, lane, std::move(routes));
    if (call->enter(monotonicNs()) != Attempt::Entry::Entered) {
        trace.ended(step, call->skippedFor(), 0, atUs);
        return;
    }
    call->send(m_upstream, request, requestId);
    m_bytes += call->bytes();
    m_calls.push_back(std::move(call));
}

void Mirrors::cancelAll()
{
    while (!m_calls.empty()) {
        m_calls.back()->cancel(m_upstream);
    }
    sweep();
}

void Mirrors::sweep()
{
    m_ended.clear();
}

// The call is in the middle of a function of its own, so it is only put aside.
void Mirrors::ended(MirrorCall *call)
{
    const auto found = std::find_if(m_calls.begin(), m_calls.end(),
                                    [call](const auto &owned) { return owned.get() == call; });
    m_bytes -= call->bytes();
    m_finished(call->row());
    m_ended.push_back(std::move(*found));
    m_calls.erase(found);
}

} // namespace tidegate
