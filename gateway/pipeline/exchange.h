// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/http/requesthandler.h"
#include "gateway/ledger/ledgerrow.h"
#include "gateway/observe/exchangeevent.h"
#include "gateway/observe/metricsshard.h"
#include "gateway/pipeline/admission.h"
#include "gateway/pipeline/endpoints.h"
#include "gateway/pipeline/lanecall.h"
#include "gateway/pipeline/lanerequest.h"
#include "gateway/pipeline/routes.h"
#include "gateway/protocol/openairequest.h"
#include "gateway/upstream/upstreamclient.h"

#include <QByteArray>
#include <QTimer>

#include <memory>
#include <optional>

namespace tidegate {

class ExchangeHost;

/// One proxied request on its way: parse, route, admit, call one lane after the other until one
/// answers, relay the answer, settle.
///
/// Lives in one engine thread, owned by its Engine. Exactly one settlement happens, however the
/// exchange ends. The commit point is the first byte of an answer that shows something: before it
/// another lane may be tried, after it a broken stream ends with an error event.
class Exchange final : private ResponseListener, private LaneCallOwner
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
    // ResponseListener
    void clientGone() override;
    void clientWritable() override;
    // LaneCallOwner
    void callHead(LaneCall &call, const UpstreamHead &head) override;
    bool callBody(LaneCall &call, std::string_view piece) override;
    void callFinished(LaneCall &call, const UpstreamResult &result) override;

    bool parse();
    bool route();
    bool admit();
    void tryLanes();
    bool waitForPlace(size_t index);
    bool waitForStart(size_t index);
    void useLane(size_t index);
    void answerFromLocalBackend();
    void callBackend(LaneCall &call);
    [[nodiscard]] ProxiedRequest proxied() const { return {m_request, m_match, m_openAi}; }
    void endAttempt(LaneCall &call, const AttemptEnd &end);
    bool tryAgain(LaneCall &call);
    [[nodiscard]] const PlannedLane *laneLeft(qint64 nowNs) const;
    void skip(const PlannedLane &lane, RouteStep::Reason reason);
    void giveUp();
    void answerFailure(LaneCall &call);

    void armHedge(const LaneCall &call);
    void hedge();
    [[nodiscard]] LaneCall *rivalOf(const LaneCall &call);
    [[nodiscard]] bool isTaken(size_t index) const;
    void decideFor(LaneCall &call);
    void makeCurrent(LaneCall &call);
    void abandon(LaneCall &call);
    bool leaveToRival(LaneCall &call);

    [[nodiscard]] ResponseHead answerHead(const LaneCall &call, int status) const;
    [[nodiscard]] ResponseHead ownHead(int status);
    void headIsDue(LaneCall &call);
    void sendHead(const ResponseHead &head);
    void beginStream(LaneCall &call);
    void sendWhole(const ResponseHead &head, const QByteArray &body);
    void commit(LaneCall &call);
    void relayBytes(LaneCall &call, std::string_view piece);
    bool relayWhole(LaneCall &call);
    void refuseWhole(LaneCall &call);
    void noteErrorEvent(LaneCall &call, std::string_view raw);
    void relayEvents(LaneCall &call, std::string_view piece);
    bool writeOut(std::string_view piece);
    void finishRelay(LaneCall &call);
    void finishEvents(LaneCall &call);
    void failAttempt(LaneCall &call, const ApiError &error, const AttemptEnd &end);
    void failBeforeAnswer(LaneCall &call);
    void failAfterHead(const LaneCall &call, const ApiError &error);
    void refuse(const ApiError &error);
    void refuseAdmission(const Refusal &refusal);
    void refuse(const ApiError &error, ResponseHead &&head);
    void settle(ExchangePhase phase, Outcome outcome);
    [[nodiscard]] qint64 nowUs() const;
    [[nodiscard]] const QByteArray &backendName() const;
    [[nodiscard]] qint64 sinceStartUs(qint64 atNs) const;
    void takeTimings(const LaneCall &call);

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
    LaneCall m_first{static_cast<LaneCallOwner &>(*this)};
    std::unique_ptr<LaneCall> m_hedge; ///< the second one; null until there is need of it
    LaneCall *m_current = &m_first;    ///< the one that answers, as it looks now
    LaneQueue::Slot m_place;           ///< that is waited for
    LaneGate::Wait m_start;            ///< of a backend, that is waited for
    qint64 m_startDueNs = 0;           ///< no start is waited for any longer; 0: none was yet
    std::unique_ptr<QTimer> m_timer;   ///< of a back-off, or until the first call is late
    Admission m_admission;
    QByteArray m_requestId;
    QByteArray m_errorCode;
    QString m_errorMessage;
    TokenUsage m_usage; ///< of all attempts; once it is settled
    std::optional<Money> m_cost;
    ExchangeTimings m_timings;
    StreamGaps m_gaps;
    qint64 m_firstSentUs = -1;
    qint64 m_bytesOut = 0;
    int m_status = 0; ///< that the client gets; 0: not decided
    int m_attempts = 0;
    ExchangePhase m_phase = ExchangePhase::Waiting;
    Outcome m_outcome = Outcome::Success;
    RefusedBy m_refusedBy = RefusedBy::Nobody;
    bool m_paused = false;    ///< the client's backlog is above the high-water mark
    bool m_headSent = false;  ///< a stream's, of which nothing may have been shown yet
    bool m_committed = false; ///< the client has got, or will get, a part of this answer
    size_t m_nextLane = 0;    ///< of the plan
};

} // namespace tidegate
