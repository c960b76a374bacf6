// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/exchange.h"

#include "gateway/base/clock.h"
#include "gateway/observe/redaction.h"
#include "gateway/pipeline/exchangehost.h"
#include "gateway/pipeline/forwardedfields.h"
#include "gateway/pipeline/localbackend.h"
#include "gateway/pipeline/mirrors.h"
#include "gateway/pipeline/requestid.h"
#include "gateway/protocol/openairesponse.h"
#include "gateway/protocol/usageblock.h"

#include <algorithm>

namespace tidegate {

namespace {

// An answer up to this size is kept to read its usage; a longer one is estimated.
constexpr qsizetype kMaxKeptBody = 1024 * 1024;
// Of an upstream's 5xx answer this much is read.
constexpr qsizetype kMaxErrorBody = 64 * 1024;
// A stream's head waits so long for its first event, which may be an error that another lane can
// make good.
constexpr qint64 kHeadHoldMs = 100;
// Of a stream this much is held back while it says nothing.
constexpr qsizetype kMaxHeldEvents = 64 * 1024;
// Calls for one request, over all lanes and keys.
constexpr int kMaxAttempts = 8;
// A wish to be left alone for longer than this is passed on.
constexpr qint64 kMaxPatienceMs = 1000;
// A stream that has gone on for so long counts as a success of its lane, for now.
constexpr qint64 kUnderWayUs = 3'000'000;
// Slower than this share of the answers of before is late.
constexpr double kLateShare = 0.95;
// Of an upstream's error text this much is shown in the panel.
constexpr qsizetype kMaxShownError = 500;
constexpr int kClientClosedStatus = 499;

std::string_view view(const QByteArray &bytes)
{
    return {bytes.constData(), size_t(bytes.size())};
}

// An error text of an upstream for people. It may quote the request, key and all.
QString shownError(const QByteArray &text)
{
    return QString::fromUtf8(redacted(text.left(8 * kMaxShownError)).left(kMaxShownError));
}

ApiError errorFor(const UpstreamResult &result, const QByteArray &backend)
{
    const QByteArray reason = result.message.toUtf8();
    switch (result.failure) {
    case UpstreamFailure::ConnectTimeout:
    case UpstreamFailure::FirstByteTimeout:
    case UpstreamFailure::IdleTimeout:
    case UpstreamFailure::TotalTimeout:
        return {
            504, "upstream_timeout", "The backend '" + backend + "' took too long: " + reason, {}};
    case UpstreamFailure::Protocol:
        return {502,
                "upstream_invalid_response",
                "The backend '" + backend + "' sent an answer that is not valid HTTP: " + reason,
                {}};
    default:
        return {502,
                "upstream_unavailable",
                "The backend '" + backend + "' could not be reached: " + reason,
                {}};
    }
}

// The address as text. Most clients of one engine share one, so the last is remembered.
QByteArray peerText(const QHostAddress &address)
{
    static thread_local QHostAddress lastAddress;
    static thread_local QByteArray lastText;
    if (lastAddress != address || lastText.isEmpty()) {
        lastAddress = address;
        lastText = address.toString().toLatin1();
    }
    return lastText;
}

void addCost(ResponseHead &head, std::optional<Money> cost)
{
    if (cost) {
        head.add("x-tidegate-cost-usd", view(cost->toString()));
    }
}

// What the head asked for and, in Google's form, the body. Of two wishes the later one counts; a
// limit's reset is none.
std::optional<RetryAfter> withBody(std::optional<RetryAfter> head, std::string_view body)
{
    const std::optional<RetryAfter> inBody = readRetryAfter({}, body, wallClockUs());
    const bool counts = inBody && (!head || head->source == "reset" || inBody->ms > head->ms);
    return counts ? inBody : head;
}

// True when a body may be the answer to a call: a JSON object from the first to the last character,
// or events of a server that says another type.
bool looksLikeAnswer(std::string_view body, bool stream)
{
    constexpr std::string_view kSpace = " \t\r\n";
    const size_t first = body.find_first_not_of(kSpace);
    if (first == std::string_view::npos) {
        return false;
    }
    const std::string_view text = body.substr(first);
    if (stream && (text.starts_with("data:") || text.starts_with("event:") || text[0] == ':')) {
        return true;
    }
    return text[0] == '{' && text[text.find_last_not_of(kSpace)] == '}';
}

// Faults after which the backend has done nothing yet: a repetition costs nothing twice.
bool isSafeToRepeat(Fault fault)
{
    return fault == Fault::Unreachable || fault == Fault::Overloaded;
}

std::unique_ptr<QTimer> startedTimer(qint64 ms, std::function<void()> work)
{
    auto timer = std::make_unique<QTimer>();
    timer->setSingleShot(true);
    timer->setTimerType(Qt::PreciseTimer); // others may strike early, and a Retry-After is a floor
    QObject::connect(timer.get(), &QTimer::timeout, timer.get(), std::move(work));
    timer->start(int(ms));
    return timer;
}

} // namespace

Exchange::Exchange(ExchangeHost &host, quint64 id, HttpRequest &&request, ResponseWriter &writer,
                   const EndpointMatch &match, RoutesPtr routes, KeyRing::KeyPtr key)
    : m_host(host)
    , m_id(id)
    , m_request(std::move(request))
    , m_writer(&writer)
    , m_match(match)
    , m_routes(std::move(routes))
    , m_key(std::move(key))
    , m_startedAtUs(wallClockUs() - (monotonicNs() - m_request.firstByteNs) / 1000)
    , m_peer(peerText(m_request.peerAddress))
    , m_requestId(requestIdFor(m_request.field("x-request-id")))
{
    m_timings.requestReadUs = sinceStartUs(m_request.completeNs);
    m_writer->setListener(this);
}

Exchange::~Exchange()
{
    if (m_writer) {
        m_writer->setListener(nullptr);
        m_writer->abort();
    }
    m_first.stop(m_host.upstream());
    if (m_hedge) {
        m_hedge->stop(m_host.upstream());
    }
}

void Exchange::start()
{
    if (parse() && route() && admit()) {
        m_host.exchangeChanged(*this);
        tryLanes();
    }
}

bool Exchange::parse()
{
    auto parsed = OpenAiRequest::parse(m_request.body);
    if (!parsed) {
        refuse({400, "invalid_json", parsed.error().toUtf8(), {}});
        return false;
    }
    m_openAi = std::move(parsed).value();
    if (!m_openAi.hasModel() || m_openAi.model().isEmpty()) {
        refuse({400, "invalid_request", "The request names no model: set 'model'.", "model"});
        return false;
    }
    return true;
}

bool Exchange::route()
{
    if (!Routes::mayUse(m_key.get(), m_openAi.model())) {
        refuse({403, "model_not_allowed",
                "This API key may not use the model '" + m_openAi.model() + "'.", "model"});
        return false;
    }
    const qint64 nowNs = monotonicNs();
    m_plan = m_routes->plan({.model = m_openAi.model(),
                             .dice = m_host.retrying().dice,
                             .nowNs = nowNs,
                             .backend = m_request.field("x-tidegate-backend"),
                             .key = m_key.get(),
                             .http = &m_request,
                             .hasTools = m_openAi.hasTools(),
                             .atUs = sinceStartUs(nowNs)});
    if (m_plan.error) {
        const ApiError error = std::move(*m_plan.error);
        refuse(error);
        return false;
    }
    return true;
}

bool Exchange::admit()
{
    const auto refusal =
        m_admission.admit(m_host.policies(), {.config = *m_routes->config(),
                                              .key = m_key.get(),
                                              .client = m_request.peerAddress,
                                              .body = m_request.body,
                                              .requestedModel = m_openAi.model(),
                                              .plan = m_plan,
                                              .requestId = m_requestId,
                                              .hasOutput = m_match.endpoint != Endpoint::Embeddings,
                                              .startedAtUs = m_startedAtUs});
    if (refusal) {
        refuseAdmission(*refusal);
        return false;
    }
    return true;
}

// Calls the next lane of the plan that can take the request.
void Exchange::tryLanes()
{
    std::optional<size_t> full;
    std::optional<size_t> coming;
    const qint64 nowNs = monotonicNs();
    while (m_nextLane < size_t(m_plan.lanes.size())) {
        const size_t index = m_nextLane++;
        if (isTaken(index)) {
            continue;
        }
        switch (m_current->attempt.enter(m_plan.lanes[qsizetype(index)], m_plan.trace,
                                         RouteStep::Kind::Tried, {}, nowNs, sinceStartUs(nowNs))) {
        case Attempt::Entry::Entered:
            useLane(index);
            return;
        case Attempt::Entry::Full:
            full = full.value_or(index);
            break;
        case Attempt::Entry::Coming:
            if (!coming) {
                // Later requests will find it awake, whoever answers this one.
                coming = index;
                m_plan.lanes[qsizetype(index)].state().gate.wake();
            }
            break;
        case Attempt::Entry::Skipped:
            break;
        }
    }
    if (!(full && waitForPlace(*full)) && !(coming && waitForStart(*coming))) {
        giveUp();
    }
}

// Nothing else can serve: waits until Tidegate has started this backend.
bool Exchange::waitForStart(size_t index)
{
    const PlannedLane &lane = m_plan.lanes[qsizetype(index)];
    LaneGate &gate = lane.state().gate;
    if (m_startDueNs == 0) {
        const int patience = gate.patienceMs();
        const int firstByte = lane.timeouts().firstByteMs;
        m_startDueNs = monotonicNs() +
                       qint64(firstByte > 0 ? std::min(firstByte, patience) : patience) * 1'000'000;
    }
    const qint64 leftMs = (m_startDueNs - monotonicNs()) / 1'000'000;
    if (leftMs <= 0) {
        return false;
    }
    const auto ready = [this, index] {
        const LaneGate::Wait done = std::move(m_start);
        // When it has failed, the ones after it get their turn.
        m_nextLane = m_plan.lanes[qsizetype(index)].state().gate.isOpen() ? index : index + 1;
        tryLanes();
    };
    m_start = gate.wait(m_host.context(), int(leftMs), ready);
    return true;
}

// Every lane that could serve has all its places taken: stands in line at the first one.
bool Exchange::waitForPlace(size_t index)
{
    const PlannedLane &lane = m_plan.lanes[qsizetype(index)];
    const qint64 sinceUs = nowUs();
    const auto ready = [this, index, sinceUs](bool entered) {
        const PlannedLane &waited = m_plan.lanes[qsizetype(index)];
        LaneQueue::Slot place = std::move(m_place);
        if (!entered) {
            m_plan.trace.skipped(waited.backend().name, waited.model,
                                 RouteStep::Reason::QueueTimeout, sinceUs);
            giveUp();
            return;
        }
        if (m_current->attempt.enter(waited, m_plan.trace, RouteStep::Kind::Tried, std::move(place),
                                     monotonicNs(), nowUs()) == Attempt::Entry::Entered) {
            useLane(index);
        } else {
            giveUp();
        }
    };
    m_place = lane.state().queue.wait(m_host.context(), lane.backend().queueTimeoutMs, ready);
    if (!m_place) {
        m_plan.trace.skipped(lane.backend().name, lane.model, RouteStep::Reason::QueueFull,
                             nowUs());
        return false;
    }
    return true;
}

void Exchange::useLane(size_t index)
{
    const PlannedLane &lane = m_plan.lanes[qsizetype(index)];
    LaneCall &call = *m_current;
    call.laneAttempts = call.lane == &lane ? call.laneAttempts + 1 : 1;
    call.keyAttempts = call.lane == &lane ? call.keyAttempts : 0;
    call.lane = &lane;
    call.index = index;
    m_nextLane = index + 1;
    if (m_attempts == 0) {
        const qint64 nowNs = monotonicNs();
        lane.state().retries.request(nowNs);
        m_host.retrying().overall.request(nowNs);
    }
    m_admission.use(lane);
    if (m_attempts == 0 && m_plan.mirror) {
        m_host.mirrors().start(proxied(), m_requestId, *m_plan.mirror, m_routes, m_plan.trace,
                               nowUs());
    }
    if (lane.isLocal()) {
        answerFromLocalBackend();
    } else {
        callBackend(call);
    }
}

void Exchange::answerFromLocalBackend()
{
    ++m_attempts;
    const LocalAnswer answer =
        answerLocally({.endpoint = m_match.endpoint,
                       .echo = m_current->lane->backend().type == BackendType::Echo,
                       .stream = m_openAi.stream() && m_match.endpoint != Endpoint::Embeddings,
                       .includeUsage = m_openAi.includeUsage() == OpenAiRequest::IncludeUsage::True,
                       .base64 = m_openAi.wantsBase64(),
                       .requestId = m_requestId,
                       .model = m_openAi.model(),
                       .body = m_request.body});
    LaneCall &call = *m_current;
    call.usage = answer.usage;
    call.status = 200;
    m_status = 200;
    call.startNs = monotonicNs();
    m_timings.routedUs = sinceStartUs(call.startNs);
    call.overheadUs = (call.startNs - m_request.completeNs) / 1000;
    ResponseHead head = answerHead(call, 200);
    if (answer.events.empty()) {
        addCost(head, m_admission.cost(call.usage));
        head.add("content-type", "application/json");
        sendWhole(head, answer.body);
    } else {
        head.add("content-type", "text/event-stream; charset=utf-8");
        head.add("cache-control", "no-cache");
        sendHead(head);
        for (const QByteArray &event : answer.events) {
            ++call.events;
            writeOut(view(event));
        }
        m_writer->end();
        m_writer = nullptr;
    }
    endAttempt(call, {.status = 200});
    settle(ExchangePhase::Done, Outcome::Success);
}

void Exchange::callBackend(LaneCall &call)
{
    call.retryAfter.reset();
    ++m_attempts;
    call.start(m_host.upstream(), laneRequest(call, proxied()));
    if (&call == m_current) {
        m_timings.routedUs = sinceStartUs(call.startNs);
        armHedge(call);
    }
}

ResponseHead Exchange::answerHead(const LaneCall &call, int status) const
{
    ResponseHead head(status);
    head.add("x-request-id", view(m_requestId));
    if (call.lane) {
        head.add("x-tidegate-backend", view(call.lane->backend().name));
        head.add("x-tidegate-model", view(call.lane->model));
        head.add("x-tidegate-attempts", m_attempts);
        head.add("x-tidegate-overhead-us", call.overheadUs);
        head.add("x-tidegate-cache", "bypass");
    }
    Admission::addLimitFields(head, m_admission.limitStatus());
    return head;
}

void Exchange::callHead(LaneCall &call, const UpstreamHead &head)
{
    const qint64 headNs = monotonicNs();
    call.noteHead(head, m_openAi.stream(), headNs);
    call.overheadUs = (call.startNs - m_request.completeNs + monotonicNs() - headNs) / 1000;
    call.heldHead = answerHead(call, head.status);
    addForwardedAnswerFields(head, call.heldHead,
                             head.status >= 500 ? AnswerBody::Replaced : AnswerBody::Relayed);
    if (head.status >= 400) {
        KnownSecrets::mask(call.heldHead.fields);
    }
    if (call.relay == LaneCall::Relay::Events) {
        // The SDKs' time-outs end with the head, so a slow first token must not keep it back.
        call.headDue = startedTimer(kHeadHoldMs, [this, &call] { headIsDue(call); });
    } else {
        call.body.reserve(
            std::min(qsizetype(std::max<qint64>(head.contentLength, 0)), kMaxKeptBody));
    }
    m_host.exchangeChanged(*this);
}

void Exchange::headIsDue(LaneCall &call)
{
    if (m_committed || !call.isRunning()) {
        return;
    }
    if (rivalOf(call)) {
        call.isHeadDue = true; // of two the first event decides, not the first head
        return;
    }
    beginStream(call);
    m_host.exchangeChanged(*this);
}

// Sends the head, and what was held if that is only comments: they keep the client waiting.
void Exchange::beginStream(LaneCall &call)
{
    sendHead(call.heldHead);
    if (!call.holdsOpening) {
        writeOut(view(std::exchange(call.heldEvents, QByteArray())));
    }
}

// Begins a stream, unless another lane's has been begun: a client cannot tell them apart until one
// shows something.
void Exchange::sendHead(const ResponseHead &head)
{
    if (!std::exchange(m_headSent, true)) {
        m_writer->begin(head, -1);
    }
}

// From here on the client gets this answer and no other.
void Exchange::commit(LaneCall &call)
{
    decideFor(call);
    m_committed = true;
    m_status = call.status;
    sendHead(call.heldHead);
    if (call.relay == LaneCall::Relay::Events) {
        m_phase = ExchangePhase::Streaming;
        writeOut(view(std::exchange(call.heldEvents, QByteArray())));
    }
}

bool Exchange::callBody(LaneCall &call, std::string_view piece)
{
    call.bodyBytes += qint64(piece.size());
    switch (call.relay) {
    case LaneCall::Relay::Events: {
        const qint64 nowNs = monotonicNs();
        if (&call == m_current) {
            m_gaps.arrived(nowNs);
        }
        relayEvents(call, piece);
        if (m_committed && call.contentEvents > 0 && !call.isUnderWay &&
            sinceStartUs(nowNs) - m_firstSentUs > kUnderWayUs) {
            call.isUnderWay = true;
            call.attempt.underWay(nowNs);
        }
        break;
    }
    case LaneCall::Relay::Whole:
        if (call.status >= 500 && call.body.size() + qsizetype(piece.size()) > kMaxErrorBody) {
            call.body.append(piece.data(), kMaxErrorBody - call.body.size());
            failBeforeAnswer(call);
            return true;
        }
        if (call.body.size() + qsizetype(piece.size()) <= kMaxKeptBody) {
            call.body.append(piece.data(), qsizetype(piece.size()));
            return true;
        }
        if (m_headSent) {
            call.stop(m_host.upstream());
            refuseWhole(call);
            return true;
        }
        call.relay = LaneCall::Relay::Bytes;
        commit(call);
        relayBytes(call, view(call.body));
        relayBytes(call, piece);
        break;
    case LaneCall::Relay::Bytes:
        relayBytes(call, piece);
        break;
    case LaneCall::Relay::None:
        break;
    }
    m_host.exchangeChanged(*this);
    return !m_writer || !m_paused;
}

void Exchange::relayBytes(LaneCall &call, std::string_view piece)
{
    if (call.status >= 400) {
        writeOut(view(call.masker.feed(piece)));
    } else {
        writeOut(piece);
    }
}

void Exchange::relayEvents(LaneCall &call, std::string_view piece)
{
    // Events that follow each other in memory leave in one write.
    std::string_view ready;
    SseSplitter::Event event;
    call.splitter.feed(piece);
    while (call.splitter.next(event)) {
        bool strip = event.tail && call.stripped;
        if (event.whole && !event.tail) {
            ++call.events;
            strip = call.readEvent(event.raw) && call.askedForUsage;
        }
        call.stripped = strip;
        call.partSent = !event.whole;
        if (strip) {
            continue;
        }
        const std::string_view out =
            m_openAi.hasTools() && event.whole ? call.repairedEvent(event.raw) : event.raw;
        if (!m_committed) {
            if (call.sawError) {
                // An error instead of an answer, whatever the status said.
                call.body = QByteArray(event.raw.data(), qsizetype(event.raw.size()));
                failBeforeAnswer(call);
                return;
            }
            const std::string_view data = SseSplitter::data(event.raw, call.scratch);
            if (data.empty() && m_headSent && !call.holdsOpening) {
                writeOut(event.raw);
                continue;
            }
            const bool shows = !data.empty() && !isOpening(data);
            call.holdsOpening |= !data.empty();
            call.heldEvents.append(out.data(), qsizetype(out.size()));
            if (shows || call.heldEvents.size() > kMaxHeldEvents) {
                commit(call);
            }
            continue;
        }
        if (call.sawError) {
            noteErrorEvent(call, event.raw);
            // An error may quote the request that the upstream got, with its key.
            writeOut(ready);
            ready = {};
            QByteArray masked(event.raw.data(), qsizetype(event.raw.size()));
            KnownSecrets::mask(masked);
            writeOut(view(masked));
            continue;
        }
        if (out.data() != event.raw.data()) {
            writeOut(ready);
            ready = {};
            writeOut(out);
            continue;
        }
        if (!ready.empty() && ready.data() + ready.size() == out.data()) {
            ready = {ready.data(), ready.size() + out.size()};
            continue;
        }
        writeOut(ready);
        ready = out;
    }
    writeOut(ready);
}

// The first of them says what became of the attempt.
void Exchange::noteErrorEvent(LaneCall &call, std::string_view raw)
{
    if (call.body.isEmpty()) {
        const std::string_view data = SseSplitter::data(raw, call.scratch);
        call.body = QByteArray(data.data(), qsizetype(data.size()));
    }
}

bool Exchange::writeOut(std::string_view piece)
{
    if (!m_writer || piece.empty()) {
        return true;
    }
    if (m_firstSentUs < 0) {
        m_firstSentUs = sinceStartUs(monotonicNs());
    }
    m_bytesOut += qint64(piece.size());
    m_paused = !m_writer->write(piece);
    return !m_paused;
}

void Exchange::callFinished(LaneCall &call, const UpstreamResult &result)
{
    if (result.failure == UpstreamFailure::None) {
        finishRelay(call);
        return;
    }
    if (call.relay == LaneCall::Relay::None && result.staleConnection &&
        !std::exchange(call.staleRetried, true)) {
        // The upstream had closed the idle connection while the request was on its way: it cannot
        // have answered, so one more try on a fresh connection is what the user wants.
        callBackend(call);
        return;
    }
    const ApiError error = errorFor(result, call.lane->backend().name);
    const AttemptEnd end{.failure = result.failure, .status = call.status};
    if (m_committed) {
        endAttempt(call, end);
        failAfterHead(call, error);
        return;
    }
    if (call.relay == LaneCall::Relay::None) {
        call.lane->state().reachability.store(LaneState::Reachability::Unreachable,
                                              std::memory_order_relaxed);
    }
    failAttempt(call, error, end);
}

void Exchange::finishRelay(LaneCall &call)
{
    switch (call.relay) {
    case LaneCall::Relay::Events:
        finishEvents(call);
        return;
    case LaneCall::Relay::Whole:
        if (call.status < 400 &&
            (call.status >= 300 || !looksLikeAnswer(view(call.body), m_openAi.stream()))) {
            call.refused = true;
            failAttempt(call,
                        {502,
                         "upstream_invalid_response",
                         "The backend '" + call.lane->backend().name + "' answered " +
                             QByteArray::number(call.status) + " with something that is no answer.",
                         {}},
                        {.status = call.status, .body = AttemptEnd::Body::Malformed});
            return;
        }
        if (m_headSent && call.status < 400 && !readChunk(view(call.body)).error) {
            refuseWhole(call);
            return;
        }
        if (call.status >= 400 || !relayWhole(call)) {
            failBeforeAnswer(call);
            return;
        }
        break;
    case LaneCall::Relay::Bytes:
        if (call.status >= 400) {
            writeOut(view(call.masker.rest()));
        }
        m_writer->end();
        break;
    case LaneCall::Relay::None:
        m_writer->end();
        break;
    }
    m_writer = nullptr;
    endAttempt(call, {.status = call.status});
    if (call.status >= 400) {
        m_errorCode = "upstream_" + QByteArray::number(call.status);
        settle(ExchangePhase::Failed, Outcome::ClientError);
    } else {
        settle(ExchangePhase::Done, Outcome::Success);
    }
}

// False when it is an error in place of an answer, whatever the status says.
bool Exchange::relayWhole(LaneCall &call)
{
    const OpenAiChunk answer = readChunk(view(call.body));
    if (answer.error) {
        return false;
    }
    decideFor(call);
    mergeUsage(call.usage, answer.usage);
    call.usage = call.usedBy(m_request.body, m_match.endpoint);
    m_status = call.status;
    addCost(call.heldHead, m_admission.total(call.usage).cost);
    m_committed = true;
    sendWhole(call.heldHead, call.body);
    return true;
}

// An answer in one piece from a lane that came after one whose stream had been begun. There is no
// way to say that in a stream.
void Exchange::refuseWhole(LaneCall &call)
{
    endAttempt(call, {.status = call.status});
    decideFor(call);
    refuse({502,
            "upstream_invalid_response",
            "The backend '" + backendName() + "' does not stream, and the stream had begun.",
            {}});
}

void Exchange::finishEvents(LaneCall &call)
{
    // A last event without its blank line is passed as it is.
    const std::string_view rest = call.splitter.rest();
    const bool usageOnly = call.readEvent(rest);
    if (!m_committed && call.sawError) {
        call.body = QByteArray(rest.data(), qsizetype(rest.size()));
        failBeforeAnswer(call);
        return;
    }
    if (!call.sawDone && !call.sawFinish && !call.sawError) {
        const ApiError error{502,
                             "upstream_invalid_response",
                             "The backend '" + call.lane->backend().name +
                                 "' ended the stream before the answer was complete.",
                             {}};
        const AttemptEnd end{.status = call.status, .body = AttemptEnd::Body::Cut};
        if (m_committed) {
            endAttempt(call, end);
            failAfterHead(call, error);
        } else {
            failAttempt(call, error, end);
        }
        return;
    }
    if (!m_committed) {
        commit(call);
    }
    if (!(call.askedForUsage && usageOnly)) {
        const std::string_view out = m_openAi.hasTools() ? call.repairedEvent(rest) : rest;
        QByteArray last(out.data(), qsizetype(out.size()));
        if (call.sawError) {
            noteErrorEvent(call, rest);
            KnownSecrets::mask(last);
        }
        writeOut(view(last));
    }
    m_writer->end();
    m_writer = nullptr;
    endAttempt(call, {.status = call.status,
                      .body = call.sawError ? AttemptEnd::Body::Error : AttemptEnd::Body::Good,
                      .error = view(call.body)});
    // An error inside of an answer with status 200 is the upstream's failure all the same.
    if (call.sawError) {
        KnownSecrets::mask(call.body);
        m_errorMessage = shownError(call.body);
        m_errorCode = "upstream_error_event";
        settle(ExchangePhase::Failed, Outcome::UpstreamError);
    } else {
        settle(ExchangePhase::Done, Outcome::Success);
    }
}

// ---- attempts that failed before the client got anything

// The upstream answered, but with an error: the call's body is its text, or the event that says so.
void Exchange::failBeforeAnswer(LaneCall &call)
{
    call.stop(m_host.upstream());
    call.refused = true;
    AttemptEnd end{.status = call.status, .error = view(call.body)};
    if (call.relay == LaneCall::Relay::Events) {
        end.error = SseSplitter::data(view(call.body), call.scratch);
    }
    end.body = call.status < 400 ? AttemptEnd::Body::Error : AttemptEnd::Body::Good;
    call.retryAfter = withBody(call.retryAfter, end.error);
    endAttempt(call, end);
    if (!leaveToRival(call) && !tryAgain(call)) {
        answerFailure(call);
    }
}

// There was no answer, or none that counts.
void Exchange::failAttempt(LaneCall &call, const ApiError &error, const AttemptEnd &end)
{
    endAttempt(call, end);
    if (!leaveToRival(call) && !tryAgain(call)) {
        decideFor(call);
        refuse(error);
    }
}

void Exchange::endAttempt(LaneCall &call, const AttemptEnd &end)
{
    call.verdict = classify(end);
    const bool brokeOff = m_committed && call.verdict.disposition != Disposition::Success;
    const qint64 nowNs = monotonicNs();
    call.attempt.end(call.verdict, call.retryAfterMs(), brokeOff, nowNs, sinceStartUs(nowNs));
}

// Turns to another key, another lane, or the same one later. False when this failure is the answer.
bool Exchange::tryAgain(LaneCall &call)
{
    const DispositionRule &rule = ruleFor(call.verdict.disposition);
    const qint64 now = monotonicNs();
    Retrying &retrying = m_host.retrying();
    LaneState &state = call.lane->state();
    const bool otherKey = rule.retryOtherKey &&
                          size_t(call.keyAttempts) + 1 < call.lane->backend().keys.size() &&
                          state.credentials.anyReady(now);
    const PlannedLane *next = rule.nextLane ? laneLeft(now) : nullptr;
    const bool otherLane = next;
    // A wish for a longer pause is passed on: the client had better hear of it than wait.
    const bool later = rule.retrySameLane && isSafeToRepeat(call.verdict.fault) &&
                       call.laneAttempts < call.lane->retry().maxAttempts &&
                       call.retryAfterMs().value_or(0) <= kMaxPatienceMs;
    if (m_attempts >= kMaxAttempts || (!otherKey && !otherLane && !later)) {
        return false;
    }
    const TokenUsage used = call.usedBy(m_request.body, m_match.endpoint);
    if (!m_admission.holdAlso(*call.lane, used)) {
        skip(*call.lane, RouteStep::Reason::OverBudget);
        return false;
    }
    // To turn to a lane that is well is no retry: it gets what it would get if this one's breaker
    // were open. Only what goes where requests fail could make a storm.
    const bool isWell = !otherKey && otherLane && next->state().isWell(now);
    if (!isWell && !RetryBudget::takeRetry(state.retries, retrying.overall, now)) {
        skip(*call.lane, RouteStep::Reason::RetriesSpent);
        return false;
    }
    m_admission.addBesides(*call.lane, used);
    call.forgetAnswer();
    if (otherKey) {
        ++call.keyAttempts;
        m_nextLane = call.index;
    }
    if (otherKey || otherLane) {
        tryLanes();
    } else {
        m_nextLane = call.index;
        const BackoffConfig backoff = call.lane->retry().backoff;
        m_timer =
            startedTimer(retrying.backoff.delayMs(backoff, call.laneAttempts, call.retryAfterMs()),
                         [this] { tryLanes(); });
    }
    return true;
}

// The next lane that would take the request.
const PlannedLane *Exchange::laneLeft(qint64 nowNs) const
{
    for (size_t i = m_nextLane; i < size_t(m_plan.lanes.size()); ++i) {
        const PlannedLane &lane = m_plan.lanes[qsizetype(i)];
        const auto available = lane.state().availability(nowNs);
        if (!isTaken(i) && (available || available.isComing())) {
            return &lane;
        }
    }
    return nullptr;
}

void Exchange::skip(const PlannedLane &lane, RouteStep::Reason reason)
{
    m_plan.trace.skipped(lane.backend().name, lane.model, reason, nowUs());
}

// ---- a second call beside the first

// Lets a second lane have a try when this one is late.
void Exchange::armHedge(const LaneCall &call)
{
    const HedgeRule *rule = m_plan.hedge();
    if (!rule || m_hedge || m_nextLane >= size_t(m_plan.lanes.size())) {
        return;
    }
    m_timer.reset();
    qint64 afterMs = rule->afterMs;
    if (afterMs == 0) {
        const auto usual = call.lane->state().latency.percentileNs(kLateShare, call.startNs);
        if (!usual) {
            return; // too little is known to call anything late
        }
        afterMs = *usual / 1'000'000 + 1;
    }
    m_timer = startedTimer(afterMs, [this] { hedge(); });
}

void Exchange::hedge()
{
    LaneCall &first = *m_current;
    if (m_committed || !first.isRunning() || first.status != 0 || m_attempts >= kMaxAttempts) {
        return; // it has answered after all, or is being tried again
    }
    const qint64 now = monotonicNs();
    size_t index = m_nextLane;
    const auto isReady = [now](const PlannedLane &lane) {
        return !lane.isLocal() && lane.state().availability(now) && !lane.state().queue.isFull();
    };
    while (index < size_t(m_plan.lanes.size()) && !isReady(m_plan.lanes[qsizetype(index)])) {
        ++index;
    }
    if (index == size_t(m_plan.lanes.size())) {
        return;
    }
    const PlannedLane &lane = m_plan.lanes[qsizetype(index)];
    if (!m_admission.holdAlso(lane)) {
        skip(lane, RouteStep::Reason::OverBudget);
        return;
    }
    if (!RetryBudget::takeRetry(first.lane->state().retries, m_host.retrying().overall, now)) {
        skip(lane, RouteStep::Reason::RetriesSpent);
        return;
    }
    auto call = std::make_unique<LaneCall>(static_cast<LaneCallOwner &>(*this));
    if (call->attempt.enter(lane, m_plan.trace, RouteStep::Kind::Hedged, {}, now, nowUs()) !=
        Attempt::Entry::Entered) {
        return;
    }
    m_hedge = std::move(call);
    m_hedge->lane = &lane;
    m_hedge->index = index;
    m_hedge->laneAttempts = 1;
    callBackend(*m_hedge);
    m_host.exchangeChanged(*this);
}

// The call that runs beside this one.
LaneCall *Exchange::rivalOf(const LaneCall &call)
{
    if (!m_hedge) {
        return nullptr;
    }
    LaneCall *other = &call == m_hedge.get() ? &m_first : m_hedge.get();
    return other->isRunning() ? other : nullptr;
}

// True when the lane belongs to the other call of a hedge.
bool Exchange::isTaken(size_t index) const
{
    return m_hedge && index == (m_current == m_hedge.get() ? m_first.index : m_hedge->index);
}

// This call's answer is the client's, for better or worse.
void Exchange::decideFor(LaneCall &call)
{
    if (LaneCall *rival = rivalOf(call)) {
        abandon(*rival);
    }
    makeCurrent(call);
}

void Exchange::makeCurrent(LaneCall &call)
{
    if (&call == m_current) {
        return;
    }
    m_current = &call;
    m_nextLane = std::max(m_nextLane, call.index + 1);
    m_admission.use(*call.lane);
    m_timings.routedUs = sinceStartUs(call.startNs);
}

// Another call's answer came first.
void Exchange::abandon(LaneCall &call)
{
    const qint64 now = monotonicNs();
    call.giveUp(m_host.upstream());
    if (&call == &m_first) {
        // It was late, and would have been later still: without this, what counts as late would
        // shrink to the times of those that won.
        call.attempt.answered(now);
    }
    m_admission.addBesides(*call.lane, call.usedBy(m_request.body, m_match.endpoint));
    call.verdict = {Disposition::Cancelled, Fault::None, call.status};
    call.attempt.end(call.verdict, {}, false, now, nowUs());
}

// True when the other call of a hedge goes on, so that this one's failure is nobody's answer.
bool Exchange::leaveToRival(LaneCall &call)
{
    const DispositionRule &rule = ruleFor(call.verdict.disposition);
    LaneCall *rival = rivalOf(call);
    if (!rival || (!rule.nextLane && !rule.retryOtherKey)) {
        return false;
    }
    m_admission.addBesides(*call.lane, call.usedBy(m_request.body, m_match.endpoint));
    makeCurrent(*rival);
    if (rival->isHeadDue) {
        beginStream(*rival);
    }
    m_host.exchangeChanged(*this);
    return true;
}

// No lane takes the request (any more).
void Exchange::giveUp()
{
    const qint64 untilNs = m_plan.availableAtNs(monotonicNs());
    const qint64 waitMs = std::max<qint64>((untilNs - monotonicNs()) / 1'000'000, 1000);
    const bool limited =
        std::all_of(m_plan.lanes.begin(), m_plan.lanes.end(), [](const PlannedLane &lane) {
            return lane.state().credentials.allCooling(monotonicNs());
        });
    const auto shut =
        std::find_if(m_plan.lanes.begin(), m_plan.lanes.end(),
                     [](const PlannedLane &lane) { return !lane.state().gate.isOpen(); });
    QByteArray why = "The route trace in Tidegate's Live page says why.";
    if (shut != m_plan.lanes.end()) {
        why = "The backend '" + shut->backend().name + "' " + shut->state().gate.reason().toUtf8() +
              '.';
    }
    const ApiError error =
        limited ? ApiError{429,
                           "rate_limit_exceeded",
                           "Every backend that serves '" + m_openAi.model() +
                               "' has reached its rate limit. Try again in a moment.",
                           {}}
                : ApiError{503,
                           "no_backend_available",
                           "No backend that serves '" + m_openAi.model() +
                               "' can take the request now. " + why,
                           {}};
    ResponseHead head = ownHead(error.status);
    head.add("retry-after", (waitMs + 999) / 1000);
    refuse(error, std::move(head));
}

// The failure is the answer: a 4xx as it came, a 5xx if a client's SDK can read it.
void Exchange::answerFailure(LaneCall &call)
{
    decideFor(call);
    m_status = call.status;
    KnownSecrets::mask(call.body);
    m_errorMessage = shownError(call.body);
    if (m_status < 400) {
        // A good status with an error in it: passed as it came, and counted as what it is.
        m_errorCode = "upstream_error_event";
    } else if (m_status < 500) {
        m_errorCode = "upstream_" + QByteArray::number(m_status);
    } else {
        const ApiError error{m_status,
                             "upstream_unavailable",
                             "The backend '" + backendName() + "' answered " +
                                 QByteArray::number(m_status) + '.',
                             {}};
        m_errorCode = error.code;
        call.heldHead.add("content-type", "application/json");
        if (!readChunk(view(call.body)).error) {
            m_errorMessage = shownError(call.body.isEmpty() ? error.message : call.body);
            call.body = error.toJson();
        }
    }
    if (!m_headSent) {
        call.body.prepend(call.heldEvents);
    } else if (call.relay == LaneCall::Relay::Events) {
        const std::string_view data = SseSplitter::data(view(call.body), call.scratch);
        call.body = QByteArray(data.data(), qsizetype(data.size()));
    } else if (!readChunk(view(call.body)).error) {
        call.body = ApiError{m_status, m_errorCode, m_errorMessage.toUtf8(), {}}.toJson();
    }
    sendWhole(call.heldHead, call.body);
    settle(ExchangePhase::Failed,
           call.status >= 400 && call.status < 500 ? Outcome::ClientError : Outcome::UpstreamError);
}

void Exchange::failAfterHead(const LaneCall &call, const ApiError &error)
{
    m_errorCode = error.code;
    m_errorMessage = QString::fromUtf8(error.message);
    if (call.relay == LaneCall::Relay::Events && !call.partSent) {
        // A silent end reads as success to the SDKs; an error event does not. Nothing may follow
        // it.
        writeOut(view("data: " + error.toJson() + "\n\n"));
        m_writer->end();
    } else {
        m_writer->abort();
    }
    m_writer = nullptr;
    settle(ExchangePhase::Failed, Outcome::UpstreamError);
}

// The head of an answer that is Tidegate's own.
ResponseHead Exchange::ownHead(int status)
{
    m_current->overheadUs = (monotonicNs() - m_request.completeNs) / 1000;
    return answerHead(*m_current, status);
}

void Exchange::refuse(const ApiError &error)
{
    ResponseHead head = ownHead(error.status);
    if (error.status == 503) {
        head.add("retry-after", "1");
    }
    refuse(error, std::move(head));
}

void Exchange::refuseAdmission(const Refusal &refusal)
{
    m_refusedBy = RefusedBy(int(refusal.scope) + 1);
    ResponseHead head = ownHead(refusal.status);
    Admission::addLimitFields(head, refusal.limits);
    if (refusal.retryAfterMs) {
        // RFC 9110 knows whole seconds only; OpenAI's SDKs look for the exact field first.
        const qint64 ms = std::max<qint64>(*refusal.retryAfterMs, 1);
        head.add("retry-after", (ms + 999) / 1000);
        head.add("retry-after-ms", ms);
    } else {
        head.add("x-should-retry", "false"); // OpenAI's SDKs would try a 429 again
    }
    refuse({refusal.status, refusal.code, refusal.message, {}}, std::move(head));
}

void Exchange::refuse(const ApiError &error, ResponseHead &&head)
{
    m_status = error.status;
    m_errorCode = error.code;
    m_errorMessage = QString::fromUtf8(error.message);
    head.add("content-type", "application/json");
    sendWhole(head, error.toJson());
    settle(ExchangePhase::Failed,
           error.status >= 500 ? Outcome::UpstreamError : Outcome::ClientError);
}

// The answer in one piece. Where a stream's head is out already: as its last event.
void Exchange::sendWhole(const ResponseHead &head, const QByteArray &body)
{
    if (m_headSent) {
        m_status = 200;
        QByteArray event = body.trimmed();
        event.replace('\n', "\ndata: ").prepend("data: ").append("\n\n");
        writeOut(view(event));
        m_writer->end();
    } else {
        m_bytesOut = body.size();
        m_firstSentUs = sinceStartUs(monotonicNs());
        m_writer->send(head, body);
    }
    m_writer = nullptr;
}

void Exchange::cut()
{
    if (m_writer) {
        m_writer->abort();
        m_writer = nullptr;
    }
    m_errorCode = "draining";
    m_errorMessage = QStringLiteral("Tidegate was stopped before the answer was complete.");
    settle(ExchangePhase::Failed, Outcome::UpstreamError);
}

void Exchange::clientGone()
{
    m_writer = nullptr;
    // Some clients leave with the last event, before the backend's connection says that it was it.
    if (m_committed && m_current->sawDone && !m_current->sawError) {
        endAttempt(*m_current, {.status = m_current->status, .body = AttemptEnd::Body::Good});
        settle(ExchangePhase::Done, Outcome::Success);
        return;
    }
    m_errorCode = "client_closed";
    m_errorMessage =
        QStringLiteral("The client closed the connection before the answer was complete.");
    m_status = kClientClosedStatus;
    settle(ExchangePhase::Cancelled, Outcome::ClientClosed);
}

void Exchange::clientWritable()
{
    m_paused = false;
    m_current->resume(m_host.upstream());
}

void Exchange::settle(ExchangePhase phase, Outcome outcome)
{
    LaneCall &call = *m_current;
    if (LaneCall *rival = rivalOf(call)) {
        abandon(*rival);
    }
    call.giveUp(m_host.upstream());
    takeTimings(call);
    m_phase = phase;
    m_outcome = outcome;
    const qint64 nowNs = monotonicNs();
    m_timings.endUs = sinceStartUs(nowNs);
    const Admission::Used used = m_admission.total(call.usedBy(m_request.body, m_match.endpoint));
    m_usage = used.usage;
    m_cost = used.cost;
    m_place.release();
    m_start.release();
    m_timer.reset();
    if (call.isRunning()) {
        call.verdict = {Disposition::Cancelled, Fault::None, m_status};
        call.attempt.end(call.verdict, {}, false, nowNs, m_timings.endUs);
    }
    m_host.exchangeFinished(*this);
    // After the ledger row was handed over: see BudgetBook::settle().
    const bool left = m_attempts > 1 || (m_attempts == 1 && call.mayHaveArrived());
    m_admission.settle(m_usage, m_cost, left);
}

qint64 Exchange::nowUs() const
{
    return sinceStartUs(monotonicNs());
}

const QByteArray &Exchange::backendName() const
{
    return m_current->lane->backend().name;
}

qint64 Exchange::sinceStartUs(qint64 atNs) const
{
    return (atNs - m_request.firstByteNs) / 1000;
}

void Exchange::takeTimings(const LaneCall &call)
{
    const UpstreamTimings &timings = call.timings;
    const qint64 callUs = sinceStartUs(call.startNs);
    const auto at = [callUs](qint64 us) { return us < 0 ? -1 : callUs + us; };
    m_timings.connectedUs = timings.reusedConnection ? -1 : at(timings.connectedUs);
    m_timings.tlsUs = at(timings.tlsUs);
    m_timings.sentUs = at(timings.sentUs);
    m_timings.firstByteUs = at(timings.firstByteUs);
}

ExchangeEvent Exchange::event() const
{
    ExchangeEvent event;
    event.id = m_id;
    event.phase = m_phase;
    event.endpoint = m_match.endpoint;
    event.stream = m_openAi.stream();
    event.status = m_status != 0 ? m_status : m_current->status;
    event.attempts = m_attempts;
    event.startedAtUs = m_startedAtUs;
    event.keyId = m_key ? m_key->id : 0;
    event.requestId = m_requestId;
    event.method = "POST";
    event.path = QByteArray(m_request.path.data(), qsizetype(m_request.path.size()));
    event.peer = m_peer;
    event.requestedModel = m_openAi.model();
    event.servedModel = m_current->lane ? m_current->lane->model : QByteArray();
    event.backend = m_current->lane ? backendName() : QByteArray();
    event.trace = m_plan.trace;
    event.errorCode = m_errorCode;
    event.errorMessage = m_errorMessage;
    event.usage = isFinished() ? m_usage : m_current->usage;
    event.teamId = m_key ? m_key->teamId : 0;
    event.cost = m_cost;
    event.streamedEvents = m_current->events;
    event.bytesIn = m_request.body.size();
    event.bytesOut = m_bytesOut;
    event.timings = m_timings;
    if (m_firstSentUs >= 0) {
        event.timings.firstByteUs = m_firstSentUs;
    }
    return event;
}

ExchangeExtras Exchange::extras() const
{
    ExchangeExtras extras;
    if (m_timings.routedUs >= 0) {
        extras.queueWaitUs = m_timings.routedUs - m_timings.requestReadUs;
    }
    extras.gaps = &m_gaps;
    extras.refusedBy = m_refusedBy;
    return extras;
}

LedgerRow Exchange::ledgerRow() const
{
    LedgerRow row;
    row.requestId = m_requestId;
    row.startedAtUs = m_startedAtUs;
    row.totalUs = m_timings.endUs;
    row.firstByteUs = m_firstSentUs;
    row.overheadUs = m_current->overheadUs;
    row.keyId = m_key ? m_key->id : 0;
    row.endpoint = m_match.endpoint;
    row.outcome = m_outcome;
    row.status = m_status;
    row.attempts = m_attempts;
    row.stream = m_openAi.stream();
    row.requestedModel = m_openAi.model();
    row.servedModel = m_current->lane ? m_current->lane->model : QByteArray();
    row.backend = m_current->lane ? backendName() : QByteArray();
    row.trace = m_plan.trace.ledgerJson();
    row.errorCode = m_errorCode;
    row.peer = m_peer;
    row.usage = m_usage;
    row.teamId = m_key ? m_key->teamId : 0;
    row.cost = m_cost;
    row.holdId = m_admission.holdId();
    row.bytesIn = m_request.body.size();
    row.bytesOut = m_bytesOut;
    return row;
}

} // namespace tidegate
