// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/lanecall.h"

#include "gateway/base/clock.h"
#include "gateway/http/httprequest.h"
#include "gateway/protocol/openairesponse.h"
#include "gateway/protocol/promptsize.h"
#include "gateway/protocol/usageblock.h"

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

bool isTimeout(UpstreamFailure failure)
{
    return failure == UpstreamFailure::ConnectTimeout ||
           failure == UpstreamFailure::FirstByteTimeout ||
           failure == UpstreamFailure::IdleTimeout || failure == UpstreamFailure::TotalTimeout;
}

bool isEventStream(const UpstreamHead &head)
{
    const auto found = std::find_if(head.fields.begin(), head.fields.end(), [](const auto &field) {
        return field.first == "content-type";
    });
    constexpr std::string_view kType = "text/event-stream";
    return found != head.fields.end() && found->second.size() >= kType.size() &&
           equalsIgnoreCase(found->second.substr(0, kType.size()), kType);
}

} // namespace

void LaneCall::start(UpstreamClient &upstream, UpstreamRequest &&request)
{
    startNs = monotonicNs();
    m_call = upstream.start(std::move(request), *this);
}

void LaneCall::giveUp(UpstreamClient &upstream)
{
    givenUp = givenUp || m_call;
    stop(upstream);
}

void LaneCall::stop(UpstreamClient &upstream)
{
    headDue.reset();
    if (m_call) {
        timings = upstream.cancel(std::exchange(m_call, nullptr));
    }
}

void LaneCall::resume(UpstreamClient &upstream)
{
    if (m_call) {
        upstream.resume(m_call);
    }
}

void LaneCall::upstreamFinished(const UpstreamResult &result)
{
    m_call = nullptr;
    timings = result.timings;
    givenUp = isTimeout(result.failure);
    m_owner.callFinished(*this, result);
}

void LaneCall::noteHead(const UpstreamHead &head, bool stream, qint64 nowNs)
{
    status = head.status;
    lane->state().reachability.store(LaneState::Reachability::Reachable, std::memory_order_relaxed);
    if (head.status >= 400) {
        retryAfter = readRetryAfter(head.fields, {}, wallClockUs());
    } else {
        attempt.answered(nowNs);
    }
    relay = stream && head.status == 200 && isEventStream(head) ? Relay::Events : Relay::Whole;
}

bool LaneCall::readEvent(std::string_view raw)
{
    const std::string_view data = SseSplitter::data(raw, scratch);
    const OpenAiChunk chunk = data.empty() ? OpenAiChunk() : readChunk(data);
    mergeUsage(usage, chunk.usage);
    sawDone |= chunk.done;
    sawFinish |= chunk.finish;
    sawError |= chunk.error;
    contentEvents += chunk.content ? 1 : 0;
    return chunk.usageOnly;
}

void LaneCall::forgetAnswer()
{
    status = 0;
    relay = Relay::None;
    headDue.reset();
    isHeadDue = false;
    heldEvents.clear();
    body = QByteArray();
    bodyBytes = 0;
    splitter = {};
    toolCalls = {};
    usage = {};
    events = 0;
    contentEvents = 0;
    sawFinish = false;
    sawDone = false;
    sawError = false;
    holdsOpening = false;
    partSent = false;
    stripped = false;
    refused = false;
    givenUp = false;
    isUnderWay = false;
    staleRetried = false;
}

bool LaneCall::isCharged() const
{
    return status > 0 ? status < 400 && !refused : givenUp && timings.sentUs >= 0;
}

TokenUsage LaneCall::usedBy(const QByteArray &requestBody, Endpoint endpoint) const
{
    if (usage.isKnown() || !isCharged()) {
        return usage;
    }
    // Four bytes of text are about one token for the common tokenizers; a streamed event is one.
    TokenUsage estimate;
    estimate.input = std::max<qint64>(1, PromptSize::of(requestBody).inputTokens);
    if (endpoint == Endpoint::Embeddings) {
        estimate.output = 0;
    } else {
        estimate.output = relay == Relay::Events ? contentEvents : bodyBytes / 4;
    }
    estimate.estimated = true;
    return estimate;
}

} // namespace tidegate
