// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/metricsscraper.h"

#include "gateway/base/clock.h"
#include "gateway/engine/healthprober.h"
#include "gateway/policy/pricetable.h"

#include <QDateTime>
#include <QTimeZone>

namespace tidegate {

namespace {

// As many keys and more as have counters of their own. Beyond them names are not learnt.
constexpr qsizetype kMaxKeyNames = 10'000;

// A name of a closed set, as the figures have it.
QByteArray named(std::string_view name)
{
    return {name.data(), qsizetype(name.size())};
}

void addStates(GatewayFigures::Backend &figures, const Lane &lane)
{
    const qint64 nowNs = monotonicNs();
    const LaneState &state = *lane.state;
    figures.health = named(backendHealthName(healthOf(*lane.backend, state)));
    figures.draining = state.draining.load(std::memory_order_relaxed);
    const BreakerSnapshot breaker = state.breaker.snapshot(nowNs);
    figures.breaker = named(breakerStateName(breaker.state));
    figures.breakerTransitions.assign(breaker.entered.begin(), breaker.entered.end());
    figures.keys.resize(size_t(GatewayFigures::keyStateNames().size()));
    for (const CredentialInfo &key : state.credentials.snapshot(nowNs)) {
        ++figures.keys[size_t(key.state)];
    }
    const LaneQueue::Figures queue = state.queue.figures();
    figures.waiting = queue.waiting;
    figures.queueRefused = queue.refused;
    figures.queueTimedOut = queue.timedOut;
}

} // namespace

MetricsScraper::MetricsScraper(Sources sources)
    : m_sources(std::move(sources))
{
    m_pool.setMaxThreadCount(1);
    m_pool.setExpiryTimeout(5'000);
    m_pool.setObjectName(QStringLiteral("metrics"));
}

void MetricsScraper::setRoutes(RoutesPtr routes)
{
    const std::lock_guard lock(m_mutex);
    m_routes = std::move(routes);
}

void MetricsScraper::scrape(const AdminRequest &request)
{
    m_pool.start([this, request] {
        const MetricsFormat format =
            metricsFormatFor({request.accept.constData(), size_t(request.accept.size())});
        ResponseHead head(200);
        head.add("content-type", contentType(format));
        request.reply->send(head, renderPrometheus(m_metrics.figures(), state(), format));
    });
}

void MetricsScraper::finish()
{
    m_pool.waitForDone();
}

GatewayFigures MetricsScraper::state()
{
    RoutesPtr routes;
    {
        const std::lock_guard lock(m_mutex);
        routes = m_routes;
    }
    GatewayFigures state;
    state.startedAtUs = m_metrics.startedAtUs();
    state.process = ProcessFigures::read();
    if (m_sources.logLinesDropped) {
        state.logLinesDropped = m_sources.logLinesDropped();
    }
    if (m_sources.ledger) {
        state.ledger = m_sources.ledger();
    }
    if (!routes) {
        return state;
    }
    const ConfigSnapshot &config = *routes->config();
    state.configRevision = config.revision;
    for (const Lane &lane : routes->lanes()) {
        GatewayFigures::Backend &backend = state.backends.emplace_back();
        backend.name = lane.backend->name;
        backend.inFlight = lane.state->load();
        const auto reachability = lane.state->reachability.load(std::memory_order_relaxed);
        if (reachability != LaneState::Reachability::Unknown) {
            backend.reachable = reachability == LaneState::Reachability::Reachable;
        }
        addStates(backend, lane);
    }
    for (const auto &key : config.keys.all()) {
        if (m_keyNames.size() < kMaxKeyNames || m_keyNames.contains(key->id)) {
            m_keyNames.insert(key->id, key->name.toUtf8());
        }
    }
    state.keyNames = m_keyNames;
    if (m_sources.budgets) {
        state.budgets = m_sources.budgets(config);
    }
    if (config.prices) {
        state.prices = qint64(config.prices->entries().size());
        if (const QDate date = config.prices->updated(); date.isValid()) {
            const qint64 fromSeconds = date.startOfDay(QTimeZone::utc()).toSecsSinceEpoch();
            state.priceAgeSeconds = wallClockUs() / 1'000'000 - fromSeconds;
        }
    }
    return state;
}

} // namespace tidegate
