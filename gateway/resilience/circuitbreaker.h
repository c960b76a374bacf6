// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/resilience/breakerconfig.h"
#include "gateway/resilience/breakerpermit.h"
#include "gateway/resilience/breakersnapshot.h"
#include "gateway/resilience/slidingcounts.h"

#include <array>
#include <mutex>
#include <optional>
#include <vector>

namespace tidegate {

/// Keeps requests from a lane that fails, and finds out with one request at a time when it is well.
///
/// One per lane, shared by all engine threads and the main thread; every function from any of them.
/// One mutex, held for some tens of nanoseconds. Times are monotonic nanoseconds, given by the
/// caller. Reading its state never uses up a probe. What counts is in docs/resilience.md.
class CircuitBreaker
{
public:
    static constexpr int kHistory = 32;

    explicit CircuitBreaker(const BreakerConfig &config = {});
    /// With a seed of its own for the jitter, for tests.
    CircuitBreaker(const BreakerConfig &config, quint64 seed);
    CircuitBreaker(const CircuitBreaker &) = delete;
    CircuitBreaker &operator=(const CircuitBreaker &) = delete;

    /// Asks for leave to send one request.
    [[nodiscard]] BreakerPermit acquire(qint64 nowNs);
    /// True when acquire() would give leave. Takes nothing.
    [[nodiscard]] bool wouldAllow(qint64 nowNs) const;

    /// New rules hold from the next request on; state, counts and history stay.
    void configure(const BreakerConfig &config, qint64 nowNs);
    /// Opens by hand for @p forMs, or until reset(). Holds also when the breaker is switched off.
    void trip(std::optional<qint64> forMs, qint64 nowNs);
    /// Closes by hand and forgets what was counted.
    void reset(qint64 nowNs);

    [[nodiscard]] BreakerSnapshot snapshot(qint64 nowNs) const;
    /// The last transitions, oldest first.
    [[nodiscard]] std::vector<BreakerTransition> history() const;

private:
    friend class BreakerPermit;

    void succeed(BreakerPermit &permit, qint64 nowNs, bool final);
    void fail(BreakerPermit &permit, Fault fault, std::optional<qint64> retryAfterMs, qint64 nowNs);
    void abandon(BreakerPermit &permit);

    [[nodiscard]] bool isCurrent(const BreakerPermit &permit) const;
    void open(BreakerReason reason, std::optional<qint64> retryAfterMs, qint64 nowNs);
    void close(BreakerReason reason, qint64 nowNs);
    void go(BreakerState to, BreakerReason reason, qint64 nowNs);
    [[nodiscard]] qint64 jittered(qint64 ms);

    mutable std::mutex m_mutex;
    BreakerConfig m_config;
    mutable SlidingCounts m_counts; ///< failures and successes
    quint64 m_random;
    quint64 m_generation = 1; ///< permits of an earlier one say nothing about the present state
    qint64 m_openUntilNs = 0;
    qint64 m_sinceNs = 0;
    int m_consecutive = 0;
    int m_streak = 0;
    int m_probesSucceeded = 0;
    bool m_probeRunning = false;
    BreakerState m_state = BreakerState::Closed;
    BreakerReason m_reason = BreakerReason::None;
    Fault m_fault = Fault::None;
    std::array<BreakerTransition, kHistory> m_history;
    size_t m_transitions = 0; ///< of all time
    BreakerSnapshot::Entered m_entered = {};
};

} // namespace tidegate
