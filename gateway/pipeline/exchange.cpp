// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/exchange.h"

#include "gateway/base/clock.h"
#include "gateway/observe/redaction.h"
#include "gateway/pipeline/exchangehost.h"
#include "gateway/pipeline/forwardedfields.h"
#include "gateway/pipeline/localbackend.h"
#include "gateway/pipeline/requestid.h"
#include "gateway/protocol/promptsize.h"
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
// A stream that has come so far counts as a success of its lane, for now.
constexpr qint64 kEventsUnderWay = 32;
// Of an upstream's error text this much is shown in the panel.
constexpr qsizetype kMaxShownError = 500;
constexpr int kClientClosedStatus = 499;
constexpr char kTimeoutCode[] = "upstream_timeout";

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
        return {504, kTimeoutCode, "The backend '" + backend + "' took too long: " + reason, {}};
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

bool isEventStream(const UpstreamHead &head)
{
    const auto found = std::find_if(head.fields.begin(), head.fields.end(), [](const auto &field) {
        return field.first == "content-type";
    });
    constexpr std::string_view kType = "text/event-stream";
    return found != head.fields.end() && found->second.size() >= kType.size() &&
           equalsIgnoreCase(found->second.substr(0, kType.size()), kType);
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

// Mistral's API refuses requests with fields it does not know, and sends usage unasked.
bool understandsStreamOptions(BackendType type)
{
    return type != BackendType::Mistral;
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
    if (m_call) {
        m_host.upstream().cancel(m_call);
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
    m_plan = m_routes->plan({.model = m_openAi.model(),
                             .dice = m_host.retrying().dice,
                             .nowNs = monotonicNs(),
                             .backend = m_request.field("x-tidegate-backend"),
                             .key = m_key.get(),
                             .http = &m_request,
                             .hasTools = m_openAi.hasTools(),
                             .atUs = nowUs()});
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
    while (m_nextLane < size_t(m_plan.lanes.size())) {
        const size_t index = m_nextLane++;
        switch (m_attempt.enter(m_plan.lanes[qsizetype(index)], m_plan.trace, {}, monotonicNs(),
                                nowUs())) {
        case Attempt::Entry::Entered:
            useLane(index);
            return;
        case Attempt::Entry::Full:
            full = full.value_or(index);
            break;
        case Attempt::Entry::Skipped:
            break;
        }
    }
    if (!full || !waitForPlace(*full)) {
        giveUp();
    }
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
        if (m_attempt.enter(waited, m_plan.trace, std::move(place), monotonicNs(), nowUs()) ==
            Attempt::Entry::Entered) {
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
    m_laneAttempts = m_lane == &lane ? m_laneAttempts + 1 : 1;
    m_keyAttempts = m_lane == &lane ? m_keyAttempts : 0;
    m_lane = &lane;
    m_nextLane = index + 1;
    if (m_attempts == 0) {
        lane.state().retries.request(monotonicNs());
        m_host.retrying().overall.request(monotonicNs());
    }
    m_admission.use(lane);
    const BackendType type = lane.backend().type;
    if (type == BackendType::Echo || type == BackendType::Noop) {
        answerFromLocalBackend();
    } else {
        callBackend();
    }
}

void Exchange::answerFromLocalBackend()
{
    ++m_attempts;
    const LocalAnswer answer =
        answerLocally({.endpoint = m_match.endpoint,
                       .echo = m_lane->backend().type == BackendType::Echo,
                       .stream = m_openAi.stream() && m_match.endpoint != Endpoint::Embeddings,
                       .includeUsage = m_openAi.includeUsage() == OpenAiRequest::IncludeUsage::True,
                       .base64 = m_openAi.wantsBase64(),
                       .requestId = m_requestId,
                       .model = m_openAi.model(),
                       .body = m_request.body});
    m_usage = answer.usage;
    m_callStartNs = monotonicNs();
    m_timings.routedUs = sinceStartUs(m_callStartNs);
    m_overheadUs = (m_callStartNs - m_request.completeNs) / 1000;
    ResponseHead head = answerHead(200);
    if (answer.events.empty()) {
        addCost(head, m_admission.cost(m_usage));
        head.add("content-type", "application/json");
        m_status = 200;
        m_bytesOut = answer.body.size();
        m_firstSentUs = sinceStartUs(monotonicNs());
        m_writer->send(head, answer.body);
        m_writer = nullptr;
    } else {
        head.add("content-type", "text/event-stream; charset=utf-8");
        head.add("cache-control", "no-cache");
        m_status = 200;
        m_writer->begin(head, -1);
        for (const QByteArray &event : answer.events) {
            ++m_events;
            writeOut(view(event));
        }
        m_writer->end();
        m_writer = nullptr;
    }
    endAttempt({.status = 200});
    settle(ExchangePhase::Done, Outcome::Success);
}

void Exchange::callBackend()
{
    const BackendConfig &backend = m_lane->backend();
    UpstreamRequest call;
    call.url = backend.baseUrl;
    call.url.append(m_match.upstreamPath.data(), qsizetype(m_match.upstreamPath.size()));
    if (!m_request.query.empty()) {
        call.url.append('?').append(m_request.query.data(), qsizetype(m_request.query.size()));
    }
    call.fields = forwardedRequestFields(m_request);
    for (const auto &[name, value] : backend.headers) {
        call.fields.push_back(name + ": " + value);
    }
    if (!m_attempt.key().isEmpty()) {
        call.authorization = Secret("Authorization: Bearer " + m_attempt.key().reveal());
    }
    m_askedForUsage = m_openAi.stream() && m_match.endpoint != Endpoint::Embeddings &&
                      m_openAi.includeUsage() != OpenAiRequest::IncludeUsage::True &&
                      understandsStreamOptions(backend.type);
    call.body = m_openAi.spliced(m_request.body, view(m_lane->model), m_askedForUsage);
    call.timeouts = m_lane->timeouts();
    call.proxy = backend.proxy;
    call.caFile = backend.caFile;
    call.verifyTls = backend.verifyTls;
    call.freshConnection = m_staleRetried;
    call.allowPrivateNetwork = backend.allowPrivateNetwork;
    m_callStartNs = monotonicNs();
    m_timings.routedUs = sinceStartUs(m_callStartNs);
    m_retryAfter.reset();
    ++m_attempts;
    m_call = m_host.upstream().start(std::move(call), *this);
}

ResponseHead Exchange::answerHead(int status)
{
    ResponseHead head(status);
    head.add("x-request-id", view(m_requestId));
    if (m_lane) {
        head.add("x-tidegate-backend", view(backendName()));
        head.add("x-tidegate-model", view(m_lane->model));
        head.add("x-tidegate-attempts", view(QByteArray::number(m_attempts)));
        head.add("x-tidegate-overhead-us", view(QByteArray::number(m_overheadUs)));
        head.add("x-tidegate-cache", "bypass");
    }
    Admission::addLimitFields(head, m_admission.limitStatus());
    return head;
}

void Exchange::upstreamHead(const UpstreamHead &head)
{
    const qint64 headNs = monotonicNs();
    m_status = head.status;
    m_lane->state().reachability.store(LaneState::Reachability::Reachable,
                                       std::memory_order_relaxed);
    if (head.status >= 400) {
        m_retryAfter = readRetryAfter(head.fields, {}, wallClockUs());
    } else {
        m_attempt.answered(headNs);
    }
    m_relay = m_openAi.stream() && head.status == 200 && isEventStream(head) ? Relay::Events
                                                                             : Relay::Whole;
    m_overheadUs = (m_callStartNs - m_request.completeNs + monotonicNs() - headNs) / 1000;
    m_heldHead = answerHead(head.status);
    addForwardedAnswerFields(head, m_heldHead,
                             head.status >= 500 ? AnswerBody::Replaced : AnswerBody::Relayed);
    if (head.status >= 400) {
        KnownSecrets::mask(m_heldHead.fields);
    }
    if (m_relay == Relay::Events) {
        // The SDKs' time-outs end with the head, so a slow first token must not keep it back.
        inMs(kHeadHoldMs, [this] {
            if (!m_committed && m_relay == Relay::Events) {
                commit();
                m_host.exchangeChanged(*this);
            }
        });
    } else {
        m_body.reserve(std::min(qsizetype(std::max<qint64>(head.contentLength, 0)), kMaxKeptBody));
    }
    m_host.exchangeChanged(*this);
}

// From here on the client gets this answer and no other.
void Exchange::commit()
{
    m_committed = true;
    m_writer->begin(m_heldHead, -1);
    if (m_relay == Relay::Events) {
        m_phase = ExchangePhase::Streaming;
        writeOut(view(std::exchange(m_heldEvents, QByteArray())));
    }
}

bool Exchange::upstreamBody(std::string_view piece)
{
    switch (m_relay) {
    case Relay::Events:
        m_gaps.arrived(monotonicNs());
        relayEvents(piece);
        break;
    case Relay::Whole:
        if (m_status >= 500 && m_body.size() + qsizetype(piece.size()) > kMaxErrorBody) {
            m_body.append(piece.data(), kMaxErrorBody - m_body.size());
            failBeforeAnswer();
            return true;
        }
        if (m_body.size() + qsizetype(piece.size()) <= kMaxKeptBody) {
            m_body.append(piece.data(), qsizetype(piece.size()));
            return true;
        }
        m_relay = Relay::Bytes;
        commit();
        relayBytes(view(m_body));
        relayBytes(piece);
        break;
    case Relay::Bytes:
        relayBytes(piece);
        break;
    case Relay::None:
        break;
    }
    m_host.exchangeChanged(*this);
    return !m_writer || !m_paused;
}

void Exchange::relayBytes(std::string_view piece)
{
    if (m_status >= 400) {
        writeOut(view(m_masker.feed(piece)));
    } else {
        writeOut(piece);
    }
}

void Exchange::relayEvents(std::string_view piece)
{
    // Events that follow each other in memory leave in one write.
    std::string_view ready;
    SseSplitter::Event event;
    m_splitter.feed(piece);
    while (m_splitter.next(event)) {
        bool strip = event.tail && m_stripped;
        if (event.whole && !event.tail) {
            ++m_events;
            strip = readEvent(event.raw) && m_askedForUsage;
        }
        m_stripped = strip;
        m_partSent = !event.whole;
        if (strip) {
            continue;
        }
        if (!m_committed) {
            if (m_sawError) {
                // An error instead of an answer, whatever the status said.
                m_body = QByteArray(event.raw.data(), qsizetype(event.raw.size()));
                failBeforeAnswer();
                return;
            }
            m_heldEvents.append(event.raw.data(), qsizetype(event.raw.size()));
            if (m_contentEvents > 0 || m_sawDone || m_heldEvents.size() > kMaxHeldEvents) {
                commit();
            }
            continue;
        }
        if (m_sawError) {
            // An error may quote the request that the upstream got, with its key.
            writeOut(ready);
            ready = {};
            QByteArray masked(event.raw.data(), qsizetype(event.raw.size()));
            KnownSecrets::mask(masked);
            writeOut(view(masked));
            continue;
        }
        if (!ready.empty() && ready.data() + ready.size() == event.raw.data()) {
            ready = {ready.data(), ready.size() + event.raw.size()};
            continue;
        }
        writeOut(ready);
        ready = event.raw;
    }
    writeOut(ready);
    if (m_events == kEventsUnderWay) {
        m_attempt.underWay(monotonicNs());
    }
}

// Notes what the event says. True when it is the one that include_usage adds.
bool Exchange::readEvent(std::string_view raw)
{
    const std::string_view data = SseSplitter::data(raw, m_scratch);
    const OpenAiChunk chunk = data.empty() ? OpenAiChunk() : readChunk(data);
    mergeUsage(m_usage, chunk.usage);
    m_sawDone |= chunk.done;
    m_sawFinish |= chunk.finish;
    m_sawError |= chunk.error;
    m_contentEvents += chunk.content ? 1 : 0;
    return chunk.usageOnly;
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

void Exchange::upstreamFinished(const UpstreamResult &result)
{
    m_call = nullptr;
    takeTimings(result.timings);
    if (result.failure == UpstreamFailure::None) {
        finishRelay();
        return;
    }
    if (m_relay == Relay::None && result.staleConnection && !std::exchange(m_staleRetried, true)) {
        // The upstream had closed the idle connection while the request was on its way: it cannot
        // have answered, so one more try on a fresh connection is what the user wants.
        callBackend();
        return;
    }
    const ApiError error = errorFor(result, backendName());
    const AttemptEnd end{.failure = result.failure, .status = m_status};
    if (m_committed) {
        endAttempt(end);
        failAfterHead(error);
        return;
    }
    if (m_relay == Relay::None) {
        m_lane->state().reachability.store(LaneState::Reachability::Unreachable,
                                           std::memory_order_relaxed);
    }
    failAttempt(error, end);
}

void Exchange::finishRelay()
{
    switch (m_relay) {
    case Relay::Events:
        finishEvents();
        return;
    case Relay::Whole:
        if (m_status < 400 &&
            (m_status >= 300 || !looksLikeAnswer(view(m_body), m_openAi.stream()))) {
            failAttempt({502,
                         "upstream_invalid_response",
                         "The backend '" + backendName() + "' answered " +
                             QByteArray::number(m_status) + " with something that is no answer.",
                         {}},
                        {.status = m_status, .body = AttemptEnd::Body::Malformed});
            return;
        }
        if (m_status >= 400 || !relayWhole()) {
            failBeforeAnswer();
            return;
        }
        break;
    case Relay::Bytes:
        if (m_status >= 400) {
            writeOut(view(m_masker.rest()));
        }
        m_writer->end();
        break;
    case Relay::None:
        m_writer->end();
        break;
    }
    m_writer = nullptr;
    endAttempt({.status = m_status});
    if (m_status >= 400) {
        m_errorCode = "upstream_" + QByteArray::number(m_status);
        settle(ExchangePhase::Failed, Outcome::ClientError);
    } else {
        settle(ExchangePhase::Done, Outcome::Success);
    }
}

// False when it is an error in place of an answer, whatever the status says.
bool Exchange::relayWhole()
{
    const OpenAiChunk answer = readChunk(view(m_body));
    if (answer.error) {
        return false;
    }
    mergeUsage(m_usage, answer.usage);
    m_bytesOut = m_body.size();
    estimateUsage();
    addCost(m_heldHead, m_admission.cost(m_usage));
    m_firstSentUs = sinceStartUs(monotonicNs());
    m_committed = true;
    m_writer->send(m_heldHead, m_body);
    return true;
}

void Exchange::finishEvents()
{
    // A last event without its blank line is passed as it is.
    const std::string_view rest = m_splitter.rest();
    const bool usageOnly = readEvent(rest);
    if (!m_committed && m_sawError) {
        m_body = QByteArray(rest.data(), qsizetype(rest.size()));
        failBeforeAnswer();
        return;
    }
    if (!m_sawDone && !m_sawFinish && !m_sawError) {
        const ApiError error{502,
                             "upstream_invalid_response",
                             "The backend '" + backendName() +
                                 "' ended the stream before the answer was complete.",
                             {}};
        const AttemptEnd end{.status = m_status, .body = AttemptEnd::Body::Cut};
        if (m_committed) {
            endAttempt(end);
            failAfterHead(error);
        } else {
            failAttempt(error, end);
        }
        return;
    }
    if (!m_committed) {
        commit();
    }
    if (!(m_askedForUsage && usageOnly)) {
        QByteArray last(rest.data(), qsizetype(rest.size()));
        if (m_sawError) {
            KnownSecrets::mask(last);
        }
        writeOut(view(last));
    }
    m_writer->end();
    m_writer = nullptr;
    endAttempt({.status = m_status,
                .body = m_sawError ? AttemptEnd::Body::Error : AttemptEnd::Body::Good});
    // An error inside of an answer with status 200 is the upstream's failure all the same.
    if (m_sawError) {
        m_errorCode = "upstream_error_event";
        settle(ExchangePhase::Failed, Outcome::UpstreamError);
    } else {
        settle(ExchangePhase::Done, Outcome::Success);
    }
}

// ---- attempts that failed before the client got anything

// The upstream answered, but with an error: m_body is its text, or the event that says so.
void Exchange::failBeforeAnswer()
{
    if (m_call) {
        takeTimings(m_host.upstream().cancel(m_call));
        m_call = nullptr;
    }
    AttemptEnd end{.status = m_status, .error = view(m_body)};
    if (m_relay == Relay::Events) {
        end.error = SseSplitter::data(view(m_body), m_scratch);
    }
    end.body = m_status < 400 ? AttemptEnd::Body::Error : AttemptEnd::Body::Good;
    m_retryAfter = withBody(m_retryAfter, end.error);
    endAttempt(end);
    if (!tryAgain()) {
        answerFailure();
    }
}

// There was no answer, or none that counts.
void Exchange::failAttempt(const ApiError &error, const AttemptEnd &end)
{
    endAttempt(end);
    if (!tryAgain()) {
        refuse(error);
    }
}

void Exchange::endAttempt(const AttemptEnd &end)
{
    m_verdict = classify(end);
    const bool brokeOff = m_committed && m_verdict.disposition != Disposition::Success;
    m_attempt.end(m_verdict, retryAfterMs(), brokeOff, monotonicNs(), nowUs());
}

// Turns to another key, another lane, or the same one later. False when this failure is the answer.
bool Exchange::tryAgain()
{
    const DispositionRule &rule = ruleFor(m_verdict.disposition);
    const qint64 now = monotonicNs();
    Retrying &retrying = m_host.retrying();
    const size_t index = m_nextLane - 1;
    LaneState &state = m_lane->state();
    const bool otherKey = rule.retryOtherKey &&
                          size_t(m_keyAttempts) + 1 < m_lane->backend().keys.size() &&
                          state.credentials.anyReady(now);
    const bool otherLane = rule.nextLane && hasLaneLeft(now);
    const bool later = rule.retrySameLane && isSafeToRepeat(m_verdict.fault) &&
                       m_laneAttempts < m_lane->retry().maxAttempts;
    if (m_attempts >= kMaxAttempts || (!otherKey && !otherLane && !later)) {
        return false;
    }
    if (!RetryBudget::takeRetry(state.retries, retrying.overall, now)) {
        m_plan.trace.skipped(backendName(), m_lane->model, RouteStep::Reason::RetriesSpent,
                             nowUs());
        return false;
    }
    if (later && !otherKey && !otherLane && !tryLaterAgain()) {
        return false;
    }
    // What the failed attempt left behind.
    m_status = 0;
    m_relay = Relay::None;
    m_usage = {};
    m_splitter = {};
    m_heldEvents.clear();
    m_events = 0;
    m_contentEvents = 0;
    m_sawDone = false;
    m_sawFinish = false;
    m_sawError = false;
    m_stripped = false;
    m_partSent = false;
    m_staleRetried = false;
    m_body = QByteArray();
    if (otherKey) {
        ++m_keyAttempts;
        m_nextLane = index;
    }
    if (otherKey || otherLane) {
        tryLanes();
    }
    return true;
}

bool Exchange::hasLaneLeft(qint64 nowNs) const
{
    const auto rest = m_plan.lanes.begin() + qsizetype(m_nextLane);
    return std::any_of(rest, m_plan.lanes.end(), [nowNs](const PlannedLane &lane) {
        return bool(lane.state().availability(nowNs));
    });
}

// The only lane left may do better in a moment.
bool Exchange::tryLaterAgain()
{
    const RetryRule rule = m_lane->retry();
    if (retryAfterMs().value_or(0) > kMaxPatienceMs) {
        return false; // the client had better hear of it than wait without a word
    }
    m_nextLane -= 1;
    inMs(m_host.retrying().backoff.delayMs(rule.backoff, m_laneAttempts, retryAfterMs()),
         [this] { tryLanes(); });
    return true;
}

std::optional<qint64> Exchange::retryAfterMs() const
{
    return m_retryAfter ? std::optional(m_retryAfter->ms) : std::nullopt;
}

void Exchange::inMs(qint64 ms, std::function<void()> work)
{
    m_timer = std::make_unique<QTimer>();
    m_timer->setSingleShot(true);
    QObject::connect(m_timer.get(), &QTimer::timeout, m_timer.get(), std::move(work));
    m_timer->start(int(ms));
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
    const ApiError error =
        limited ? ApiError{429,
                           "rate_limit_exceeded",
                           "Every backend that serves '" + m_openAi.model() +
                               "' has reached its rate limit. Try again in a moment.",
                           {}}
                : ApiError{503,
                           "no_backend_available",
                           "No backend that serves '" + m_openAi.model() +
                               "' can take the request now. The route trace in Tidegate's Live "
                               "page says why.",
                           {}};
    m_overheadUs = (monotonicNs() - m_request.completeNs) / 1000;
    ResponseHead head = answerHead(error.status);
    head.add("retry-after", view(QByteArray::number((waitMs + 999) / 1000)));
    refuse(error, std::move(head));
}

// The latest failure is the answer: a 4xx as it came, a 5xx if a client's SDK can read it.
void Exchange::answerFailure()
{
    KnownSecrets::mask(m_body);
    m_errorMessage = shownError(m_body);
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
        m_heldHead.add("content-type", "application/json");
        if (!readChunk(view(m_body)).error) {
            m_errorMessage = shownError(m_body.isEmpty() ? error.message : m_body);
            m_body = error.toJson();
        }
    }
    m_body.prepend(m_heldEvents);
    m_bytesOut = m_body.size();
    m_firstSentUs = sinceStartUs(monotonicNs());
    m_writer->send(m_heldHead, m_body);
    m_writer = nullptr;
    settle(ExchangePhase::Failed,
           m_status >= 400 && m_status < 500 ? Outcome::ClientError : Outcome::UpstreamError);
}

void Exchange::failAfterHead(const ApiError &error)
{
    m_errorCode = error.code;
    m_errorMessage = QString::fromUtf8(error.message);
    if (m_relay == Relay::Events && !m_partSent) {
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

void Exchange::refuse(const ApiError &error)
{
    m_overheadUs = (monotonicNs() - m_request.completeNs) / 1000;
    ResponseHead head = answerHead(error.status);
    if (error.status == 503) {
        head.add("retry-after", "1");
    }
    refuse(error, std::move(head));
}

void Exchange::refuseAdmission(const Refusal &refusal)
{
    m_refusedBy = RefusedBy(int(refusal.scope) + 1);
    m_overheadUs = (monotonicNs() - m_request.completeNs) / 1000;
    ResponseHead head = answerHead(refusal.status);
    Admission::addLimitFields(head, refusal.limits);
    if (refusal.retryAfterMs) {
        // RFC 9110 knows whole seconds only; OpenAI's SDKs look for the exact field first.
        const qint64 ms = std::max<qint64>(*refusal.retryAfterMs, 1);
        head.add("retry-after", view(QByteArray::number((ms + 999) / 1000)));
        head.add("retry-after-ms", view(QByteArray::number(ms)));
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
    const QByteArray body = error.toJson();
    m_bytesOut = body.size();
    m_firstSentUs = sinceStartUs(monotonicNs());
    m_writer->send(head, body);
    m_writer = nullptr;
    settle(ExchangePhase::Failed,
           error.status >= 500 ? Outcome::UpstreamError : Outcome::ClientError);
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
    m_errorCode = "client_closed";
    m_errorMessage =
        QStringLiteral("The client closed the connection before the answer was complete.");
    m_status = kClientClosedStatus;
    settle(ExchangePhase::Cancelled, Outcome::ClientClosed);
}

void Exchange::clientWritable()
{
    m_paused = false;
    if (m_call) {
        m_host.upstream().resume(m_call);
    }
}

void Exchange::estimateUsage()
{
    // Four bytes of text are about one token for the common tokenizers; a streamed event is one.
    if (!leftForBackend() || m_usage.isKnown() || !isCharged()) {
        return;
    }
    m_usage.input = std::max<qint64>(1, PromptSize::of(m_request.body).inputTokens);
    if (m_match.endpoint == Endpoint::Embeddings) {
        m_usage.output = 0;
    } else if (m_relay == Relay::Events) {
        m_usage.output = m_contentEvents;
    } else {
        m_usage.output = (m_relay == Relay::Bytes ? m_bytesOut : qint64(m_body.size())) / 4;
    }
    m_usage.estimated = true;
}

void Exchange::settle(ExchangePhase phase, Outcome outcome)
{
    if (m_call) {
        takeTimings(m_host.upstream().cancel(m_call));
        m_call = nullptr;
    }
    m_phase = phase;
    m_outcome = outcome;
    m_timings.endUs = sinceStartUs(monotonicNs());
    estimateUsage();
    m_cost = m_usage.isKnown() ? m_admission.cost(m_usage) : Money();
    m_place.release();
    m_timer.reset();
    if (m_attempt.isRunning()) {
        m_verdict = {Disposition::Cancelled, Fault::None, m_status};
        m_attempt.end(m_verdict, {}, false, monotonicNs(), nowUs());
    }
    m_host.exchangeFinished(*this);
    // After the ledger row was handed over: see BudgetBook::settle().
    m_admission.settle(m_usage, m_cost, leftForBackend());
}

// The client or we ended the wait for a backend that may have been at work.
bool Exchange::isGivenUp() const
{
    return m_status == kClientClosedStatus || m_errorCode == kTimeoutCode;
}

// What ended without an answer is taken for not charged by the provider, except what was given up;
// of an answer that broke off, what came is. See docs/limits-and-budgets.md.
bool Exchange::isCharged() const
{
    return m_status < 400 || isGivenUp() || (m_relay == Relay::Whole && m_heldHead.status < 400);
}

// True when a backend may have seen the request.
bool Exchange::leftForBackend() const
{
    return m_attempts > 0 && (!isGivenUp() || m_timings.sentUs >= 0);
}

qint64 Exchange::nowUs() const
{
    return sinceStartUs(monotonicNs());
}

const QByteArray &Exchange::backendName() const
{
    return m_lane->backend().name;
}

qint64 Exchange::sinceStartUs(qint64 atNs) const
{
    return (atNs - m_request.firstByteNs) / 1000;
}

void Exchange::takeTimings(const UpstreamTimings &timings)
{
    const qint64 callUs = sinceStartUs(m_callStartNs);
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
    event.status = m_status;
    event.attempts = m_attempts;
    event.startedAtUs = m_startedAtUs;
    event.keyId = m_key ? m_key->id : 0;
    event.requestId = m_requestId;
    event.method = "POST";
    event.path = QByteArray(m_request.path.data(), qsizetype(m_request.path.size()));
    event.peer = m_peer;
    event.requestedModel = m_openAi.model();
    event.servedModel = m_lane ? m_lane->model : QByteArray();
    event.backend = m_lane ? backendName() : QByteArray();
    event.trace = m_plan.trace;
    event.errorCode = m_errorCode;
    event.errorMessage = m_errorMessage;
    event.usage = m_usage;
    event.teamId = m_key ? m_key->teamId : 0;
    event.cost = m_cost;
    event.streamedEvents = m_events;
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
    row.overheadUs = m_overheadUs;
    row.keyId = m_key ? m_key->id : 0;
    row.endpoint = m_match.endpoint;
    row.outcome = m_outcome;
    row.status = m_status;
    row.attempts = m_attempts;
    row.stream = m_openAi.stream();
    row.requestedModel = m_openAi.model();
    row.servedModel = m_lane ? m_lane->model : QByteArray();
    row.backend = m_lane ? backendName() : QByteArray();
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
