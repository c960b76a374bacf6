// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/managed/managedstatus.h"
#include "gateway/resilience/breakersnapshot.h"
#include "gateway/resilience/credentials.h"
#include "gateway/resilience/lanehealth.h"

#include <QByteArray>
#include <QString>
#include <QStringList>

#include <vector>

namespace tidegate {

/// One transition of a breaker, for people.
struct BreakerEvent
{
    qint64 atMs = 0; ///< wall clock, milliseconds since 1970 UTC
    BreakerState from = BreakerState::Closed;
    BreakerState to = BreakerState::Closed;
    BreakerReason reason = BreakerReason::None;
    Fault fault = Fault::None;
};

/// All there is to see of one backend at one instant; a copy, for the panel, the admin API, /ready
/// and the metrics.
///
/// Times ending in Ms are wall clock, milliseconds since 1970 UTC; 0: not known or never.
struct BackendStatus
{
    QByteArray name;

    BackendHealth health = BackendHealth::Unknown;
    QString healthReason; ///< one sentence for people; empty when there is nothing to say
    qint64 checkedAtMs = 0;

    bool draining = false;  ///< gets no new requests; set by hand
    int active = 0;         ///< requests under way
    int waiting = 0;        ///< in the queue
    int maxConcurrency = 0; ///< 0: no bound
    int maxQueue = 0;

    BreakerSnapshot breaker;
    qint64 breakerSinceMs = 0;
    qint64 breakerOpenUntilMs = 0;            ///< 0: not open, or until it is reset by hand
    std::vector<BreakerEvent> breakerHistory; ///< newest first

    std::vector<CredentialInfo> keys; ///< its untilNs is monotonic: use keysUntilMs
    std::vector<qint64> keysUntilMs;  ///< for each of keys; 0 when it is ready

    int latencyMs = -1; ///< estimate of the time to the first byte; -1: not known
    int p95Ms = -1;     ///< 95th percentile of it; -1: not enough answers

    QStringList discovered; ///< models that it said it serves, at the last check

    ManagedState managed = ManagedState::NotManaged;
    QString managedDetail; ///< one sentence for people
    qint64 managedSinceMs = 0;
    qint64 idleStopMs = 0;     ///< when it will be stopped unless a request comes
    QString command;           ///< as configured, to be confirmed or shown
    QStringList commandOutput; ///< the last lines that its commands said, oldest first

    TunnelState tunnel = TunnelState::NotTunnelled;
    QString tunnelDetail;
};

} // namespace tidegate
