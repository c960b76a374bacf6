// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/resilience/backoff.h"

namespace tidegate {

/// How long things take around a managed backend, milliseconds; shorter in tests.
///
/// Value type, any thread.
struct ManagedTimings
{
    int pollMs = 500;            ///< between two ready checks while it starts
    int tickMs = 1000;           ///< between two looks at one that runs
    int watchMs = 10'000;        ///< between two ready checks of one whose process is not ours
    int killAfterMs = 10'000;    ///< from SIGTERM to SIGKILL
    int quietMs = 200;           ///< without a request before an idle one is really stopped
    int drainMs = 30'000;        ///< what running requests get when it is stopped by hand
    int stopCommandMs = 300'000; ///< what a stop command may take
    int stableMs = 60'000;       ///< after which earlier failures are forgotten
    qint64 secondMs = 1000;      ///< of start_timeout_seconds
    qint64 minuteMs = 60'000;    ///< of idle_minutes
    BackoffConfig restart{.baseMs = 2000, .maxMs = 300'000, .jitter = BackoffConfig::Jitter::Equal};
    BackoffConfig reconnect{
        .baseMs = 1000, .maxMs = 60'000, .jitter = BackoffConfig::Jitter::Equal};
};

} // namespace tidegate
