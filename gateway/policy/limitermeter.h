// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/policy/limiterscope.h"
#include "gateway/policy/slidingwindow.h"
#include "gateway/policy/tokenbucket.h"

#include <variant>

namespace tidegate {

/// One rate of one scope, counted by the algorithm that its rule asks for.
///
/// Value without a lock, used under the Limiter's. Off until configure() gives it a limit.
class LimiterMeter
{
public:
    /// A change keeps what is used. 0: off, and what was used is forgotten.
    void configure(qint64 limit, LimitAlgorithm algorithm, qint64 nowNs);
    [[nodiscard]] bool isOn() const { return m_state.index() != 0; }
    /// Changes when marks of earlier takes have lost their meaning.
    [[nodiscard]] quint32 epoch() const { return m_epoch; }

    /// As in TokenBucket and SlidingWindow. None of these may be called while the meter is off.
    [[nodiscard]] qint64 availableAtNs(qint64 amount, qint64 nowNs);
    qint64 take(qint64 amount, qint64 nowNs);
    /// Takes for good: nothing is settled later.
    void charge(qint64 amount, qint64 nowNs);
    /// A take of another epoch gets no refund; what was used beyond it counts from now.
    void settle(qint64 taken, qint64 used, qint64 mark, quint32 epoch, qint64 nowNs);
    [[nodiscard]] RateStatus status(qint64 nowNs);

    /// Nothing is used, so that forgetting the meter changes nothing.
    [[nodiscard]] bool isFull(qint64 nowNs);

private:
    std::variant<std::monostate, TokenBucket, SlidingWindow> m_state;
    qint64 m_limit = 0;
    quint32 m_epoch = 0;
};

} // namespace tidegate
