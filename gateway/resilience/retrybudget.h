// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/resilience/slidingcounts.h"

#include <mutex>

namespace tidegate {

struct RetryBudgetConfig
{
    double ratio = 0.2;             ///< retries for each request; 0…10
    double minRetriesPerSecond = 1; ///< besides, so that a quiet gateway may retry at all
    qint64 windowMs = 10'000;

    bool operator==(const RetryBudgetConfig &) const = default;
};

/// Bounds retries to a share of requests, so that they cannot storm a backend that is in trouble.
///
/// One per backend and one for all, shared by all engine threads; every function from any of them.
/// In any window: retries <= ratio * requests + minRetriesPerSecond * seconds.
class RetryBudget
{
public:
    explicit RetryBudget(const RetryBudgetConfig &config = {});
    RetryBudget(const RetryBudget &) = delete;
    RetryBudget &operator=(const RetryBudget &) = delete;

    void configure(const RetryBudgetConfig &config, qint64 nowNs);
    /// Counts a request: once for each that a client sent, not for its retries.
    void request(qint64 nowNs);
    /// Takes one retry. False when there is none left.
    [[nodiscard]] bool takeRetry(qint64 nowNs);
    /// Takes one from both or from none.
    [[nodiscard]] static bool takeRetry(RetryBudget &backend, RetryBudget &overall, qint64 nowNs);

    /// Retries that could be taken now.
    [[nodiscard]] qint64 retriesLeft(qint64 nowNs) const;

private:
    [[nodiscard]] qint64 left(qint64 nowNs) const;

    mutable std::mutex m_mutex;
    RetryBudgetConfig m_config;
    mutable SlidingCounts m_counts; ///< requests and retries
};

} // namespace tidegate
