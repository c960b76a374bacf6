// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/tokenbucket.h"

#include <algorithm>

namespace tidegate {

namespace {

constexpr qint64 kMinuteUs = 60'000'000;
// Keeps every sum within 64 bits. An overdraft of more than this many tokens is counted as this.
constexpr qint64 kMaxAmount = 5 * TokenBucket::kMaxLimit;
constexpr qint64 kLowest = -kMaxAmount * kMinuteUs;

qint64 units(qint64 amount)
{
    return std::clamp<qint64>(amount, 0, kMaxAmount) * kMinuteUs;
}

} // namespace

TokenBucket::TokenBucket(qint64 limit, qint64 nowNs)
    : m_limit(std::clamp<qint64>(limit, 1, kMaxLimit))
    , m_level(capacity())
    , m_best(capacity())
    , m_atUs(nowNs / 1000)
{
}

qint64 TokenBucket::capacity() const
{
    return m_limit * kMinuteUs;
}

qint64 TokenBucket::fillTimeUs(qint64 units) const
{
    return units <= 0 ? 0 : (units + m_limit - 1) / m_limit;
}

void TokenBucket::advance(qint64 nowNs)
{
    // Threads read the clock before they take the lock, so time may seem to step back a little.
    const qint64 elapsedUs = nowNs / 1000 - m_atUs;
    if (elapsedUs <= 0) {
        return;
    }
    m_atUs += elapsedUs;
    const auto filled = [&](qint64 level) {
        return elapsedUs >= fillTimeUs(capacity() - level) ? capacity()
                                                           : level + m_limit * elapsedUs;
    };
    m_level = filled(m_level);
    const qint64 untilFullUs = (capacity() - m_best) / m_limit;
    const qint64 fullUs = std::max<qint64>(0, elapsedUs - untilFullUs);
    m_bestFullUs += fullUs;
    if (m_open > 0) {
        const qint64 room = -kLowest - m_missed;
        m_missed += fullUs >= room / m_limit ? room : fullUs * m_limit;
    }
    m_best = filled(m_best);
}

void TokenBucket::setLimit(qint64 limit, qint64 nowNs)
{
    advance(nowNs);
    const qint64 used = capacity() - m_level;
    const qint64 overdrawn = std::max<qint64>(0, -m_level);
    const qint64 reserved = m_best - m_level;
    m_limit = std::clamp<qint64>(limit, 1, kMaxLimit);
    m_level = capacity() - std::min(used, capacity() + overdrawn);
    m_best = std::min(capacity(), m_level + reserved);
    m_missed = 0; // reservations from before a change get no refund
    m_open = 0;
}

qint64 TokenBucket::availableAtNs(qint64 amount, qint64 nowNs)
{
    advance(nowNs);
    if (amount > m_limit) {
        return -1;
    }
    const qint64 missing = units(amount) - m_level;
    return missing <= 0 ? 0 : (m_atUs + fillTimeUs(missing)) * 1000;
}

void TokenBucket::lower(qint64 by)
{
    m_level = std::max(kLowest, m_level - by);
}

qint64 TokenBucket::take(qint64 amount, qint64 nowNs)
{
    advance(nowNs);
    lower(units(amount));
    ++m_open;
    return m_bestFullUs;
}

void TokenBucket::charge(qint64 amount, qint64 nowNs)
{
    advance(nowNs);
    lower(units(amount));
    m_best = std::max(m_level, m_best - units(amount));
}

void TokenBucket::settle(qint64 taken, qint64 used, qint64 mark, qint64 nowNs)
{
    advance(nowNs);
    // Refill that came while the bucket would have been full had nothing been reserved: the most
    // that a smaller reservation can have made the bucket miss. What was used made room for it.
    const qint64 missed = std::min(kMinuteUs, m_bestFullUs - mark) * m_limit;
    const qint64 usedUnits = units(used);
    m_best = std::max(kLowest, m_best - std::max<qint64>(0, usedUnits - missed));
    if (used > taken) {
        lower(usedUnits - units(taken));
    } else {
        const qint64 unused = units(taken) - usedUnits;
        const qint64 lost = std::clamp<qint64>(std::min(missed, m_missed) - usedUnits, 0, unused);
        m_missed -= lost;
        m_level = std::min(capacity(), m_level + unused - lost);
    }
    m_best = std::max(m_best, m_level);
    if (--m_open == 0) {
        m_missed = 0;
    }
}

qint64 TokenBucket::remaining(qint64 nowNs)
{
    advance(nowNs);
    return std::max<qint64>(0, m_level) / kMinuteUs;
}

qint64 TokenBucket::fullAtNs(qint64 nowNs)
{
    advance(nowNs);
    return m_level == capacity() ? 0 : (m_atUs + fillTimeUs(capacity() - m_level)) * 1000;
}

} // namespace tidegate
