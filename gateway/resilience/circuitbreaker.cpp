// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/circuitbreaker.h"

#include "gateway/resilience/jitter.h"
#include "gateway/resilience/retryafter.h"

#include <QRandomGenerator>

#include <algorithm>

namespace tidegate {

namespace {

constexpr qint64 kNsPerMs = 1'000'000;
constexpr double kJitter = 0.1;
// Doubling further than this passes any maximum.
constexpr int kMaxStreak = 30;

qint64 cappedNs(qint64 ms)
{
    return std::clamp<qint64>(ms, 0, RetryAfter::kMaxMs) * kNsPerMs;
}

} // namespace

CircuitBreaker::CircuitBreaker(const BreakerConfig &config)
    : CircuitBreaker(config, QRandomGenerator::global()->generate64())
{
}

CircuitBreaker::CircuitBreaker(const BreakerConfig &config, quint64 seed)
    : m_config(config)
    , m_counts(config.windowMs)
    , m_random(seed)
{
}

BreakerPermit CircuitBreaker::acquire(qint64 nowNs)
{
    BreakerPermit permit;
    const std::lock_guard lock(m_mutex);
    if (m_state == BreakerState::Open) {
        if (nowNs < m_openUntilNs) {
            return permit;
        }
        if (m_reason == BreakerReason::RetryAfter || !m_config.enabled) {
            go(BreakerState::Closed, BreakerReason::TimeOver, nowNs);
        } else {
            ++m_generation;
            m_probesSucceeded = 0;
            m_probeRunning = false;
            go(BreakerState::HalfOpen, BreakerReason::TimeOver, nowNs);
        }
    }
    if (m_state == BreakerState::HalfOpen) {
        if (m_probeRunning) {
            return permit;
        }
        m_probeRunning = true;
        permit.m_probe = true;
    }
    permit.m_breaker = this;
    permit.m_generation = m_generation;
    return permit;
}

bool CircuitBreaker::wouldAllow(qint64 nowNs) const
{
    const std::lock_guard lock(m_mutex);
    switch (m_state) {
    case BreakerState::Closed:
        return true;
    case BreakerState::Open:
        return nowNs >= m_openUntilNs;
    case BreakerState::HalfOpen:
        return !m_probeRunning;
    }
    return false;
}

void CircuitBreaker::configure(const BreakerConfig &config, qint64 nowNs)
{
    const std::lock_guard lock(m_mutex);
    m_config = config;
    m_counts.setWindow(config.windowMs, nowNs);
    const bool byHand = m_state == BreakerState::Open && m_reason == BreakerReason::ByHand;
    if (!config.enabled && m_state != BreakerState::Closed && !byHand) {
        close(BreakerReason::SwitchedOff, nowNs);
    } else if (m_state == BreakerState::HalfOpen && m_probesSucceeded >= config.halfOpenSuccesses) {
        close(BreakerReason::ProbesSucceeded, nowNs);
    }
}

void CircuitBreaker::trip(std::optional<qint64> forMs, qint64 nowNs)
{
    const std::lock_guard lock(m_mutex);
    ++m_generation;
    m_probeRunning = false;
    m_openUntilNs = forMs ? nowNs + cappedNs(*forMs) : BreakerSnapshot::kUntilReset;
    go(BreakerState::Open, BreakerReason::ByHand, nowNs);
}

void CircuitBreaker::reset(qint64 nowNs)
{
    const std::lock_guard lock(m_mutex);
    close(BreakerReason::ByHand, nowNs);
}

BreakerSnapshot CircuitBreaker::snapshot(qint64 nowNs) const
{
    const std::lock_guard lock(m_mutex);
    m_counts.advance(nowNs);
    BreakerSnapshot snapshot;
    snapshot.state = m_state;
    snapshot.reason = m_reason;
    snapshot.fault = m_fault;
    snapshot.sinceNs = m_sinceNs;
    snapshot.enabled = m_config.enabled;
    snapshot.consecutiveFailures = m_consecutive;
    snapshot.failures = m_counts.first();
    snapshot.requests = m_counts.first() + m_counts.second();
    snapshot.streak = m_streak;
    snapshot.entered = m_entered;
    if (m_state == BreakerState::Open && nowNs < m_openUntilNs) {
        snapshot.openUntilNs = m_openUntilNs;
    } else if (m_state == BreakerState::Open) {
        // What the next request will find. It is that request which makes the transition.
        const bool closes = m_reason == BreakerReason::RetryAfter || !m_config.enabled;
        snapshot.state = closes ? BreakerState::Closed : BreakerState::HalfOpen;
        snapshot.reason = BreakerReason::TimeOver;
        snapshot.sinceNs = m_openUntilNs;
    }
    if (snapshot.state == BreakerState::HalfOpen) {
        snapshot.probeRunning = m_probeRunning;
        snapshot.probesSucceeded = m_state == BreakerState::HalfOpen ? m_probesSucceeded : 0;
        snapshot.probesNeeded = m_config.halfOpenSuccesses;
    }
    return snapshot;
}

std::vector<BreakerTransition> CircuitBreaker::history() const
{
    const std::lock_guard lock(m_mutex);
    std::vector<BreakerTransition> history;
    const size_t kept = std::min(m_transitions, m_history.size());
    history.reserve(kept);
    for (size_t i = m_transitions - kept; i < m_transitions; ++i) {
        history.push_back(m_history[i % m_history.size()]);
    }
    return history;
}

void CircuitBreaker::succeed(BreakerPermit &permit, qint64 nowNs, bool final)
{
    const std::lock_guard lock(m_mutex);
    if (permit.m_counted || !isCurrent(permit)) {
        return;
    }
    if (m_state == BreakerState::HalfOpen) {
        m_probeRunning = false;
        m_consecutive = 0;
        ++m_probesSucceeded;
        if (m_probesSucceeded >= m_config.halfOpenSuccesses) {
            close(BreakerReason::ProbesSucceeded, nowNs);
        }
    } else {
        m_consecutive = 0;
        m_counts.add(0, 1, nowNs);
        if (m_state == BreakerState::Closed) {
            m_fault = Fault::None;
        }
    }
    if (!final) {
        permit.m_counted = true;
        permit.m_probe = false;
    }
}

void CircuitBreaker::fail(BreakerPermit &permit, Fault fault, std::optional<qint64> retryAfterMs,
                          qint64 nowNs)
{
    const std::lock_guard lock(m_mutex);
    // A stream that was under way and dies tells of the lane as it is now, however old it is.
    const bool countsNow = permit.m_counted && m_state != BreakerState::Open;
    if (!isCurrent(permit) && !countsNow) {
        if (m_state == BreakerState::Open && m_openUntilNs != BreakerSnapshot::kUntilReset) {
            m_openUntilNs = std::max(m_openUntilNs, nowNs + cappedNs(retryAfterMs.value_or(0)));
        }
        return;
    }
    m_fault = fault;
    if (m_state == BreakerState::HalfOpen) {
        open(BreakerReason::ProbeFailed, retryAfterMs, nowNs);
        return;
    }
    ++m_consecutive;
    m_counts.add(1, 0, nowNs);
    if (!m_config.enabled) {
        return;
    }
    const qint64 requests = m_counts.first() + m_counts.second();
    if (m_consecutive >= m_config.consecutiveFailures) {
        open(BreakerReason::ConsecutiveFailures, retryAfterMs, nowNs);
    } else if (requests >= m_config.minRequests &&
               double(m_counts.first()) >= m_config.failureRatio * double(requests)) {
        open(BreakerReason::FailureRatio, retryAfterMs, nowNs);
    } else if (retryAfterMs.value_or(0) > 0) {
        // The backend is well and said when to come back: no probes then, and no longer than that.
        const bool wasOpen = m_state == BreakerState::Open;
        m_openUntilNs =
            std::max(wasOpen ? m_openUntilNs : qint64(0), nowNs + cappedNs(*retryAfterMs));
        if (!wasOpen) {
            go(BreakerState::Open, BreakerReason::RetryAfter, nowNs);
        }
    }
}

void CircuitBreaker::abandon(BreakerPermit &permit)
{
    const std::lock_guard lock(m_mutex);
    if (isCurrent(permit) && permit.m_probe) {
        m_probeRunning = false;
    }
}

bool CircuitBreaker::isCurrent(const BreakerPermit &permit) const
{
    return permit.m_generation == m_generation;
}

void CircuitBreaker::open(BreakerReason reason, std::optional<qint64> retryAfterMs, qint64 nowNs)
{
    const qint64 longest = std::max(m_config.maxOpenMs, m_config.openMs);
    qint64 ms = m_config.openMs;
    for (int i = 0; i < m_streak && ms < longest; ++i) {
        ms *= 2;
    }
    const qint64 askedUntilNs = m_state == BreakerState::Open ? m_openUntilNs : 0;
    m_openUntilNs = std::max({nowNs + jittered(std::min(ms, longest)) * kNsPerMs,
                              nowNs + cappedNs(retryAfterMs.value_or(0)), askedUntilNs});
    m_streak = std::min(m_streak + 1, kMaxStreak);
    m_probeRunning = false;
    ++m_generation;
    go(BreakerState::Open, reason, nowNs);
}

void CircuitBreaker::close(BreakerReason reason, qint64 nowNs)
{
    ++m_generation;
    m_streak = 0;
    m_consecutive = 0;
    m_probesSucceeded = 0;
    m_probeRunning = false;
    m_openUntilNs = 0;
    m_counts.clear();
    if (m_state != BreakerState::Closed) {
        go(BreakerState::Closed, reason, nowNs);
    }
    m_fault = Fault::None;
}

void CircuitBreaker::go(BreakerState to, BreakerReason reason, qint64 nowNs)
{
    m_history[m_transitions % m_history.size()] = {
        nowNs, m_state, to, reason, to == BreakerState::Open ? m_fault : Fault::None};
    ++m_transitions;
    ++m_entered[size_t(to)];
    m_state = to;
    m_reason = reason;
    m_sinceNs = nowNs;
}

qint64 CircuitBreaker::jittered(qint64 ms)
{
    return qint64(double(ms) * (1.0 - kJitter + 2.0 * kJitter * nextUnit(m_random)));
}

BreakerPermit &BreakerPermit::operator=(BreakerPermit &&other) noexcept
{
    if (this != &other) {
        abandon();
        m_breaker = std::exchange(other.m_breaker, nullptr);
        m_generation = other.m_generation;
        m_probe = other.m_probe;
        m_counted = other.m_counted;
    }
    return *this;
}

void BreakerPermit::settle(const Verdict &verdict, std::optional<qint64> retryAfterMs, qint64 nowNs)
{
    const DispositionRule &rule = ruleFor(verdict.disposition);
    if (rule.countsForLane) {
        success(nowNs);
    } else if (rule.countsAgainstLane) {
        failure(verdict.fault, retryAfterMs, nowNs);
    } else {
        abandon();
    }
}

void BreakerPermit::success(qint64 nowNs)
{
    if (CircuitBreaker *breaker = std::exchange(m_breaker, nullptr)) {
        breaker->succeed(*this, nowNs, true);
    }
}

void BreakerPermit::failure(Fault fault, std::optional<qint64> retryAfterMs, qint64 nowNs)
{
    if (CircuitBreaker *breaker = std::exchange(m_breaker, nullptr)) {
        breaker->fail(*this, fault, retryAfterMs, nowNs);
    }
}

void BreakerPermit::underWay(qint64 nowNs)
{
    if (m_breaker) {
        m_breaker->succeed(*this, nowNs, false);
    }
}

void BreakerPermit::abandon()
{
    CircuitBreaker *breaker = std::exchange(m_breaker, nullptr);
    if (breaker && m_probe) {
        breaker->abandon(*this);
    }
}

} // namespace tidegate
