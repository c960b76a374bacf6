// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

namespace tidegate {

/// A rate that fills evenly: holds at most a minute's worth and refills that in a minute.
///
/// Value without a lock, used under the Limiter's. Exact integers. What is really used in any
/// stretch of T seconds stays within limit * (1 + T / 60), also with refunds that come late: a
/// refund gives back no more than the bucket would hold had the true amount been taken at first.
class TokenBucket
{
public:
    static constexpr qint64 kMaxLimit = 10'000'000'000;

    /// Full. @p limit per minute, from 1; counted as kMaxLimit beyond that.
    TokenBucket(qint64 limit, qint64 nowNs);

    /// Keeps what is used, but never more than the new limit besides what was overdrawn.
    void setLimit(qint64 limit, qint64 nowNs);
    /// When @p amount can be taken if nothing else is: 0 for at once, -1 for never.
    [[nodiscard]] qint64 availableAtNs(qint64 amount, qint64 nowNs);
    /// Reserves, whether available or not. The mark is for settle(), which has to follow.
    qint64 take(qint64 amount, qint64 nowNs);
    /// Takes for good, whether available or not.
    void charge(qint64 amount, qint64 nowNs);
    /// Corrects what was taken to what was used. More than taken overdraws the bucket.
    void settle(qint64 taken, qint64 used, qint64 mark, qint64 nowNs);

    [[nodiscard]] qint64 limit() const { return m_limit; }
    [[nodiscard]] qint64 remaining(qint64 nowNs);
    /// 0 when it is full.
    [[nodiscard]] qint64 fullAtNs(qint64 nowNs);

private:
    void advance(qint64 nowNs);
    [[nodiscard]] qint64 capacity() const;
    [[nodiscard]] qint64 fillTimeUs(qint64 units) const;
    void lower(qint64 units);

    // One token is a minute's microseconds of units, so that `limit` units come in each
    // microsecond.
    qint64 m_limit;
    qint64 m_level;
    // The level if all that is reserved and not settled turned out to be unused, and for how long
    // that has been full.
    qint64 m_best;
    qint64 m_bestFullUs = 0;
    // Refill that came meanwhile and that the bucket would have missed without the reservations:
    // their refunds together are lower by it, each unit once.
    qint64 m_missed = 0;
    int m_open = 0; ///< reservations not settled
    qint64 m_atUs;
};

} // namespace tidegate
