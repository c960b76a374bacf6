// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/http/requesthandler.h"
#include "gateway/ledger/ledgerrow.h"
#include "gateway/observe/exchangeevent.h"
#include "gateway/observe/knownsecrets.h"
#include "gateway/observe/metricsshard.h"
#include "gateway/pipeline/admission.h"
#include "gateway/pipeline/attempt.h"
#include "gateway/pipeline/endpoints.h"
#include "gateway/pipeline/routes.h"
#include "gateway/protocol/openairequest.h"
#include "gateway/protocol/openairesponse.h"
#include "gateway/protocol/ssesplitter.h"
#include "gateway/resilience/retryafter.h"
#include "gateway/upstream/upstreamclient.h"

#include <QByteArray>
#include <QTimer>

#include <functional>
#include <memory>
#include <optional>

namespace tidegate {

class ExchangeHost;

/// One proxied request on its way: parse, route, admit, call one lane after the other until one
/// answers, relay the answer, settle.
///
/// Lives in one engine thread, owned by its Engine. Exactly one settlement happens, however the
/// exchange ends. The commit point is the first byte given to the client: before it another lane
/// may be tried, after it a broken stream ends with an error event.
class Exchange final : private ResponseListener, private UpstreamListener
{
public:
    Exchange(ExchangeHost &host, quint64 id, HttpRequest &&request, ResponseWriter &writer,
             const EndpointMatch &match, RoutesPtr routes, KeyRing::KeyPtr key);
    ~Exchange();
    Exchange(const Exchange &) = delete;
    Exchange &operator=(const Exchange &) = delete;

    /// Runs the stages until the exchange waits for its backend or is finished.
    void start();
    /// Ends the exchange at once: the client's connection is cut.
    void cut();

    /// Its state for the live view.
    [[nodiscard]] ExchangeEvent event() const;
    /// Its ledger row; complete once it is finished.
    [[nodiscard]] LedgerRow ledgerRow() const;
    /// What the metrics want to know besides.
    [[nodiscard]] ExchangeExtras extras() const;
    [[nodiscard]] bool isFinished() const { return m_phase >= ExchangePhase::Done; }

    /// Bookkeeping of the engine's live feed.
    struct LiveMark
    {
        bool dirty = false; ///< is on the feed's list of changed exchanges
        bool shown = false; ///< the panel knows of it, so it must hear of its end
    };
    LiveMark liveMark;
    size_t slot = 0; ///< index among the engine's exchanges in flight

private:
    enum class Relay : quint8
    {
        None,
        Whole,  ///< collected, so that its cost can stand in the head
        Bytes,  ///< too long for that: the answer's bytes pass as they come
        Events, ///< a stream of server-sent events
    };

    // ResponseListener
    void clientGone() override;
    void clientWritable() override;
    // UpstreamListener
    void upstreamHead(const UpstreamHead &head) override;
    bool upstreamBody(std::string_view piece) override;
    void upstreamFinished(const UpstreamResult &result) override;

    bool parse();
    bool route();
    bool admit();
    void tryLanes();
    bool waitForPlace(size_t index);
    void useLane(size_t index);
    void answerFromLocalBackend();
    void callBackend();
    void endAttempt(const AttemptEnd &end);
    bool tryAgain();
    bool tryLaterAgain();
    [[nodiscard]] std::optional<qint64> retryAfterMs() const;
    void inMs(qint64 ms, std::function<void()> work);
    [[nodiscard]] bool hasLaneLeft(qint64 nowNs) const;
    void giveUp();
    void answerFailure();
    void commit();

    [[nodiscard]] ResponseHead answerHead(int status);
    void relayBytes(std::string_view piece);
    bool relayWhole();
    void relayEvents(std::string_view piece);
    bool readEvent(std::string_view raw);
    bool writeOut(std::string_view piece);
    void finishRelay();
    void finishEvents();
    void settleAnswer();
    void failAttempt(const ApiError &error, const AttemptEnd &end);
    void failBeforeAnswer();
    void failAfterHead(const ApiError &error);
    void refuse(const ApiError &error);
    void refuseAdmission(const Refusal &refusal);
    void refuse(const ApiError &error, ResponseHead &&head);
    [[nodiscard]] bool isGivenUp() const;
    [[nodiscard]] bool isCharged() const;
    [[nodiscard]] bool leftForBackend() const;
    void estimateUsage();
    void settle(ExchangePhase phase, Outcome outcome);
    [[nodiscard]] qint64 nowUs() const;
    [[nodiscard]] const QByteArray &backendName() const;
    [[nodiscard]] qint64 sinceStartUs(qint64 atNs) const;
    void takeTimings(const UpstreamTimings &timings);

    ExchangeHost &m_host;
    const quint64 m_id;
    HttpRequest m_request;
    ResponseWriter *m_writer; ///< null once the answer has ended or the client is gone
    const EndpointMatch m_match;
    RoutesPtr m_routes;
    const KeyRing::KeyPtr m_key;
    const qint64 m_startedAtUs;
    const QByteArray m_peer; ///< the client's address without port

    OpenAiRequest m_openAi;
    LanePlan m_plan;
    const PlannedLane *m_lane = nullptr; ///< the latest one used; null before the first
    Attempt m_attempt;
    LaneQueue::Slot m_place;                ///< that is waited for
    std::unique_ptr<QTimer> m_timer;        ///< of a back-off, or of a stream that says nothing yet
    Verdict m_verdict;                      ///< of the latest attempt
    std::optional<RetryAfter> m_retryAfter; ///< what the latest attempt was answered
    Admission m_admission;
    UpstreamCall *m_call = nullptr; ///< null when none is running
    QByteArray m_requestId;
    QByteArray m_errorCode;
    QString m_errorMessage;
    QByteArray m_body; ///< of the answer: kept to read its usage, or as an error body
    SseSplitter m_splitter;
    QByteArray m_scratch;
    SecretMasker m_masker;   ///< of an upstream's 4xx answer
    ResponseHead m_heldHead; ///< of an answer of which nothing is sent yet
    QByteArray m_heldEvents; ///< what came before the first event that says something
    TokenUsage m_usage;
    std::optional<Money> m_cost;
    ExchangeTimings m_timings;
    StreamGaps m_gaps;
    qint64 m_callStartNs = 0;
    qint64 m_overheadUs = 0;
    qint64 m_firstSentUs = -1;
    qint64 m_bytesOut = 0;
    qint64 m_events = 0;
    qint64 m_contentEvents = 0;
    int m_status = 0;
    int m_attempts = 0;
    ExchangePhase m_phase = ExchangePhase::Waiting;
    Outcome m_outcome = Outcome::Success;
    RefusedBy m_refusedBy = RefusedBy::Nobody;
    Relay m_relay = Relay::None;
    bool m_paused = false;        ///< the client's backlog is above the high-water mark
    bool m_askedForUsage = false; ///< by us, so the extra chunk is taken out again
    bool m_committed = false;     ///< the client has got, or will get, a part of this answer
    bool m_staleRetried = false;  ///< once, for a kept connection that was dead
    size_t m_nextLane = 0;        ///< of the plan
    int m_laneAttempts = 0;       ///< with the present lane
    int m_keyAttempts = 0;        ///< with further keys of the present lane
    bool m_sawFinish = false;
    bool m_sawDone = false;
    bool m_sawError = false;
    bool m_partSent = false; ///< a part of an oversized event is out
    bool m_stripped = false; ///< the last event was taken out
};

} // namespace tidegate
