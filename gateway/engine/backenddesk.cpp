// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/backenddesk.h"

#include "gateway/base/clock.h"
#include "gateway/engine/healthprober.h"

#include <algorithm>
#include <chrono>

namespace tidegate {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds kLookInterval = 500ms;

/// Turns times of the monotonic clock into times of day, as of one instant.
class WallClock
{
public:
    explicit WallClock(qint64 nowNs)
        : m_nowNs(nowNs)
        , m_nowUs(wallClockUs())
    {
    }
    /// Milliseconds since 1970 UTC; 0 for 0.
    [[nodiscard]] qint64 ms(qint64 ns) const
    {
        return ns == 0 ? 0 : (m_nowUs + (ns - m_nowNs) / 1000) / 1000;
    }

private:
    const qint64 m_nowNs;
    const qint64 m_nowUs;
};

BreakerEvent eventOf(const BreakerTransition &transition, const WallClock &clock)
{
    return {clock.ms(transition.atNs), transition.from, transition.to, transition.reason,
            transition.fault};
}

Error noSuchBackend()
{
    return Error{BackendDesk::tr("There is no such backend.")};
}

} // namespace

BackendDesk::BackendDesk(SaveDrained saveDrained, QObject *parent)
    : QObject(parent)
    , m_saveDrained(std::move(saveDrained))
{
    m_timer.setInterval(kLookInterval);
    connect(&m_timer, &QTimer::timeout, this, &BackendDesk::look);
}

void BackendDesk::setConfig(const ConfigPtr &config)
{
    std::vector<LaneStatePtr> states;
    std::vector<Seen> seen;
    for (const BackendConfig &backend : config->backends) {
        const auto known =
            std::find_if(m_states.begin(), m_states.end(),
                         [&backend](const auto &s) { return s->name == backend.name; });
        if (known != m_states.end()) {
            states.push_back(*known);
            seen.push_back(m_seen[size_t(known - m_states.begin())]);
        } else {
            states.push_back(std::make_shared<LaneState>(backend.name));
            states.back()->draining = m_drained.contains(QString::fromUtf8(backend.name));
            seen.emplace_back();
        }
        states.back()->configure(backend, monotonicNs());
    }
    m_config = config;
    m_states = std::move(states);
    m_seen = std::move(seen);
}

void BackendDesk::watch(bool on)
{
    if (on) {
        m_timer.start();
    } else {
        m_timer.stop();
    }
}

void BackendDesk::look()
{
    Q_EMIT aboutToLook();
    const qint64 nowNs = monotonicNs();
    const WallClock clock(nowNs);
    bool news = false;
    for (size_t i = 0; i < m_states.size(); ++i) {
        const LaneState &lane = *m_states[i];
        const BreakerSnapshot breaker = lane.breaker.snapshot(nowNs);
        Seen now;
        now.health = healthOf(m_config->backends[i], lane);
        now.draining = lane.draining.load(std::memory_order_relaxed);
        now.breaker = breaker.state;
        now.openUntilNs = breaker.openUntilNs;
        for (const CredentialInfo &key : lane.credentials.snapshot(nowNs)) {
            now.keys.push_back(key.state);
        }
        now.lastTransitionNs = m_seen[i].lastTransitionNs;
        for (const BreakerTransition &transition : lane.breaker.history()) {
            if (transition.atNs > m_seen[i].lastTransitionNs) {
                now.lastTransitionNs = transition.atNs;
                Q_EMIT breakerChanged(lane.name, eventOf(transition, clock));
            }
        }
        if (now != m_seen[i]) {
            m_seen[i] = std::move(now);
            news = true;
            Q_EMIT backendChanged(lane.name);
        }
    }
    if (news) {
        Q_EMIT changed();
    }
}

LaneState *BackendDesk::find(const QByteArray &name) const
{
    const auto found = std::find_if(m_states.begin(), m_states.end(),
                                    [&name](const auto &state) { return state->name == name; });
    return found == m_states.end() ? nullptr : found->get();
}

