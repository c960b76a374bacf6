// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/demofeed.h"

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

struct Route
{
    const char *asked;
    const char *served;
    const char *backend;
    qint64 firstByteUs;
    qint64 tokenUs; ///< from one token to the next
    bool remote;
    int weight;
    qint64 nanoIn; ///< dollars × 1e-9 for a token
    qint64 nanoOut;
};

constexpr Route kRoutes[] = {
    {"fast", "gpt-4o-mini", "openai", 310'000, 11'000, true, 26, 150, 600},
    {"gpt-4o", "gpt-4o", "openai", 520'000, 17'000, true, 16, 2'500, 10'000},
    {"qwen2.5-7b-instruct", "qwen2.5-7b-instruct", "gpu-box", 95'000, 9'500, false, 22, 0, 0},
    {"llama3.2:3b", "llama3.2:3b", "ollama", 140'000, 22'000, false, 14, 0, 0},
    {"llama-3.3-70b-versatile", "llama-3.3-70b-versatile", "groq", 180'000, 3'400, true, 12, 590,
     790},
    {"nomic-embed-text", "nomic-embed-text", "ollama", 28'000, 0, false, 10, 0, 0},
};

struct Failure
{
    int status;
    const char *code;
    const char *message;
    bool upstream; ///< a backend was asked
};

constexpr Failure kFailures[] = {
    {429, "rate_limit_exceeded", "openai asks to wait 20 seconds: too many requests.", true},
    {502, "upstream_unavailable", "gpu-box refused the connection.", true},
    {504, "upstream_timeout", "No first byte from groq within 30 seconds.", true},
    {404, "model_not_found", "No backend serves the model gpt-5-nano.", false},
    {400, "invalid_request", "messages must not be empty.", false},
};

constexpr qint64 kKeyIds[] = {-1, 2, 3, 4};
constexpr qint64 kTeamIds[] = {-1, 1, 2, 1};
constexpr const char *kPeers[] = {"127.0.0.1", "127.0.0.1", "192.168.1.24", "127.0.0.1"};

} // namespace

DemoFeed::DemoFeed(qint64 startUs, double perSecond, quint64 seed)
    : m_state(seed * 0x9E3779B97F4A7C15ULL + 1)
    , m_perSecond(perSecond)
    , m_nextUs(startUs)
{
}

std::uint32_t DemoFeed::random(std::uint32_t below)
{
    // The standard library's distributions differ between platforms; this does not.
    m_state = m_state * 6364136223846793005ULL + 1442695040888963407ULL;
    const auto value = std::uint32_t(m_state >> 33);
    return value % std::max(below, 1U);
}

qint64 DemoFeed::spread(qint64 middle)
{
    return middle / 2 + qint64(random(std::uint32_t(std::max<qint64>(middle, 1) * 3 / 2)));
}

