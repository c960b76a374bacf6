// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/resilience/breakersnapshot.h"
#include "gateway/resilience/credentials.h"

#include <QByteArray>
#include <QString>
#include <QStringList>

#include <vector>

namespace tidegate {

/// What active probes and requests say of a backend.
enum class BackendHealth : quint8
{
    Unknown,  ///< nothing was sent yet
    Healthy,  ///< it answers
    Loading,  ///< the process is up, its model is not: new requests go elsewhere
    Unhealthy ///< it does not answer, or not as it should
};

/// Where a backend is that Tidegate starts and stops by itself.
enum class ManagedState : quint8
{
    NotManaged,
    Unconfirmed, ///< its command waits to be confirmed by a person before its first run
    Stopped,     ///< starts with the next request
    Starting,
    Ready,
    Idle, ///< ready, and stopped soon unless a request comes
    Stopping,
    Failed ///< could not be started, or ended by itself
};

enum class TunnelState : quint8
{
    NotTunnelled,
    Unconfirmed,
    Connecting,
    Connected,
    Failed ///< tried again after a while
};

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
    qint64 idleStopMs = 0; ///< when it will be stopped unless a request comes
    QString command;       ///< as configured, to be confirmed or shown

    TunnelState tunnel = TunnelState::NotTunnelled;
    QString tunnelDetail;
};

} // namespace tidegate
