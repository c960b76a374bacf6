// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>
#include <QStringList>

namespace tidegate {

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
    NotTunnelled, ///< there is none, or none now because the backend is stopped
    Unconfirmed,
    Connecting,
    Connected,
    Failed ///< tried again after a while
};

/// Whether requests can reach a managed or tunnelled backend.
enum class Reach : quint8
{
    Open,
    Asleep,   ///< could be started for a request
    Starting, ///< is on its way
    Shut      ///< cannot be reached, and asking for it does not help now
};

/// All there is to see of one managed or tunnelled backend; a copy.
struct ManagedStatus
{
    ManagedState managed = ManagedState::NotManaged;
    QString detail;        ///< one sentence for people
    qint64 sinceMs = 0;    ///< wall clock, milliseconds since 1970 UTC
    qint64 idleStopMs = 0; ///< the same: stopped then unless a request comes; 0: not
    QString command;       ///< what is to be confirmed, one command a line
    QStringList output;    ///< the last lines that the commands said, oldest first

    TunnelState tunnel = TunnelState::NotTunnelled;
    QString tunnelDetail;
    quint16 localPort = 0; ///< the tunnel's end on 127.0.0.1; 0: none

    Reach reach = Reach::Open;
    QString why;        ///< why it is not open, to be said to a client; "is starting"
    qint64 retryNs = 0; ///< monotonic, when it may be asked for again; 0: not known
};

} // namespace tidegate