std::vector<BackendStatus> BackendDesk::statuses() const
{
    std::vector<BackendStatus> all;
    all.reserve(m_states.size());
    const qint64 nowNs = monotonicNs();
    for (size_t i = 0; i < m_states.size(); ++i) {
        all.push_back(statusOf(m_config->backends[i], *m_states[i], nowNs));
    }
    return all;
}

std::optional<BackendStatus> BackendDesk::status(const QByteArray &name) const
{
    for (size_t i = 0; i < m_states.size(); ++i) {
        if (m_states[i]->name == name) {
            return statusOf(m_config->backends[i], *m_states[i], monotonicNs());
        }
    }
    return std::nullopt;
}

BackendStatus BackendDesk::statusOf(const BackendConfig &backend, const LaneState &lane,
                                    qint64 nowNs) const
{
    const WallClock clock(nowNs);
    BackendStatus status;
    status.name = lane.name;
    const LaneHealth::Snapshot health = lane.health.snapshot();
    status.health = healthOf(backend, lane);
    status.healthReason = health.reason;
    status.checkedAtMs = clock.ms(health.checkedNs);
    for (const QByteArray &model : m_discovered.value(backend.name)) {
        status.discovered.append(QString::fromUtf8(model));
    }
    status.draining = lane.draining.load(std::memory_order_relaxed);
    const LaneQueue::Figures queue = lane.queue.figures();
    status.active = lane.load();
    status.waiting = queue.waiting;
    status.maxConcurrency = queue.maxConcurrency;
    status.maxQueue = queue.maxQueue;

    status.breaker = lane.breaker.snapshot(nowNs);
    status.breakerSinceMs = clock.ms(status.breaker.sinceNs);
    if (status.breaker.openUntilNs != BreakerSnapshot::kUntilReset) {
        status.breakerOpenUntilMs = clock.ms(status.breaker.openUntilNs);
    }
    const std::vector<BreakerTransition> history = lane.breaker.history();
    for (auto it = history.rbegin(); it != history.rend(); ++it) {
        status.breakerHistory.push_back(eventOf(*it, clock));
    }

    status.keys = lane.credentials.snapshot(nowNs);
    for (const CredentialInfo &key : status.keys) {
        status.keysUntilMs.push_back(clock.ms(key.untilNs));
    }

    if (lane.latency.isKnown()) {
        status.latencyMs = int(lane.latency.estimateNs(nowNs) / 1'000'000);
    }
    if (const auto p95 = lane.latency.percentileNs(0.95, nowNs)) {
        status.p95Ms = int(*p95 / 1'000'000);
    }
    return status;
}

Result<Done> BackendDesk::setDraining(const QByteArray &name, bool draining)
{
    LaneState *lane = find(name);
    if (!lane) {
        return noSuchBackend();
    }
    if (lane->draining.exchange(draining) != draining) {
        m_drained.removeAll(QString::fromUtf8(name));
        if (draining) {
            m_drained.append(QString::fromUtf8(name));
        }
        m_saveDrained(m_drained);
    }
    look();
    return Done{};
}

Result<Done> BackendDesk::tripBreaker(const QByteArray &name, int seconds)
{
    LaneState *lane = find(name);
    if (!lane) {
        return noSuchBackend();
    }
    const std::optional<qint64> forMs =
        seconds > 0 ? std::optional(qint64(seconds) * 1000) : std::nullopt;
    lane->breaker.trip(forMs, monotonicNs());
    look();
    return Done{};
}

Result<Done> BackendDesk::resetBreaker(const QByteArray &name)
{
    LaneState *lane = find(name);
    if (!lane) {
        return noSuchBackend();
    }
    lane->breaker.reset(monotonicNs());
    lane->credentials.reset();
    look();
    return Done{};
}

} // namespace tidegate
