// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/managedrule.h"
#include "gateway/managed/childprocess.h"
#include "gateway/managed/managedstatus.h"
#include "gateway/managed/managedtimings.h"
#include "gateway/managed/outputring.h"

#include <QObject>
#include <QTimer>

namespace tidegate {

/// A port on 127.0.0.1 that leads through SSH to a host and port elsewhere, kept up by starting ssh
/// again whenever it ends.
///
/// Lives in the main thread, owned by a ManagedBackend. Each start takes another free port.
class SshTunnel final : public QObject
{
    Q_OBJECT

public:
    /// @p output gets what ssh says, and outlives the tunnel.
    SshTunnel(SshRule rule, const ManagedTimings &timings, OutputRing &output,
              QObject *parent = nullptr);

    [[nodiscard]] const SshRule &rule() const { return m_rule; }

    /// Keeps the tunnel up from now on. Nothing while it does so already.
    void start();
    /// Lets it go; stopped() follows when no process is left, also when there was none.
    void stop();
    /// The same, waiting for at most @p graceMs.
    void stopNow(int graceMs);

    [[nodiscard]] TunnelState state() const { return m_state; }
    [[nodiscard]] QString detail() const { return m_detail; }
    /// 0 unless connected.
    [[nodiscard]] quint16 localPort() const;
    /// Monotonic; when it is tried again. 0 unless failed.
    [[nodiscard]] qint64 retryNs() const { return m_retryNs; }

Q_SIGNALS:
    void changed();
    void stopped();

private:
    void connectNow();
    bool takeLine(const QByteArray &line);
    void connected();
    void sshEnded(const ChildEnd &end);
    void setState(TunnelState state, const QString &detail);

    const SshRule m_rule;
    const ManagedTimings &m_timings;
    OutputRing &m_output;
    ChildProcess m_ssh;
    QTimer m_timer; ///< until the next try, or until it counts as stable
    Backoff m_backoff;
    TunnelState m_state = TunnelState::NotTunnelled;
    QString m_detail;
    QString m_lastError; ///< the last thing that ssh said of its own accord
    qint64 m_retryNs = 0;
    int m_failures = 0; ///< in a row
    quint16 m_port = 0;
    bool m_wanted = false;
};

} // namespace tidegate