DemoFeed::Plan DemoFeed::plan(qint64 atUs)
{
    int ticket = int(random(100));
    const Route *route = std::begin(kRoutes);
    while (ticket >= route->weight && route + 1 != std::end(kRoutes)) {
        ticket -= route->weight;
        ++route;
    }
    const bool embedding = route->tokenUs == 0;

    Plan plan;
    ExchangeEvent &event = plan.event;
    event.id = m_nextId++;
    event.endpoint = embedding ? Endpoint::Embeddings : Endpoint::ChatCompletions;
    event.stream = !embedding && random(100) < 82;
    event.startedAtUs = atUs;
    const std::uint32_t who = random(4);
    event.keyId = kKeyIds[who];
    event.teamId = kTeamIds[who];
    event.peer = kPeers[who];
    const std::uint32_t idLow = random(0xFFFF);
    const std::uint32_t idHigh = random(0xFFFFFF);
    event.requestId = "req-" + QByteArray::number(idHigh, 16).rightJustified(6, '0') +
                      QByteArray::number(idLow, 16).rightJustified(4, '0');
    event.method = "POST";
    event.path = embedding ? "/v1/embeddings" : "/v1/chat/completions";
    event.requestedModel = route->asked;
    event.bytesIn = spread(2'400);

    ExchangeTimings &t = plan.timings;
    t.requestReadUs = spread(60);
    t.routedUs = t.requestReadUs + spread(45);
    qint64 cursor = t.routedUs;
    if (route->remote && random(100) < 30) {
        t.connectedUs = cursor += spread(14'000);
        t.tlsUs = cursor += spread(22'000);
    }
    t.sentUs = cursor += spread(120);

    if (random(100) < 6) {
        const Failure &failure = kFailures[random(std::uint32_t(std::size(kFailures)))];
        plan.outcome = ExchangePhase::Failed;
        plan.status = failure.status;
        plan.errorCode = failure.code;
        plan.errorMessage = QString::fromLatin1(failure.message);
        if (failure.upstream) {
            event.backend = route->backend;
            event.servedModel = route->served;
            event.attempts = failure.status == 429 ? 1 : 2;
            t.firstByteUs = failure.status == 429 ? cursor + spread(90'000) : -1;
            t.endUs = failure.status == 504 ? 30'000'000 + spread(9'000) : cursor + spread(120'000);
        } else {
            if (failure.status == 404) {
                event.requestedModel = "gpt-5-nano"; // as the message says
            }
            t.connectedUs = t.tlsUs = t.sentUs = -1;
            t.endUs = t.routedUs + spread(40);
        }
        plan.bytesOut = 280;
        if (failure.upstream) {
            traceRoute(plan);
        }
        return plan;
    }

    event.backend = route->backend;
    event.servedModel = route->served;
    event.attempts = random(100) < 4 ? 2 : 1;
    plan.usage.input = spread(620);
    plan.usage.output = embedding ? 0 : spread(230);
    t.firstByteUs = cursor + spread(route->firstByteUs);
    t.endUs = t.firstByteUs + plan.usage.output * spread(route->tokenUs) + spread(1'500);
    if (!event.stream) {
        // The whole answer comes at once, when it is ready.
        t.firstByteUs = std::max(t.firstByteUs, t.endUs - spread(3'000));
    }
    plan.events = event.stream ? plan.usage.output + 3 : 0;
    plan.bytesOut = event.stream ? plan.events * 210 : plan.usage.output * 5 + 640;
    if (event.stream && random(100) < 4) {
        plan.outcome = ExchangePhase::Cancelled;
        plan.status = 499;
        plan.usage.output = plan.usage.output / 2;
        plan.usage.estimated = true;
        t.endUs = (t.firstByteUs + t.endUs) / 2;
    }
    // A third of a long prompt was there before.
    plan.usage.cachedInput = route->remote && plan.usage.input > 700 ? plan.usage.input / 3 : -1;
    plan.cost =
        Money::fromNano(plan.usage.input * route->nanoIn + plan.usage.output * route->nanoOut);
    traceRoute(plan);
    return plan;
}

void DemoFeed::traceRoute(Plan &plan)
{
    // How long the lane that fails takes to say so.
    constexpr qint64 kFailedUs = 84'000;
    const ExchangeEvent &event = plan.event;
    ExchangeTimings &t = plan.timings;
    if (event.requestedModel == "gpt-4o") {
        plan.trace.skipped("lab-server", "qwen2.5-72b-instruct", RouteStep::Reason::BreakerOpen,
                           t.routedUs - 9, 12'400);
    }
    qint64 startUs = t.routedUs;
    if (event.attempts > 1) {
        struct Lane
        {
            const char *backend;
            const char *model;
        };
        static constexpr Lane kFailing[] = {{"gpu-box", "qwen2.5-7b-instruct"},
                                            {"openai", "gpt-4o-mini"}};
        size_t which = size_t(event.id % std::size(kFailing));
        if (event.backend == kFailing[which].backend) {
            which = (which + 1) % std::size(kFailing);
        }
        const int first = plan.trace.started(kFailing[which].backend, kFailing[which].model,
                                             RouteStep::Kind::Tried, startUs);
        plan.trace.ended(first, RouteStep::Reason::Transient, 503, startUs + kFailedUs,
                         "overloaded");
        startUs += kFailedUs + 40;
        for (qint64 *at : {&t.connectedUs, &t.tlsUs, &t.sentUs, &t.firstByteUs, &t.endUs}) {
            *at += *at >= 0 ? kFailedUs : 0;
        }
    }
    const int last =
        plan.trace.started(event.backend, event.servedModel, RouteStep::Kind::Tried, startUs);
    const bool failed = plan.outcome == ExchangePhase::Failed;
    plan.trace.ended(last,
                     plan.outcome == ExchangePhase::Cancelled ? RouteStep::Reason::Cancelled
                     : plan.status == 429                     ? RouteStep::Reason::RateLimited
                     : failed                                 ? RouteStep::Reason::Transient
                                                              : RouteStep::Reason::Success,
                     plan.status == 499 ? 200 : plan.status, t.endUs,
                     plan.status == 429   ? "rate_limit"
                     : plan.status == 504 ? "timeout"
                     : failed             ? "unreachable"
                                          : "");
}

bool DemoFeed::progress(Plan &plan, qint64 nowUs)
{
    ExchangeEvent &event = plan.event;
    const qint64 elapsedUs = nowUs - event.startedAtUs;
    const ExchangeTimings &t = plan.timings;
    const auto reached = [elapsedUs](qint64 at) { return at >= 0 && at <= elapsedUs ? at : -1; };
    event.timings = {reached(t.requestReadUs), reached(t.routedUs), reached(t.connectedUs),
                     reached(t.tlsUs),         reached(t.sentUs),   reached(t.firstByteUs),
                     reached(t.endUs)};
    bool changed = !plan.told;
    plan.told = true;
    if (event.timings.endUs >= 0) {
        event.phase = plan.outcome;
        event.status = plan.status;
        event.usage = plan.usage;
        event.cost = plan.cost;
        event.streamedEvents = plan.events;
        event.bytesOut = plan.bytesOut;
        event.errorCode = plan.errorCode;
        event.errorMessage = plan.errorMessage;
        event.trace = plan.trace;
        return true;
    }
    if (event.timings.firstByteUs >= 0 && event.stream) {
        event.phase = ExchangePhase::Streaming;
        event.status = 200;
        const qint64 span = std::max<qint64>(1, t.endUs - t.firstByteUs);
        const qint64 events = plan.events * (elapsedUs - t.firstByteUs) / span;
        changed = changed || events != event.streamedEvents;
        event.streamedEvents = events;
        event.bytesOut = events * 210;
    }
    return changed;
}

ExchangeBatch DemoFeed::advance(qint64 nowUs)
{
    while (m_nextUs <= nowUs) {
        m_running.append(plan(m_nextUs));
        m_nextUs += std::max<qint64>(1, spread(qint64(800'000 / m_perSecond)));
    }
    QList<ExchangeEvent> events;
    QList<Plan> still;
    for (Plan &plan : m_running) {
        if (progress(plan, nowUs)) {
            events.append(plan.event);
        }
        if (plan.event.timings.endUs >= 0) {
            ++m_finished;
        } else {
            still.append(std::move(plan));
        }
    }
    m_running = std::move(still);
    return batch(std::move(events));
}

ExchangeBatch DemoFeed::cancelAll(qint64 nowUs)
{
    QList<ExchangeEvent> events;
    for (Plan &plan : m_running) {
        plan.event.phase = ExchangePhase::Cancelled;
        plan.event.status = 499;
        plan.event.timings.endUs = nowUs - plan.event.startedAtUs;
        events.append(plan.event);
        ++m_finished;
    }
    m_running.clear();
    return batch(std::move(events));
}

void DemoFeed::inject(qint64 nowUs, const QByteArray &model, qint64 keyId)
{
    Plan next = plan(nowUs);
    next.event.endpoint = Endpoint::ChatCompletions;
    next.event.path = "/v1/chat/completions";
    next.event.requestedModel = model;
    next.event.keyId = keyId;
    m_running.append(std::move(next));
}

ExchangeBatch DemoFeed::batch(QList<ExchangeEvent> events) const
{
    ExchangeBatch batch;
    batch.events = std::move(events);
    batch.active = int(m_running.size());
    batch.finishedTotal = m_finished;
    return batch;
}

} // namespace tidegate
