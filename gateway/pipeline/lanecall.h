// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/http/responsewriter.h"
#include "gateway/ledger/ledgerrow.h"
#include "gateway/observe/knownsecrets.h"
#include "gateway/pipeline/attempt.h"
#include "gateway/protocol/ssesplitter.h"
#include "gateway/protocol/tokenusage.h"
#include "gateway/protocol/toolcallindex.h"
#include "gateway/resilience/retryafter.h"
#include "gateway/upstream/upstreamclient.h"

#include <QByteArray>
#include <QTimer>

#include <memory>
#include <optional>
#include <string_view>

namespace tidegate {

class LaneCall;

/// Who calls lanes and relays what they answer.
class LaneCallOwner
{
public:
    virtual void callHead(LaneCall &call, const UpstreamHead &head) = 0;
    /// False pauses the transfer.
    virtual bool callBody(LaneCall &call, std::string_view piece) = 0;
    virtual void callFinished(LaneCall &call, const UpstreamResult &result) = 0;

protected:
    ~LaneCallOwner() = default;
};

/// A call to a lane and what has come of its answer: one attempt after the other, until one is the
/// answer or gives way to another lane's.
///
/// Lives in one engine thread, part of its Exchange, which decides and relays. A hedged request has
/// two of them at the same time.
class LaneCall final : private UpstreamListener
{
public:
    enum class Relay : quint8
    {
        None,
        Whole,  ///< collected, so that its cost can stand in the head
        Bytes,  ///< too long for that: the answer's bytes pass as they come
        Events, ///< a stream of server-sent events
    };

    explicit LaneCall(LaneCallOwner &owner)
        : m_owner(owner)
    {
    }
    LaneCall(const LaneCall &) = delete;
    LaneCall &operator=(const LaneCall &) = delete;

    void start(UpstreamClient &upstream, UpstreamRequest &&request);
    /// Ends the call at once, if there is one. Somebody else than the backend has given it up.
    void giveUp(UpstreamClient &upstream);
    /// Ends the call at once, if there is one: enough of its answer was seen.
    void stop(UpstreamClient &upstream);
    void resume(UpstreamClient &upstream);
    [[nodiscard]] bool isRunning() const { return attempt.isRunning(); }
    [[nodiscard]] std::optional<qint64> retryAfterMs() const
    {
        return retryAfter ? std::optional(retryAfter->ms) : std::nullopt;
    }

    /// Notes what the head says, to the lane as well. @p stream: the client asked for one.
    void noteHead(const UpstreamHead &head, bool stream, qint64 nowNs);
    /// Notes what an event of a stream says. True when it is the one that include_usage adds.
    bool readEvent(std::string_view raw);
    /// The event as the client shall get it: with an index of its own for each parallel tool call.
    /// Valid until the next call.
    [[nodiscard]] std::string_view repairedEvent(std::string_view raw)
    {
        return toolCalls.repair(raw, repaired)
                   ? std::string_view(repaired.constData(), size_t(repaired.size()))
                   : raw;
    }
    /// Makes room for the answer of another attempt.
    void forgetAnswer();

    /// True when the backend charges for it as far as one can tell: what it answered, and what it
    /// may have been at work at when it was given up. See docs/limits-and-budgets.md.
    [[nodiscard]] bool isCharged() const;
    /// True unless it was given up before the request was on its way.
    [[nodiscard]] bool mayHaveArrived() const { return !givenUp || timings.sentUs >= 0; }
    /// What it used: as the backend said, else an estimate; unknown where it is not charged.
    [[nodiscard]] TokenUsage usedBy(const QByteArray &requestBody, Endpoint endpoint) const;

    const PlannedLane *lane = nullptr; ///< null before the first attempt
    size_t index = 0;                  ///< of the lane in the plan
    Attempt attempt;
    int laneAttempts = 0;            ///< with the present lane
    int keyAttempts = 0;             ///< with further keys of the present lane
    bool askedForUsage = false;      ///< by us, so the extra chunk is taken out again
    bool staleRetried = false;       ///< once, for a kept connection that was dead
    qint64 startNs = 0;              ///< monotonic
    UpstreamTimings timings;         ///< of the attempt that ended last
    std::unique_ptr<QTimer> headDue; ///< of a stream that says nothing yet
    bool isHeadDue = false;          ///< it has struck, while another call was running

    // ---- the answer, as far as it has come
    int status = 0; ///< 0: no head
    Relay relay = Relay::None;
    std::optional<RetryAfter> retryAfter;
    Verdict verdict; ///< once the attempt has ended
    qint64 overheadUs = 0;
    ResponseHead heldHead; ///< nothing of it is sent yet
    QByteArray heldEvents; ///< what came before the first event that says something
    QByteArray body;       ///< kept to read its usage, or as an error's text
    qint64 bodyBytes = 0;
    SseSplitter splitter;
    QByteArray scratch;
    ToolCallIndex toolCalls;
    QByteArray repaired; ///< an event with other indexes
    SecretMasker masker; ///< of a 4xx answer
    TokenUsage usage;    ///< as the backend said
    qint64 events = 0;
    qint64 contentEvents = 0;
    bool sawFinish = false;
    bool sawDone = false;
    bool sawError = false;
    bool holdsOpening = false; ///< more than comments
    bool partSent = false;     ///< a part of an oversized event is out
    bool stripped = false;     ///< the last event was taken out
    bool refused = false;      ///< it was an error, whatever its status
    bool givenUp = false;      ///< by us or the client, not by the backend
    bool isUnderWay = false;   ///< the breaker knows that it is going well

private:
    // UpstreamListener
    void upstreamHead(const UpstreamHead &head) override { m_owner.callHead(*this, head); }
    bool upstreamBody(std::string_view piece) override { return m_owner.callBody(*this, piece); }
    void upstreamFinished(const UpstreamResult &result) override;

    LaneCallOwner &m_owner;
    UpstreamCall *m_call = nullptr; ///< null when none is running
};

} // namespace tidegate
