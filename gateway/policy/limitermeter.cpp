// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/limitermeter.h"

#include <algorithm>

namespace tidegate {

namespace {

qint64 untilMs(qint64 atNs, qint64 nowNs)
{
    return std::max<qint64>(0, (atNs - nowNs + 999'999) / 1'000'000);
}

} // namespace

void LimiterMeter::configure(qint64 limit, LimitAlgorithm algorithm, qint64 nowNs)
{
    const size_t wanted = limit <= 0 ? 0 : algorithm == LimitAlgorithm::TokenBucket ? 1 : 2;
    if (limit == m_limit && wanted == m_state.index()) {
        return;
    }
    m_limit = std::max<qint64>(0, limit);
    auto *bucket = std::get_if<TokenBucket>(&m_state);
    auto *window = std::get_if<SlidingWindow>(&m_state);
    if (wanted == 0) {
        m_state = std::monostate();
        ++m_epoch;
    } else if (bucket && wanted == 1) {
        bucket->setLimit(limit, nowNs);
        ++m_epoch;
    } else if (window && wanted == 2) {
        window->setLimit(limit);
    } else {
        qint64 used = 0;
        if (bucket) {
            used = bucket->limit() - bucket->remaining(nowNs);
        } else if (window) {
            used = window->used(nowNs);
        }
        if (wanted == 1) {
            m_state.emplace<TokenBucket>(limit, nowNs);
        } else {
            m_state.emplace<SlidingWindow>(limit);
        }
        if (used > 0) {
            charge(std::min(used, limit), nowNs);
        }
        ++m_epoch;
    }
}

qint64 LimiterMeter::availableAtNs(qint64 amount, qint64 nowNs)
{
    if (auto *bucket = std::get_if<TokenBucket>(&m_state)) {
        return bucket->availableAtNs(amount, nowNs);
    }
    return std::get<SlidingWindow>(m_state).availableAtNs(amount, nowNs);
}

qint64 LimiterMeter::take(qint64 amount, qint64 nowNs)
{
    if (auto *bucket = std::get_if<TokenBucket>(&m_state)) {
        return bucket->take(amount, nowNs);
    }
    return std::get<SlidingWindow>(m_state).take(amount, nowNs);
}

void LimiterMeter::charge(qint64 amount, qint64 nowNs)
{
    if (auto *bucket = std::get_if<TokenBucket>(&m_state)) {
        bucket->charge(amount, nowNs);
    } else {
        std::get<SlidingWindow>(m_state).take(amount, nowNs);
    }
}

void LimiterMeter::settle(qint64 taken, qint64 used, qint64 mark, quint32 epoch, qint64 nowNs)
{
    auto *bucket = std::get_if<TokenBucket>(&m_state);
    if (epoch != m_epoch) {
        if (used > taken) {
            charge(used - taken, nowNs);
        }
    } else if (bucket) {
        bucket->settle(taken, used, mark, nowNs);
    } else {
        std::get<SlidingWindow>(m_state).settle(taken, used, mark, nowNs);
    }
}

RateStatus LimiterMeter::status(qint64 nowNs)
{
    RateStatus status;
    if (auto *bucket = std::get_if<TokenBucket>(&m_state)) {
        status.limit = bucket->limit();
        status.remaining = bucket->remaining(nowNs);
        status.resetMs = untilMs(bucket->fullAtNs(nowNs), nowNs);
    } else {
        auto &window = std::get<SlidingWindow>(m_state);
        status.limit = window.limit();
        status.remaining = window.remaining(nowNs);
        status.resetMs = untilMs(window.fullAtNs(nowNs), nowNs);
    }
    return status;
}

bool LimiterMeter::isFull(qint64 nowNs)
{
    if (auto *bucket = std::get_if<TokenBucket>(&m_state)) {
        return bucket->fullAtNs(nowNs) == 0;
    }
    auto *window = std::get_if<SlidingWindow>(&m_state);
    return !window || window->used(nowNs) == 0;
}

} // namespace tidegate
