// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/resilience/backoff.h"
#include "gateway/resilience/breakerconfig.h"
#include "gateway/upstream/upstreamclient.h"

#include <QByteArray>
#include <QByteArrayView>
#include <QStringList>

#include <optional>

namespace tidegate {

// What a model or a backend says about how its requests travel. Value types, any thread. Defaults
// and meaning: docs/routing.md.

/// In which order the targets of a model are tried.
enum class RoutingStrategy : quint8
{
    Priority,     ///< by number, else as listed
    Weighted,     ///< at random, by weight
    LeastLatency, ///< the faster of two drawn at random
    LeastBusy,    ///< fewest requests in flight for its weight
    Cheapest,     ///< by price; unknown prices last
};

/// Requests that belong together go to the same target while it is there.
struct AffinityRule
{
    enum class By : quint8
    {
        Off,
        Header,
        PromptPrefix
    };
    By by = By::Off;
    QByteArray header;      ///< lower case, for Header
    int prefixBytes = 1024; ///< how much of the prompt counts, for PromptPrefix

    bool operator==(const AffinityRule &) const = default;
};

/// A second target is tried when the first has not answered for a while.
struct HedgeRule
{
    bool enabled = false;
    int afterMs = 0; ///< 0: the 95th percentile of the first target's recent times

    bool operator==(const HedgeRule &) const = default;
};

/// A part of the requests is also sent elsewhere, for comparison; nobody gets those answers.
struct MirrorRule
{
    QByteArray backend; ///< empty: none
    QByteArray model;   ///< as that backend calls it
    double percent = 100;

    bool operator==(const MirrorRule &) const = default;
};

/// How often a backend is asked for one request, and how long is waited in between.
struct RetryRule
{
    int maxAttempts = 2; ///< the first one counted
    BackoffConfig backoff;

    bool operator==(const RetryRule &) const = default;
};

/// A model's own wishes, over those of the backend.
struct RetryOverrides
{
    std::optional<int> maxAttempts;
    std::optional<qint64> backoffMs;
    std::optional<qint64> maxBackoffMs;

    [[nodiscard]] RetryRule over(RetryRule rule) const;
    bool operator==(const RetryOverrides &) const = default;
};

/// A model's own time limits, over those of the backend; milliseconds, 0 means none.
struct TimeoutOverrides
{
    std::optional<int> connectMs;
    std::optional<int> firstByteMs;
    std::optional<int> idleMs;
    std::optional<int> totalMs;

    [[nodiscard]] UpstreamTimeouts over(UpstreamTimeouts timeouts) const;
    bool operator==(const TimeoutOverrides &) const = default;
};

/// A backend's own wishes, over those of the whole gateway.
struct BreakerOverrides
{
    std::optional<bool> enabled;
    std::optional<int> consecutiveFailures;
    std::optional<double> failureRatio;
    std::optional<qint64> windowMs;
    std::optional<int> minRequests;
    std::optional<qint64> openMs;
    std::optional<qint64> maxOpenMs;
    std::optional<int> halfOpenSuccesses;

    [[nodiscard]] BreakerConfig over(BreakerConfig breaker) const;
    bool operator==(const BreakerOverrides &) const = default;
};

/// How a backend is asked whether it is well.
struct HealthRule
{
    bool enabled = true;
    QByteArray path; ///< of the server, e.g. /health; empty: what suits the backend's type
    int intervalSeconds = 30;
    int timeoutMs = 5000;
    int healthyAfter = 1;   ///< good answers in a row
    int unhealthyAfter = 3; ///< failures in a row
    QByteArray model;       ///< must be served for the backend to be well; empty: any

    bool operator==(const HealthRule &) const = default;
};

/// "priority", …, as in the file.
[[nodiscard]] QByteArray routingStrategyName(RoutingStrategy strategy);
[[nodiscard]] std::optional<RoutingStrategy> routingStrategyFromName(QByteArrayView name);
/// All of them, in the order of the documentation.
[[nodiscard]] QStringList routingStrategyNames();

} // namespace tidegate
