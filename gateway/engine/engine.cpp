// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/engine.h"

#include "gateway/base/clock.h"
#include "gateway/config/urlguard.h"
#include "gateway/engine/apidocs.h"
#include "gateway/engine/backendprobe.h"
#include "gateway/engine/eventsubscriber.h"
#include "gateway/http/frontdoor.h"
#include "gateway/observe/knownsecrets.h"
#include "gateway/observe/logsink.h"
#include "gateway/pipeline/endpoints.h"
#include "gateway/pipeline/exchange.h"
#include "gateway/pipeline/mirrors.h"
#include "gateway/pipeline/requestid.h"
#include "gateway/upstream/upstreamclient.h"

#include <QRandomGenerator>

#include <algorithm>
#include <atomic>

namespace tidegate {

namespace {

// Rows reach the store and events the panel at this pace; with the store's own 100 ms this keeps
// what a kill -9 can lose well below 250 ms.
constexpr int kPublishIntervalMs = 50;

std::string_view view(const QByteArray &bytes)
{
    return {bytes.constData(), size_t(bytes.size())};
}

quint64 nextExchangeId()
{
    static std::atomic<quint64> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

ShortAnswer answerFor(const ApiError &error, std::string_view presentedId = {})
{
    ShortAnswer answer{ResponseHead(error.status), error.toJson()};
    answer.head.add("x-request-id", view(requestIdFor(presentedId)));
    answer.head.add("content-type", "application/json");
    if (error.status == 401) {
        answer.head.add("www-authenticate", "Bearer");
    } else if (error.status == 503) {
        answer.head.add("retry-after", "1");
    }
    return answer;
}

QByteArray modelJson(const QByteArray &name, const QByteArray &owner)
{
    return R"({"id":)" + jsonString(view(name)) + R"(,"object":"model","created":0,"owned_by":)" +
           jsonString(view(owner)) + '}';
}

HttpLimits limitsOf(const ServerConfig &server)
{
    HttpLimits limits;
    limits.maxBodyBytes = server.maxRequestBodyBytes;
    limits.maxConnections = server.maxConnections;
    limits.headerTimeoutMs = server.headerTimeoutSeconds * 1000;
    return limits;
}

QByteArray toBytes(std::string_view text)
{
    return {text.data(), qsizetype(text.size())};
}

const char *reachabilityName(LaneState::Reachability reachability)
{
    switch (reachability) {
    case LaneState::Reachability::Reachable:
        return "reachable";
    case LaneState::Reachability::Unreachable:
        return "unreachable";
    case LaneState::Reachability::Unknown:
        break;
    }
    return "unknown";
}

RouteStep::Reason unwellReason(BackendHealth health)
{
    switch (health) {
    case BackendHealth::Loading:
        return RouteStep::Reason::Loading;
    case BackendHealth::Unhealthy:
        return RouteStep::Reason::Unhealthy;
    case BackendHealth::Unknown:
    case BackendHealth::Healthy:
        break;
    }
    return RouteStep::Reason::None;
}

} // namespace

Engine::Engine(Output output, Secret adminToken)
    : m_output(std::move(output))
    , m_adminGuard(adminToken)
    , m_adminCalls(std::make_unique<AdminCalls>(m_output.admin))
    , m_scrapes(std::make_unique<AdminCalls>(m_output.scrape))
    , m_upstream(std::make_unique<UpstreamClient>())
    , m_overallRetries(m_output.retries ? m_output.retries : std::make_shared<RetryBudget>())
    , m_retrying{LaneDice(QRandomGenerator::system()->generate64()),
                 Backoff(QRandomGenerator::system()->generate64()), *m_overallRetries}
    , m_mirrors(std::make_unique<Mirrors>(
          *m_upstream, [this](LedgerRow &&row) { mirrorFinished(std::move(row)); }))
{
    m_upstream->setAddressCheck(&UrlGuard::checkResolved);
    m_upstream->setTurnEnded([this] { sweep(); });
    KnownSecrets::remember(adminToken);
    if (!m_output.metrics) {
        m_output.metrics = std::make_shared<MetricsShard>();
    }
    if (!m_output.subscribers) {
        m_output.subscribers = std::make_shared<std::atomic<int>>(0);
    }
    m_publishTimer.setSingleShot(true);
    m_publishTimer.setTimerType(Qt::PreciseTimer); // how late it is, is measured
    m_publishTimer.setInterval(kPublishIntervalMs);
    connect(&m_publishTimer, &QTimer::timeout, this, &Engine::publish);
}

Engine::~Engine() = default;

Result<quint16> Engine::listen(const QHostAddress &address, quint16 port, bool shared)
{
    if (!m_door) {
        RequestHandler &handler = *this;
        m_door = std::make_unique<FrontDoor>(handler, limitsOf(m_routes->config()->server));
    } else {
        m_door->stopListening();
    }
    auto bound = m_door->listen(address, port, shared);
    if (!bound && m_door) {
        // A wish that fails must not take away what works: stay on the port of before, if any.
        const auto resumed = m_door->resumeListening();
        Q_UNUSED(resumed);
    }
    return bound;
}

void Engine::setRoutes(RoutesPtr routes)
{
    m_routes = std::move(routes);
    QByteArrayList models;
    for (const auto &[name, owner] : m_routes->models()) {
        models.append(name);
    }
    QByteArrayList backends;
    for (const Lane &lane : m_routes->lanes()) {
        backends.append(lane.backend->name);
    }
    m_output.metrics->setNames(models, backends);
    if (m_door) {
        m_door->setLimits(limitsOf(m_routes->config()->server));
    }
}

void Engine::setMode(Mode mode)
{
    m_mode = mode;
    if (mode == Mode::Draining && m_door) {
        m_door->stopListening();
    }
    schedulePublish();
}

void Engine::setLiveFeedEnabled(bool enabled)
{
    m_feedWanted = enabled;
}

// By the panel, or by somebody who may be connected to another engine.
bool Engine::isWatched() const
{
    return m_feedWanted || m_output.subscribers->load(std::memory_order_relaxed) > 0;
}

std::optional<ShortAnswer> Engine::screen(const HttpRequest &head)
{
    auto answer = judge(head);
    if (answer) {
        m_output.metrics->refused(answer->head.status);
    }
    return answer;
}

std::optional<ShortAnswer> Engine::judge(const HttpRequest &head)
{
    const std::string_view presentedId = head.field("x-request-id");
    const EndpointMatch match = matchEndpoint(head.path);
    const ServerConfig &server = m_routes->config()->server;
    if (match.target == RouteTarget::Unknown) {
        return answerFor({404,
                          "not_found",
                          "There is nothing at '" +
                              QByteArray(head.path.data(), qsizetype(head.path.size())) +
                              "'. The API starts at /v1, e.g. /v1/chat/completions.",
                          {}},
                         presentedId);
    }
    if (!match.allows(head.method)) {
        ShortAnswer answer =
            answerFor({405,
                       "method_not_allowed",
                       "This path takes " +
                           QByteArray(match.allow.data(), qsizetype(match.allow.size())) + '.',
                       {}},
                      presentedId);
        answer.head.add("allow", match.allow);
        return answer;
    }
    const bool scrape = match.target == RouteTarget::Metrics;
    if (match.isAdministration() || scrape) {
        const ConfigSnapshot &config = *m_routes->config();
        const auto refusal = scrape ? m_adminGuard.checkScrape(head, config, monotonicNs())
                                    : m_adminGuard.check(head, config, monotonicNs());
        if (refusal) {
            ShortAnswer answer = answerFor(refusal->error, presentedId);
            if (refusal->retryAfterSeconds > 0) {
                answer.head.add("retry-after",
                                view(QByteArray::number(refusal->retryAfterSeconds)));
            }
            return answer;
        }
    } else if (server.auth == AuthMode::Off && !AdminGuard::isFromOwnSide(head, server)) {
        // With no key asked for, a web page must not be able to use the gateway through the user's
        // browser.
        return answerFor({403,
                          "origin_not_allowed",
                          "Without a key, only programs on this machine may ask, by the name "
                          "localhost or a loopback address.",
                          {}},
                         presentedId);
    }
    if (match.needsKey) {
        const auto verdict = m_authenticator.authenticate(head, m_routes->config());
        if (const ApiError *error = std::get_if<ApiError>(&verdict)) {
            return answerFor(*error, presentedId);
        }
    }
    if (match.target == RouteTarget::Proxied && m_mode != Mode::Serving) {
        return answerFor({503,
                          "draining",
                          m_mode == Mode::Paused
                              ? "Tidegate is paused. Resume it in its tray menu or panel."
                              : "Tidegate is shutting down. Try again in a moment.",
                          {}},
                         presentedId);
    }
    return std::nullopt;
}

void Engine::handle(HttpRequest &&request, ResponseWriter &writer)
{
    const EndpointMatch match = matchEndpoint(request.path);
    switch (match.target) {
    case RouteTarget::Health: {
        ResponseHead head(200);
        head.add("content-type", "application/json");
        writer.send(head, R"({"status":"ok","version":")" TIDEGATE_VERSION R"("})");
        return;
    }
    case RouteTarget::Ready:
        sendReadiness(writer);
        return;
    case RouteTarget::LiveEvents:
        subscribe(writer);
        return;
    case RouteTarget::ModelList:
    case RouteTarget::Model:
        sendModels(request, writer, match);
        return;
    case RouteTarget::Admin:
        m_adminCalls->start(std::move(request), writer);
        return;
    case RouteTarget::ApiDocument:
        ApiDocs::sendDocument(writer);
        return;
    case RouteTarget::DocsPage:
        ApiDocs::sendPage(writer);
        return;
    case RouteTarget::Metrics:
        m_output.metrics->setConnections(m_door->connectionCount());
        m_scrapes->start(std::move(request), writer);
        return;
    case RouteTarget::Proxied:
    case RouteTarget::Unknown:
        break;
    }
    auto verdict = m_authenticator.authenticate(request, m_routes->config());
    if (const ApiError *error = std::get_if<ApiError>(&verdict)) {
        // Only when the key was revoked while the body was on its way.
        const ShortAnswer answer = answerFor(*error, request.field("x-request-id"));
        writer.send(answer.head, answer.body);
        return;
    }
    auto exchange = std::make_unique<Exchange>(static_cast<ExchangeHost &>(*this), nextExchangeId(),
                                               std::move(request), writer, match, m_routes,
                                               std::move(std::get<KeyRing::KeyPtr>(verdict)));
    Exchange *started = exchange.get();
    started->slot = m_exchanges.size();
    m_exchanges.push_back(std::move(exchange));
    started->start();
    sweep();
}

ShortAnswer Engine::refusal(int status, std::string_view code, std::string_view message)
{
    m_output.metrics->refused(status);
    return answerFor({status,
                      QByteArray(code.data(), qsizetype(code.size())),
                      QByteArray(message.data(), qsizetype(message.size())),
                      {}});
}

void Engine::quiet()
{
    if (m_output.quiet) {
        m_output.quiet();
    }
}

void Engine::sendModels(const HttpRequest &request, ResponseWriter &writer,
                        const EndpointMatch &match)
{
    const auto verdict = m_authenticator.authenticate(request, m_routes->config());
    const auto *key = std::get_if<KeyRing::KeyPtr>(&verdict);
    const QByteArray wanted = QByteArray::fromPercentEncoding(
        QByteArray(match.model.data(), qsizetype(match.model.size())));
    QByteArray list;
    for (const auto &[name, owner] : m_routes->models()) {
        if (!key || !Routes::mayUse(key->get(), name)) {
            continue;
        }
        if (match.target == RouteTarget::Model) {
            if (name != wanted) {
                continue;
            }
            list = modelJson(name, owner);
            break;
        }
        list += (list.isEmpty() ? "" : ",") + modelJson(name, owner);
    }
    if (match.target == RouteTarget::Model && list.isEmpty()) {
        const ShortAnswer answer = answerFor(
            {404, "model_not_found", "There is no model '" + wanted + "' for this key.", "model"},
            request.field("x-request-id"));
        writer.send(answer.head, answer.body);
        return;
    }
    ResponseHead head(200);
    head.add("x-request-id", view(requestIdFor(request.field("x-request-id"))));
    head.add("content-type", "application/json");
    writer.send(head, match.target == RouteTarget::Model
                          ? list
                          : R"({"object":"list","data":[)" + list + "]}");
}

void Engine::sendReadiness(ResponseWriter &writer)
{
    const qint64 now = monotonicNs();
    bool canServe = false;
    qint64 soonestNs = 0;
    QByteArray backends;
    for (const Lane &lane : m_routes->lanes()) {
        const BackendConfig &backend = *lane.backend;
        const LaneState::Availability availability = lane.state->availability(now);
        const LaneHealth &health = lane.state->health;
        const bool local = backend.type == BackendType::Echo || backend.type == BackendType::Noop;
        const bool hasKey =
            backend.keyState == KeyState::NotNeeded || backend.keyState == KeyState::Ready;
        const auto reachability = local ? LaneState::Reachability::Reachable
                                        : lane.state->reachability.load(std::memory_order_relaxed);
        const RouteStep::Reason reason = !hasKey         ? RouteStep::Reason::KeyMissing
                                         : !availability ? availability.reason
                                                         : unwellReason(health.verdict());
        // One that is asleep is started for a request that waits.
        const bool isAsleep = hasKey && availability.isComing();
        canServe |= isAsleep || (reason == RouteStep::Reason::None &&
                                 reachability == LaneState::Reachability::Reachable);
        if (availability.untilNs > 0) {
            soonestNs =
                soonestNs == 0 ? availability.untilNs : std::min(soonestNs, availability.untilNs);
        }
        const auto breaker = breakerStateName(lane.state->breaker.snapshot(now).state);
        backends += (backends.isEmpty() ? "{\"name\":" : ",{\"name\":") +
                    jsonString(view(backend.name)) + R"(,"state":")" +
                    (isAsleep ? "asleep" : reachabilityName(reachability)) + R"(","key":)" +
                    (hasKey ? "true" : "false") + R"(,"health":")" +
                    toBytes(backendHealthName(health.verdict())) + R"(","breaker":")" +
                    toBytes(breaker) + '"' +
                    (reason == RouteStep::Reason::None
                         ? QByteArray()
                         : R"(,"reason":")" + QByteArray(RouteTrace::reasonName(reason)) + '"') +
                    R"(,"in_flight":)" + QByteArray::number(lane.state->load()) + '}';
    }
    const bool ready = canServe && m_mode == Mode::Serving;
    const char *state = m_mode == Mode::Serving  ? (ready ? "ready" : "no_backend_available")
                        : m_mode == Mode::Paused ? "paused"
                                                 : "draining";
    ResponseHead head(ready ? 200 : 503);
    head.add("content-type", "application/json");
    if (!ready) {
        const qint64 waitNs = std::max<qint64>(soonestNs - now, 1);
        head.add("retry-after", view(QByteArray::number((waitNs + 999'999'999) / 1'000'000'000)));
    }
    writer.send(head, R"({"status":")" + QByteArray(state) + R"(","backends":[)" + backends + "]}");
}

void Engine::subscribe(ResponseWriter &writer)
{
    ResponseHead head(200);
    head.add("content-type", "text/event-stream; charset=utf-8");
    head.add("cache-control", "no-store");
    const auto gone = [this](EventSubscriber *subscriber) {
        const auto it =
            std::find_if(m_subscribers.begin(), m_subscribers.end(),
                         [subscriber](const auto &owned) { return owned.get() == subscriber; });
        // The subscriber is in the middle of a call of its own.
        QMetaObject::invokeMethod(
            this, [dead = std::shared_ptr<EventSubscriber>(std::move(*it))] {},
            Qt::QueuedConnection);
        m_subscribers.erase(it);
        m_output.subscribers->fetch_sub(1, std::memory_order_relaxed);
    };
    // First, so that what happens after the answer's head is told.
    m_output.subscribers->fetch_add(1, std::memory_order_relaxed);
    m_subscribers.push_back(std::make_unique<EventSubscriber>(writer, head, gone));
}

void Engine::sendToSubscribers(const QByteArray &events, qint64 count)
{
    for (const auto &subscriber : m_subscribers) {
        subscriber->send(events, count);
    }
}

void Engine::exchangeChanged(Exchange &exchange)
{
    m_feed.setEnabled(isWatched());
    if (m_feed.isEnabled()) {
        m_feed.changed(exchange);
        schedulePublish();
    }
}

void Engine::exchangeFinished(Exchange &exchange)
{
    m_rows.push_back(exchange.ledgerRow());
    m_output.metrics->finished(m_rows.back(), exchange.extras());
    LogSink::logRequest(m_rows.back());
    m_feed.setEnabled(isWatched());
    m_feed.finished(exchange);
    ++m_finishedTotal;
    const size_t slot = exchange.slot;
    m_finished.push_back(std::move(m_exchanges[slot]));
    if (slot + 1 < m_exchanges.size()) {
        m_exchanges[slot] = std::move(m_exchanges.back());
        m_exchanges[slot]->slot = slot;
    }
    m_exchanges.pop_back();
    schedulePublish();
}

// Its cost is known to the ledger; requests are counted as clients make them.
void Engine::mirrorFinished(LedgerRow &&row)
{
    LogSink::logRequest(row);
    m_rows.push_back(std::move(row));
    schedulePublish();
}

void Engine::sweep()
{
    m_finished.clear();
    m_mirrors->sweep();
}

void Engine::schedulePublish()
{
    if (!m_publishTimer.isActive()) {
        m_publishDueNs = monotonicNs() + kPublishIntervalMs * 1'000'000;
        m_publishTimer.start();
    }
}

void Engine::flushRows()
{
    if (!m_rows.empty()) {
        std::vector<LedgerRow> rows;
        rows.reserve(m_rows.size());
        rows.swap(m_rows);
        m_output.appendToLedger(std::move(rows));
    }
}

void Engine::publish()
{
    sweep();
    flushRows();
    const ExchangeBatch batch = m_feed.take(int(m_exchanges.size()), m_finishedTotal);
    m_output.metrics->liveEventsDropped(batch.dropped);
    if (const qint64 dueNs = std::exchange(m_publishDueNs, 0); dueNs != 0) {
        m_output.metrics->loopLag((monotonicNs() - dueNs) / 1000);
    }
    m_output.metrics->setConnections(m_door ? m_door->connectionCount() : 0);
    m_output.publish(batch, m_exchanges.empty());
}

void Engine::probe(const BackendConfig &backend, const Secret &key,
                   std::function<void(const BackendTest &)> reply)
{
    KnownSecrets::remember(key);
    const auto done = [this, reply = std::move(reply)](BackendProbe *probe,
                                                       const BackendTest &result) {
        reply(result);
        QMetaObject::invokeMethod(
            this,
            [this, probe] {
                std::erase_if(m_probes,
                              [probe](const auto &owned) { return owned.get() == probe; });
            },
            Qt::QueuedConnection);
    };
    const Lane *lane = m_routes ? m_routes->findLane(view(backend.name)) : nullptr;
    const quint16 localPort = lane ? lane->state->gate.localPort() : quint16(0);
    m_probes.push_back(std::make_unique<BackendProbe>(backend, key, localPort, done));
    m_probes.back()->start(*m_upstream);
}

void Engine::shutDown()
{
    m_mode = Mode::Draining;
    if (m_door) {
        m_door->stopListening();
    }
    while (!m_exchanges.empty()) {
        m_exchanges.back()->cut();
    }
    m_mirrors->cancelAll();
    publish();
    m_subscribers.clear();
    m_adminCalls.reset();
    m_scrapes.reset();
    m_door.reset();
    m_upstream.reset();
    m_probes.clear();
}

} // namespace tidegate
