// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/resilience/disposition.h"

#include <optional>
#include <utility>

namespace tidegate {

class CircuitBreaker;

/// The leave to send one request to a lane, and the duty to say how it went.
///
/// Movable value, owned by one attempt of an exchange in its engine thread; must not outlive its
/// CircuitBreaker. One that is destroyed without a word has been abandoned: the request counts
/// neither way, and a probe's place is free again.
class BreakerPermit
{
public:
    BreakerPermit() = default;
    ~BreakerPermit() { abandon(); }
    BreakerPermit(BreakerPermit &&other) noexcept
        : m_breaker(std::exchange(other.m_breaker, nullptr))
        , m_generation(other.m_generation)
        , m_probe(other.m_probe)
        , m_counted(other.m_counted)
    {
    }
    BreakerPermit &operator=(BreakerPermit &&other) noexcept;

    /// False: the lane must not be used now.
    explicit operator bool() const { return m_breaker != nullptr; }
    /// True when this request is the one that tries a half-open lane.
    [[nodiscard]] bool isProbe() const { return m_probe; }

    /// Says how the attempt ended, as dispositionRules() has it. @p retryAfterMs only matters for a
    /// failure.
    void settle(const Verdict &verdict, std::optional<qint64> retryAfterMs, qint64 nowNs);
    void success(qint64 nowNs);
    /// @p retryAfterMs, where the backend gave one, keeps the lane closed to requests that long.
    void failure(Fault fault, std::optional<qint64> retryAfterMs, qint64 nowNs);
    /// A long stream is well under way: counts as the success that it is so far, so that a probe of
    /// half an hour does not keep the lane to itself. A failure later still counts as one.
    void underWay(qint64 nowNs);
    /// The client left, or the request was at fault: counts neither way.
    void abandon();

private:
    friend class CircuitBreaker;

    CircuitBreaker *m_breaker = nullptr;
    quint64 m_generation = 0;
    bool m_probe = false;
    bool m_counted = false; ///< as a success, by underWay()
};

} // namespace tidegate
