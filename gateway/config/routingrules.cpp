// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/routingrules.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tidegate {

namespace {

constexpr std::array<std::pair<RoutingStrategy, const char *>, 5> kStrategies{{
    {RoutingStrategy::Priority, "priority"},
    {RoutingStrategy::Weighted, "weighted"},
    {RoutingStrategy::LeastLatency, "least_latency"},
    {RoutingStrategy::LeastBusy, "least_busy"},
    {RoutingStrategy::Cheapest, "cheapest"},
}};

} // namespace

RetryRule RetryOverrides::over(RetryRule rule) const
{
    rule.maxAttempts = maxAttempts.value_or(rule.maxAttempts);
    rule.backoff.baseMs = backoffMs.value_or(rule.backoff.baseMs);
    rule.backoff.maxMs = maxBackoffMs.value_or(rule.backoff.maxMs);
    // Said alone, the one bound moves the other.
    if (!maxBackoffMs) {
        rule.backoff.maxMs = std::max(rule.backoff.maxMs, rule.backoff.baseMs);
    }
    rule.backoff.baseMs = std::min(rule.backoff.baseMs, rule.backoff.maxMs);
    return rule;
}

BreakerConfig BreakerOverrides::over(BreakerConfig breaker) const
{
    breaker.enabled = enabled.value_or(breaker.enabled);
    breaker.consecutiveFailures = consecutiveFailures.value_or(breaker.consecutiveFailures);
    breaker.failureRatio = failureRatio.value_or(breaker.failureRatio);
    breaker.windowMs = windowMs.value_or(breaker.windowMs);
    breaker.minRequests = minRequests.value_or(breaker.minRequests);
    breaker.openMs = openMs.value_or(breaker.openMs);
    breaker.maxOpenMs = maxOpenMs.value_or(breaker.maxOpenMs);
    breaker.halfOpenSuccesses = halfOpenSuccesses.value_or(breaker.halfOpenSuccesses);
    if (!maxOpenMs) {
        breaker.maxOpenMs = std::max(breaker.maxOpenMs, breaker.openMs);
    }
    breaker.openMs = std::min(breaker.openMs, breaker.maxOpenMs);
    return breaker;
}

UpstreamTimeouts TimeoutOverrides::over(UpstreamTimeouts timeouts) const
{
    timeouts.connectMs = connectMs.value_or(timeouts.connectMs);
    timeouts.firstByteMs = firstByteMs.value_or(timeouts.firstByteMs);
    timeouts.idleMs = idleMs.value_or(timeouts.idleMs);
    timeouts.totalMs = totalMs.value_or(timeouts.totalMs);
    return timeouts;
}

QByteArray routingStrategyName(RoutingStrategy strategy)
{
    for (const auto &[known, name] : kStrategies) {
        if (known == strategy) {
            return name;
        }
    }
    return {};
}

std::optional<RoutingStrategy> routingStrategyFromName(QByteArrayView name)
{
    for (const auto &[strategy, known] : kStrategies) {
        if (name == QByteArrayView(known)) {
            return strategy;
        }
    }
    return std::nullopt;
}

QStringList routingStrategyNames()
{
    QStringList names;
    for (const auto &entry : kStrategies) {
        names.append(QString::fromLatin1(entry.second));
    }
    return names;
}

} // namespace tidegate
