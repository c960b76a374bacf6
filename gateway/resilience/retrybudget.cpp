// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/retrybudget.h"

#include <algorithm>

namespace tidegate {

RetryBudget::RetryBudget(const RetryBudgetConfig &config)
    : m_config(config)
    , m_counts(config.windowMs)
{
}

void RetryBudget::configure(const RetryBudgetConfig &config, qint64 nowNs)
{
    const std::lock_guard lock(m_mutex);
    m_config = config;
    m_counts.setWindow(config.windowMs, nowNs);
}

void RetryBudget::request(qint64 nowNs)
{
    const std::lock_guard lock(m_mutex);
    m_counts.add(1, 0, nowNs);
}

bool RetryBudget::takeRetry(qint64 nowNs)
{
    const std::lock_guard lock(m_mutex);
    if (left(nowNs) <= 0) {
        return false;
    }
    m_counts.add(0, 1, nowNs);
    return true;
}

bool RetryBudget::takeRetry(RetryBudget &backend, RetryBudget &overall, qint64 nowNs)
{
    Q_ASSERT(&backend != &overall);
    const std::scoped_lock lock(backend.m_mutex, overall.m_mutex);
    if (backend.left(nowNs) <= 0 || overall.left(nowNs) <= 0) {
        return false;
    }
    backend.m_counts.add(0, 1, nowNs);
    overall.m_counts.add(0, 1, nowNs);
    return true;
}

qint64 RetryBudget::retriesLeft(qint64 nowNs) const
{
    const std::lock_guard lock(m_mutex);
    return std::max<qint64>(0, left(nowNs));
}

qint64 RetryBudget::left(qint64 nowNs) const
{
    m_counts.advance(nowNs);
    // A hair more, so that 0.2 of 5 requests is one retry whatever binary fractions make of it.
    constexpr double kRounding = 1e-6;
    const double allowed = m_config.ratio * double(m_counts.first()) +
                           m_config.minRetriesPerSecond * double(m_config.windowMs) / 1000;
    return qint64(allowed + kRounding) - m_counts.second();
}

} // namespace tidegate
