// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/mirrorcall.h"

#include "gateway/base/clock.h"
#include "gateway/http/httprequest.h"
#include "gateway/pipeline/endpoints.h"
#include "gateway/pipeline/mirrors.h"
#include "gateway/policy/pricetable.h"
#include "gateway/protocol/openairequest.h"
#include "gateway/protocol/openairesponse.h"
#include "gateway/protocol/usageblock.h"

#include <utility>

namespace tidegate {

namespace {

// As much of a whole answer is kept to read its usage; that of a longer one is estimated.
constexpr qsizetype kMaxKeptBody = 1024 * 1024;

std::string_view view(const QByteArray &bytes)
{
    return {bytes.constData(), size_t(bytes.size())};
}

QByteArray errorCodeFor(const Verdict &verdict, int status)
{
    switch (verdict.disposition) {
    case Disposition::Success:
        return {};
    case Disposition::Cancelled:
        return "draining";
    default:
        break;
    }
    if (status >= 400) {
        return "upstream_" + QByteArray::number(status);
    }
    if (status > 0) {
        return "upstream_invalid_response";
    }
    return verdict.fault == Fault::Timeout ? "upstream_timeout" : "upstream_unavailable";
}

} // namespace

MirrorCall::MirrorCall(Mirrors &mirrors, const PlannedLane &lane, RoutesPtr routes)
    : m_mirrors(mirrors)
    , m_routes(std::move(routes))
    , m_lane(lane)
{
    m_call.lane = &m_lane;
}

Attempt::Entry MirrorCall::enter(qint64 nowNs)
{
    m_startNs = nowNs;
    m_startedAtUs = wallClockUs();
    return m_call.attempt.enter(m_lane, m_trace, RouteStep::Kind::Mirrored, {}, nowNs, 0);
}

RouteStep::Reason MirrorCall::skippedFor() const
{
    return m_trace.isEmpty() ? RouteStep::Reason::QueueFull : m_trace.begin()->reason;
}

void MirrorCall::send(UpstreamClient &upstream, const ProxiedRequest &request,
                      const QByteArray &requestId)
{
    m_requestId = requestId + Mirrors::kIdSuffix;
    m_body = request.http.body;
    m_endpoint = request.match.endpoint;
    m_stream = request.openAi.stream();
    m_call.start(upstream, laneRequest(m_call, request));
}

void MirrorCall::cancel(UpstreamClient &upstream)
{
    m_call.giveUp(upstream);
    end(Verdict{Disposition::Cancelled, Fault::None, m_call.status});
}

void MirrorCall::callHead(LaneCall &call, const UpstreamHead &head)
{
    m_firstByteUs = nowUs();
    call.noteHead(head, m_stream, monotonicNs());
}

bool MirrorCall::callBody(LaneCall &call, std::string_view piece)
{
    call.bodyBytes += qint64(piece.size());
    if (call.relay == LaneCall::Relay::Events) {
        SseSplitter::Event event;
        call.splitter.feed(piece);
        while (call.splitter.next(event)) {
            if (event.whole && !event.tail) {
                ++call.events;
                call.readEvent(event.raw);
            }
        }
    } else if (call.bodyBytes <= kMaxKeptBody) {
        call.body.append(piece.data(), qsizetype(piece.size()));
    } else {
        call.body = QByteArray();
        call.relay = LaneCall::Relay::Bytes;
    }
    return true;
}

void MirrorCall::callFinished(LaneCall &call, const UpstreamResult &result)
{
    if (result.failure != UpstreamFailure::None) {
        if (result.staleConnection) {
            // The backend had closed a kept connection: that says nothing about it.
            end(Verdict{Disposition::Cancelled, Fault::None, 0});
        } else {
            end({.failure = result.failure, .status = call.status});
        }
        return;
    }
    AttemptEnd end{.status = call.status};
    if (call.relay == LaneCall::Relay::Events) {
        call.readEvent(call.splitter.rest());
        end.body = call.sawError                      ? AttemptEnd::Body::Error
                   : !call.sawDone && !call.sawFinish ? AttemptEnd::Body::Cut
                                                      : AttemptEnd::Body::Good;
    } else if (call.status >= 400) {
        end.error = view(call.body);
    } else {
        const OpenAiChunk answer = readChunk(view(call.body));
        mergeUsage(call.usage, answer.usage);
        call.refused = answer.error;
        end.body = answer.error ? AttemptEnd::Body::Error : AttemptEnd::Body::Good;
    }
    this->end(end);
}

void MirrorCall::end(const AttemptEnd &end)
{
    this->end(classify(end));
}

void MirrorCall::end(const Verdict &verdict)
{
    m_endUs = nowUs();
    m_call.verdict = verdict;
    m_call.attempt.end(verdict, m_call.retryAfterMs(), false, monotonicNs(), m_endUs);
    m_mirrors.ended(this);
}

LedgerRow MirrorCall::row() const
{
    const Verdict &verdict = m_call.verdict;
    const bool good = verdict.disposition == Disposition::Success;
    const bool clientError = m_call.status >= 400 && m_call.status < 500;
    LedgerRow row;
    row.requestId = m_requestId;
    row.startedAtUs = m_startedAtUs;
    row.totalUs = m_endUs;
    row.firstByteUs = m_firstByteUs;
    row.endpoint = m_endpoint;
    row.outcome = good          ? Outcome::Success
                  : clientError ? Outcome::ClientError
                                : Outcome::UpstreamError;
    row.status = m_call.status > 0 ? m_call.status : verdict.fault == Fault::Timeout ? 504 : 502;
    row.attempts = 1;
    row.stream = m_stream;
    // Not the public name: what a model's limits count is what clients asked for.
    row.requestedModel = m_lane.model;
    row.servedModel = m_lane.model;
    row.backend = m_lane.backend().name;
    row.trace = m_trace.ledgerJson();
    row.errorCode = errorCodeFor(verdict, m_call.status);
    row.usage = m_call.usedBy(m_body, m_endpoint);
    row.cost = row.usage.isKnown() ? m_routes->config()->prices->cost(view(m_lane.model), row.usage)
                                   : Money();
    row.bytesIn = m_body.size();
    row.bytesOut = m_call.bodyBytes;
    return row;
}

qint64 MirrorCall::nowUs() const
{
    return (monotonicNs() - m_startNs) / 1000;
}

} // namespace tidegate
