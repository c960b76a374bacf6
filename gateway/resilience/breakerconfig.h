// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

namespace tidegate {

/// The `circuit_breaker:` section, or a backend's `breaker:`. See contract.md for the defaults.
struct BreakerConfig
{
    bool enabled = true;         ///< false: never opens by itself; by hand it still does
    int consecutiveFailures = 5; ///< from 1
    double failureRatio = 0.5;   ///< of the window's requests; 0.01…1
    qint64 windowMs = 30'000;    ///< from 1000
    int minRequests = 10;        ///< fewer in the window say nothing about the ratio
    qint64 openMs = 30'000;      ///< the first time; doubles with each probe that fails
    qint64 maxOpenMs = 120'000;  ///< and stops doubling here
    int halfOpenSuccesses = 2;   ///< probes in a row that must succeed

    bool operator==(const BreakerConfig &) const = default;
};

} // namespace tidegate
