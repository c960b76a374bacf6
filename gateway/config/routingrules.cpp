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
    rule.backoffMs = backoffMs.value_or(rule.backoffMs);
    // Said alone, the one bound moves the other.
    rule.maxBackoffMs =
        std::max(maxBackoffMs.value_or(rule.maxBackoffMs), backoffMs ? rule.backoffMs : 0);
    rule.backoffMs = std::min(rule.backoffMs, rule.maxBackoffMs);
    return rule;
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
