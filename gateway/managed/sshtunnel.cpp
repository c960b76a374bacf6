// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/managed/sshtunnel.h"

#include "gateway/base/clock.h"
#include "gateway/managed/managedcommand.h"

#include <QHostAddress>
#include <QLoggingCategory>
#include <QTcpServer>

#include <utility>

namespace tidegate {

namespace {

Q_LOGGING_CATEGORY(lcTunnel, "tidegate.tunnel")

// What ssh says, with LogLevel=DEBUG1, once its forwarding is in place and before it waits. That
// somebody listens at the port would prove nothing: it may be somebody else.
constexpr char kIsUp[] = "Entering interactive session.";
constexpr int kSshKillAfterMs = 2000;

quint16 freePort()
{
    QTcpServer server;
    return server.listen(QHostAddress(QHostAddress::LocalHost)) ? server.serverPort() : 0;
}

} // namespace

SshTunnel::SshTunnel(SshRule rule, const ManagedTimings &timings, OutputRing &output,
                     QObject *parent)
    : QObject(parent)
    , m_rule(std::move(rule))
    , m_timings(timings)
    , m_output(output)
    , m_backoff(quint64(monotonicNs()))
{
    m_timer.setSingleShot(true);
    connect(&m_timer, &QTimer::timeout, this, [this] {
        if (m_state == TunnelState::Connected) {
            m_failures = 0; // it has been well for long enough
        } else {
            connectNow();
        }
    });
    connect(&m_ssh, &ChildProcess::output, this, [this](const QByteArray &piece) {
        m_output.append(piece, [this](const QByteArray &line) { return takeLine(line); });
    });
    connect(&m_ssh, &ChildProcess::ended, this, &SshTunnel::sshEnded);
}

void SshTunnel::start()
{
    if (!std::exchange(m_wanted, true) && !m_ssh.isRunning()) {
        m_failures = 0;
        connectNow();
    }
}

void SshTunnel::stop()
{
    m_wanted = false;
    m_timer.stop();
    if (m_ssh.isRunning()) {
        m_ssh.terminate(kSshKillAfterMs);
        return;
    }
    setState(TunnelState::NotTunnelled, {});
    QMetaObject::invokeMethod(this, &SshTunnel::stopped, Qt::QueuedConnection);
}

void SshTunnel::stopNow(int graceMs)
{
    m_wanted = false;
    m_timer.stop();
    m_ssh.endNow(graceMs);
}

quint16 SshTunnel::localPort() const
{
    return m_state == TunnelState::Connected ? m_port : 0;
}

void SshTunnel::connectNow()
{
    m_port = freePort();
    m_lastError.clear();
    m_retryNs = 0;
    setState(TunnelState::Connecting, tr("Connecting to %1.").arg(m_rule.host));
    m_ssh.start(sshCommand(m_rule, m_port));
}

// True for what people want to read.
bool SshTunnel::takeLine(const QByteArray &line)
{
    if (line.startsWith("debug1:")) {
        if (line.endsWith(kIsUp)) {
            connected();
        }
        return false;
    }
    const bool isBanner = line.startsWith("OpenSSH_") || line.startsWith("Authenticated to ");
    if (!isBanner && !line.trimmed().isEmpty()) {
        m_lastError = QString::fromUtf8(line.trimmed());
    }
    return !isBanner;
}

void SshTunnel::connected()
{
    qCInfo(lcTunnel, "The tunnel to %ls is up at port %d.", qUtf16Printable(m_rule.host),
           int(m_port));
    setState(TunnelState::Connected, tr("Connected to %1.").arg(m_rule.host));
    m_timer.start(m_timings.stableMs);
}

void SshTunnel::sshEnded(const ChildEnd &end)
{
    m_output.finishLine();
    m_timer.stop();
    if (!m_wanted) {
        setState(TunnelState::NotTunnelled, {});
        Q_EMIT stopped();
        return;
    }
    const qint64 delayMs = m_backoff.delayMs(m_timings.reconnect, ++m_failures, {});
    m_retryNs = monotonicNs() + delayMs * 1'000'000;
    const QString reason =
        end.started && !m_lastError.isEmpty() ? m_lastError : tr("ssh %1").arg(end.message);
    qCWarning(lcTunnel, "The tunnel to %ls is down: %ls", qUtf16Printable(m_rule.host),
              qUtf16Printable(reason));
    setState(TunnelState::Failed, reason);
    m_timer.start(int(delayMs));
}

void SshTunnel::setState(TunnelState state, const QString &detail)
{
    if (m_state != state || m_detail != detail) {
        m_state = state;
        m_detail = detail;
        Q_EMIT changed();
    }
}

} // namespace tidegate
