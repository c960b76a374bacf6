// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>
#include <QStringList>

namespace tidegate {

// How a backend that Tidegate starts, stops or reaches by itself is handled. Value types, any
// thread. Meaning and defaults: docs/managed-backends.md.

/// The `managed:` section of a backend.
struct ManagedRule
{
    QStringList start;   ///< program and arguments; no shell reads them
    QStringList stop;    ///< empty: the process is asked to end by a signal
    QByteArray readyUrl; ///< answers 2xx when the backend can serve; empty: what suits its type
    int startTimeoutSeconds = 300;
    int idleMinutes = 0; ///< without a request for so long it is stopped; 0: never
    QString shownStart;  ///< as configured, for people: variables are still variables
    QString shownStop;

    bool operator==(const ManagedRule &) const = default;
};

/// The `ssh:` section of a backend: the tunnel to it.
struct SshRule
{
    QString host;
    QString user;           ///< empty: what ssh's own configuration says
    int port = 0;           ///< 0: what ssh's own configuration says
    QString identityFile;   ///< absolute; empty: what ssh's own configuration says
    QString knownHostsFile; ///< absolute; empty: what ssh's own configuration says
    QString remoteHost;     ///< as seen from the SSH server
    int remotePort = 0;

    bool operator==(const SshRule &) const = default;
};

} // namespace tidegate
