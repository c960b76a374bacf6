// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/observe/routetrace.h"
#include "gateway/pipeline/lanecall.h"
#include "gateway/pipeline/lanerequest.h"
#include "gateway/pipeline/routes.h"

#include <QByteArray>

#include <optional>

namespace tidegate {

class Mirrors;

/// One copy of a request on its way to a shadow lane. Of the answer only what it used is kept.
///
/// Lives in one engine thread, owned by its Mirrors, which it tells of its end.
class MirrorCall final : private LaneCallOwner
{
public:
    MirrorCall(Mirrors &mirrors, const PlannedLane &lane, RoutesPtr routes);

    /// Takes what the lane needs; the same answers as Attempt::enter().
    [[nodiscard]] Attempt::Entry enter(qint64 nowNs);
    /// Why it could not enter.
    [[nodiscard]] RouteStep::Reason skippedFor() const;
    void send(UpstreamClient &upstream, const ProxiedRequest &request, const QByteArray &requestId);
    /// Ends it at once and without a word.
    void stop(UpstreamClient &upstream) { m_call.stop(upstream); }
    /// Ends it at once, as given up.
    void cancel(UpstreamClient &upstream);

    [[nodiscard]] qint64 bytes() const { return m_body.size(); }
    [[nodiscard]] LedgerRow row() const;

private:
    // LaneCallOwner
    void callHead(LaneCall &call, const UpstreamHead &head) override;
    bool callBody(LaneCall &call, std::string_view piece) override;
    void callFinished(LaneCall &call, const UpstreamResult &result) override;

    void end(const AttemptEnd &end);
    void end(const Verdict &verdict);
    [[nodiscard]] qint64 nowUs() const;

    Mirrors &m_mirrors;
    const RoutesPtr m_routes;
    const PlannedLane m_lane;
    RouteTrace m_trace;
    LaneCall m_call{static_cast<LaneCallOwner &>(*this)};
    QByteArray m_requestId;
    QByteArray m_body; ///< the client's; shared with its exchange
    Endpoint m_endpoint = Endpoint::Other;
    qint64 m_startNs = 0;
    qint64 m_startedAtUs = 0; ///< wall clock
    qint64 m_firstByteUs = -1;
    qint64 m_endUs = 0;
    bool m_stream = false;
};

} // namespace tidegate
