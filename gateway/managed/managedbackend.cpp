// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/managed/managedbackend.h"

#include "gateway/base/clock.h"
#include "gateway/managed/managedcommand.h"

#include <QLoggingCategory>
#include <QProcess>

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

Q_LOGGING_CATEGORY(lcManaged, "tidegate.managed")

constexpr qint64 kNsPerMs = 1'000'000;
// One that is idle for less than this is just between two requests.
constexpr qint64 kShownIdleMs = 5000;
// So many ready checks in a row must fail before what runs elsewhere counts as gone.
constexpr int kMissesAllowed = 3;
constexpr int kLookMs = 100;

qint64 nowNs()
{
    return monotonicNs();
}

qint64 wallMs(qint64 atNs)
{
    return wallClockUs() / 1000 + (atNs - nowNs()) / kNsPerMs;
}

} // namespace

ManagedBackend::ManagedBackend(QByteArray name, LoadOf load, UpstreamClient &client,
                               const ManagedTimings &timings, QObject *parent)
    : QObject(parent)
    , m_name(std::move(name))
    , m_load(std::move(load))
    , m_timings(timings)
    , m_check(client)
    , m_backoff(quint64(monotonicNs()))
{
    m_timer.setSingleShot(true);
    connect(&m_timer, &QTimer::timeout, this, [this] {
        const auto step = std::exchange(m_step, {});
        step(*this);
    });
    const auto take = [this](const QByteArray &piece) {
        m_output.append(piece, [this](const QByteArray &line) {
            qCDebug(lcManaged, "%s: %s", m_name.constData(), line.constData());
            return true;
        });
    };
    connect(&m_process, &ChildProcess::output, this, take);
    connect(&m_stopCommand, &ChildProcess::output, this, take);
    connect(&m_process, &ChildProcess::ended, this, &ManagedBackend::processEnded);
    connect(&m_stopCommand, &ChildProcess::ended, this, &ManagedBackend::stopCommandEnded);
}

// ---- what holds

void ManagedBackend::setConfig(const BackendConfig &backend, bool confirmed)
{
    const bool same = commandHash(backend) == commandHash(config());
    if (m_next) {
        m_next = backend;
        m_nextConfirmed = confirmed;
    } else if (same && confirmed == m_confirmed) {
        m_config = backend;
    } else if (isUp() || m_state == ManagedState::Starting || m_state == ManagedState::Stopping) {
        m_next = backend;
        m_nextConfirmed = confirmed;
        if (m_state != ManagedState::Stopping) {
            beginStop(StopReason::Edited);
        }
    } else {
        apply(backend, confirmed);
    }
    Q_EMIT changed();
}

void ManagedBackend::apply(const BackendConfig &backend, bool confirmed)
{
    m_timer.stop();
    m_check.cancel();
    m_config = backend;
    m_confirmed = confirmed;
    m_next.reset();
    m_failures = 0;
    m_retryNs = 0;
    m_looking = false;
    const bool tunnelled = confirmed && backend.ssh.has_value();
    if (!tunnelled || (m_tunnel && m_tunnel->rule() != *backend.ssh)) {
        m_tunnel.reset();
    }
    if (tunnelled && !m_tunnel) {
        m_tunnel = std::make_unique<SshTunnel>(*backend.ssh, m_timings, m_output);
        connect(m_tunnel.get(), &SshTunnel::changed, this, &ManagedBackend::tunnelChanged);
        connect(m_tunnel.get(), &SshTunnel::stopped, this, [this] {
            if (m_state == ManagedState::Stopping) {
                stoppedPartly();
            }
        });
    }
    if (!isManaged()) {
        setState(ManagedState::NotManaged, {});
        if (m_tunnel) {
            m_tunnel->start();
        }
    } else if (!confirmed) {
        setState(ManagedState::Unconfirmed,
                 tr("Its command has to be confirmed before its first run."));
    } else {
        setState(ManagedState::Stopped, tr("Starts with the next request."));
        lookWhetherItRuns();
    }
}

// A host that an earlier process of ours has started costs money until it is stopped.
void ManagedBackend::lookWhetherItRuns()
{
    if (m_config.managed->stop.isEmpty()) {
        return;
    }
    m_looking = true;
    if (m_tunnel && m_tunnel->localPort() == 0) {
        m_tunnel->start(); // tunnelChanged() goes on
        return;
    }
    m_check.ask(m_config, m_tunnel ? m_tunnel->localPort() : quint16(0),
                [this](bool ready, const QString &) {
                    if (!std::exchange(m_looking, false)) {
                        return;
                    }
                    if (ready) {
                        m_elsewhere = true;
                        becomeReady(tr("It was running already."));
                    } else if (m_tunnel) {
                        m_tunnel->stop();
                    }
                });
}

void ManagedBackend::tunnelChanged()
{
    if (m_looking && m_state == ManagedState::Stopped) {
        if (m_tunnel->state() == TunnelState::Connected) {
            lookWhetherItRuns();
        } else if (m_tunnel->state() == TunnelState::Failed) {
            m_looking = false;
            m_tunnel->stop();
        }
    }
    Q_EMIT changed();
}

// ---- start

void ManagedBackend::need()
{
    switch (m_state) {
    case ManagedState::Stopped:
        begin();
        break;
    case ManagedState::Failed:
        if (nowNs() >= m_retryNs) {
            begin();
        }
        break;
    case ManagedState::Stopping:
        m_startAgain = true;
        break;
    default:
        break;
    }
}

Result<Done> ManagedBackend::startByHand()
{
    if (!isManaged()) {
        return Error{tr("This backend has no start command.")};
    }
    if (m_state == ManagedState::Unconfirmed) {
        return Error{tr("Confirm its command first.")};
    }
    m_retryNs = 0;
    need();
    return Done{};
}

Result<Done> ManagedBackend::stopByHand()
{
    if (!isManaged()) {
        return Error{tr("This backend has no start command.")};
    }
    m_startAgain = false;
    if (isUp() || m_state == ManagedState::Starting) {
        if (!canStop()) {
            return Error{tr("Its start command has ended and there is no stop command, so Tidegate "
                            "cannot stop it.")};
        }
        beginStop(StopReason::Hand);
    }
    return Done{};
}

void ManagedBackend::begin()
{
    m_looking = false;
    m_startAgain = false;
    m_elsewhere = false;
    m_lastCheck.clear();
    m_failure.clear();
    m_retryNs = 0;
    m_output.clear();
    m_deadlineNs = nowNs() + m_config.managed->startTimeoutSeconds * m_timings.secondMs * kNsPerMs;
    setState(ManagedState::Starting, tr("Starting."));
    if (m_tunnel) {
        m_tunnel->start();
        runStartCommand();
        return;
    }
    // What answers already need not, and often cannot, be started a second time.
    m_check.ask(m_config, 0, [this](bool ready, const QString &) {
        if (ready) {
            m_elsewhere = true;
            becomeReady(tr("It was running already."));
        } else {
            runStartCommand();
        }
    });
}

void ManagedBackend::runStartCommand()
{
    qCInfo(lcManaged, "Starting %s.", m_name.constData());
    m_process.start(m_config.managed->start);
    after(m_timings.pollMs, &ManagedBackend::poll);
}

void ManagedBackend::poll()
{
    if (nowNs() >= m_deadlineNs) {
        m_failure = tr("It was not ready within %n second(s)", nullptr,
                       m_config.managed->startTimeoutSeconds) +
                    (m_lastCheck.isEmpty() ? QString() : QStringLiteral(": ") + m_lastCheck);
        beginStop(StopReason::NotReady);
        return;
    }
    if (m_tunnel && m_tunnel->localPort() == 0) {
        m_lastCheck = m_tunnel->detail();
        after(m_timings.pollMs, &ManagedBackend::poll);
        return;
    }
    m_check.ask(m_config, m_tunnel ? m_tunnel->localPort() : quint16(0),
                [this](bool ready, const QString &what) {
                    if (ready) {
                        becomeReady(tr("Ready."));
                    } else {
                        m_lastCheck = what;
                        after(m_timings.pollMs, &ManagedBackend::poll);
                    }
                });
}

void ManagedBackend::becomeReady(const QString &detail)
{
    qCInfo(lcManaged, "%s is ready.", m_name.constData());
    m_readyNs = nowNs();
    m_watchedNs = m_readyNs;
    m_missed = 0;
    setState(ManagedState::Ready, detail);
    after(m_timings.tickMs, &ManagedBackend::tick);
}

void ManagedBackend::processEnded(const ChildEnd &end)
{
    m_output.finishLine();
    if (m_state == ManagedState::Stopping) {
        stoppedPartly();
    } else if (end.isSuccess()) {
        m_elsewhere = true;
        if (isUp()) {
            // It has started something that stays, or it was the server itself: one look tells.
            m_missed = kMissesAllowed - 1;
            watch();
        }
    } else if (m_state == ManagedState::Starting) {
        fail(tr("Its start command %1").arg(end.message) + said());
    } else if (isUp()) {
        fail(tr("Its process %1").arg(end.message) + said());
    }
}

void ManagedBackend::fail(const QString &why)
{
    m_check.cancel();
    m_elsewhere = false;
    m_idleStopNs = 0;
    if (m_tunnel) {
        m_tunnel->stop();
    }
    const qint64 delayMs = m_backoff.delayMs(m_timings.restart, ++m_failures, {});
    m_retryNs = nowNs() + delayMs * kNsPerMs;
    qCWarning(lcManaged, "%s: %ls", m_name.constData(), qUtf16Printable(why));
    setState(ManagedState::Failed, why);
    after(int(delayMs), &ManagedBackend::retryDue);
}

// From now on a request may start it again.
void ManagedBackend::retryDue()
{
    const qint64 leftNs = m_retryNs - nowNs();
    if (leftNs > 0) {
        after(int(leftNs / kNsPerMs) + 1, &ManagedBackend::retryDue); // timers may strike early
    } else {
        Q_EMIT changed();
    }
}

// ---- while it runs

void ManagedBackend::tick()
{
    const qint64 now = nowNs();
    const Load load = m_load();
    if (now - m_readyNs >= m_timings.stableMs * kNsPerMs) {
        m_failures = 0;
    }
    if (m_elsewhere && now - m_watchedNs >= m_timings.watchMs * kNsPerMs && !m_check.isRunning()) {
        watch();
    }
    ManagedState state = ManagedState::Ready;
    m_idleStopNs = 0;
    const bool busy = load.inFlight + load.waiting > 0;
    m_busyNs = busy ? now : m_busyNs;
    if (idleMs() > 0 && canStop() && !busy) {
        const qint64 usedNs = lastUsedNs(load);
        m_idleStopNs = usedNs + idleMs() * kNsPerMs;
        if (now >= m_idleStopNs) {
            beginStop(StopReason::Idle);
            return;
        }
        if (now - usedNs >= std::min(kShownIdleMs, idleMs() / 4) * kNsPerMs) {
            state = ManagedState::Idle;
        }
    }
    setState(state, m_detail);
    after(m_timings.tickMs, &ManagedBackend::tick);
}

void ManagedBackend::watch()
{
    m_watchedNs = nowNs();
    if (m_tunnel && m_tunnel->localPort() == 0) {
        return; // the tunnel sees to itself
    }
    m_check.ask(m_config, m_tunnel ? m_tunnel->localPort() : quint16(0),
                [this](bool ready, const QString &what) {
                    m_missed = ready ? 0 : m_missed + 1;
                    if (m_missed >= kMissesAllowed) {
                        fail(tr("It does not answer any more: %1").arg(what));
                    }
                });
}

// ---- stop

void ManagedBackend::beginStop(StopReason reason)
{
    m_check.cancel();
    m_stopReason = reason;
    m_stopBeganNs = nowNs();
    m_idleStopNs = 0;
    setState(ManagedState::Stopping, tr("Stopping."));
    if (reason == StopReason::NotReady) {
        endProcesses();
    } else {
        after(m_timings.quietMs, &ManagedBackend::settleDown);
    }
}

// From here on new requests wait; those that were just about to be sent still count.
void ManagedBackend::settleDown()
{
    const Load load = m_load();
    const bool used = load.inFlight > 0 || load.waiting > 0 || load.lastUsedNs > m_stopBeganNs;
    if (m_stopReason == StopReason::Idle && used) {
        setState(ManagedState::Ready, tr("Ready."));
        after(m_timings.tickMs, &ManagedBackend::tick);
        return;
    }
    if (load.inFlight > 0 && nowNs() - m_stopBeganNs < m_timings.drainMs * kNsPerMs) {
        after(kLookMs, &ManagedBackend::settleDown);
        return;
    }
    endProcesses();
}

void ManagedBackend::endProcesses()
{
    qCInfo(lcManaged, "Stopping %s.", m_name.constData());
    if (m_config.managed->stop.isEmpty()) {
        stoppedPartly();
        return;
    }
    m_stopCommand.start(m_config.managed->stop);
    after(m_timings.stopCommandMs,
          [](ManagedBackend &self) { self.m_stopCommand.terminate(self.m_timings.killAfterMs); });
}

void ManagedBackend::stopCommandEnded(const ChildEnd &end)
{
    m_output.finishLine();
    m_timer.stop();
    if (!end.isSuccess()) {
        const QString why = tr("Its stop command %1").arg(end.message) + said();
        qCWarning(lcManaged, "%s: %ls", m_name.constData(), qUtf16Printable(why));
        const bool byPeople = m_stopReason == StopReason::Idle || m_stopReason == StopReason::Hand;
        if (m_elsewhere && byPeople) {
            // It still runs, and will be tried again when it has been idle for as long once more.
            becomeReady(why);
            return;
        }
    }
    stoppedPartly();
}

// Goes on with what still runs.
void ManagedBackend::stoppedPartly()
{
    if (m_process.isRunning()) {
        m_process.terminate(m_timings.killAfterMs);
    } else if (m_tunnel && m_tunnel->state() != TunnelState::NotTunnelled) {
        m_tunnel->stop();
    } else {
        allStopped();
    }
}

void ManagedBackend::allStopped()
{
    m_timer.stop();
    m_elsewhere = false;
    if (m_stopReason == StopReason::Retired) {
        m_retired = true;
        setState(ManagedState::Stopped, {});
        QMetaObject::invokeMethod(this, &ManagedBackend::retired, Qt::QueuedConnection);
        return;
    }
    if (m_next) {
        apply(BackendConfig(*m_next), m_nextConfirmed);
    } else if (m_stopReason == StopReason::NotReady) {
        m_startAgain = false;
        fail(m_failure);
    } else {
        setState(ManagedState::Stopped, m_stopReason == StopReason::Idle
                                            ? tr("Stopped because nobody used it.")
                                            : tr("Starts with the next request."));
    }
    const bool wanted = std::exchange(m_startAgain, false) || m_load().waiting > 0;
    if (wanted && m_state == ManagedState::Stopped) {
        begin();
    }
}

void ManagedBackend::retire()
{
    m_next.reset();
    m_startAgain = false;
    if (isUp() || m_state == ManagedState::Starting) {
        beginStop(StopReason::Retired);
    } else if (m_state == ManagedState::Stopping) {
        m_stopReason = StopReason::Retired;
    } else if (!m_retired) {
        m_looking = false;
        m_check.cancel();
        m_timer.stop();
        m_stopReason = StopReason::Retired;
        setState(ManagedState::Stopping, {});
        stoppedPartly();
    }
}

void ManagedBackend::endNow(int graceMs)
{
    m_timer.stop();
    m_check.cancel();
    const bool runs =
        isUp() || m_state == ManagedState::Starting || m_state == ManagedState::Stopping;
    if (isManaged() && runs && !m_config.managed->stop.isEmpty()) {
        m_stopCommand.endNow(0);
        ChildProcess::startDetached(m_config.managed->stop);
    }
    m_process.endNow(graceMs);
    if (m_tunnel) {
        m_tunnel->stopNow(graceMs);
    }
    m_retired = true;
}

// ---- what there is to see

bool ManagedBackend::isUp() const
{
    return m_state == ManagedState::Ready || m_state == ManagedState::Idle;
}

bool ManagedBackend::canStop() const
{
    return m_process.isRunning() || !m_config.managed->stop.isEmpty();
}

qint64 ManagedBackend::idleMs() const
{
    return m_config.managed->idleMinutes * m_timings.minuteMs;
}

qint64 ManagedBackend::lastUsedNs(const Load &load) const
{
    return std::max({m_readyNs, m_busyNs, load.lastUsedNs});
}

QString ManagedBackend::said() const
{
    const QString last = m_output.lastLine();
    return last.isEmpty() ? QString() : QStringLiteral(": ") + last;
}

void ManagedBackend::after(int ms, std::function<void(ManagedBackend &)> step)
{
    m_step = std::move(step);
    m_timer.start(ms);
}

void ManagedBackend::setState(ManagedState state, const QString &detail)
{
    if (m_state == state && m_detail == detail) {
        return;
    }
    if (m_state != state) {
        m_sinceMs = wallClockUs() / 1000;
    }
    m_state = state;
    m_detail = detail;
    Q_EMIT changed();
}

ManagedStatus ManagedBackend::status() const
{
    ManagedStatus status;
    status.managed = m_state;
    status.detail = m_detail;
    status.sinceMs = m_sinceMs;
    status.idleStopMs = m_idleStopNs > 0 ? wallMs(m_idleStopNs) : 0;
    status.command = shownCommands(config());
    status.output = m_output.lines();
    if (config().ssh) {
        status.tunnel = m_tunnel ? m_tunnel->state() : TunnelState::Unconfirmed;
        status.tunnelDetail = m_tunnel ? m_tunnel->detail() : QString();
        status.localPort = m_tunnel ? m_tunnel->localPort() : quint16(0);
    }
    const auto reach = [&status](Reach how, const QString &why, qint64 retryNs = 0) {
        status.reach = how;
        status.why = why;
        status.retryNs = retryNs;
    };
    if (!m_confirmed || m_state == ManagedState::Unconfirmed) {
        reach(Reach::Shut, tr("waits for its command to be confirmed"));
    } else if (m_state == ManagedState::Stopped || m_state == ManagedState::Stopping) {
        reach(Reach::Asleep,
              m_state == ManagedState::Stopped ? tr("is stopped") : tr("is being stopped"));
    } else if (m_state == ManagedState::Starting) {
        reach(Reach::Starting, tr("is starting"));
    } else if (m_state == ManagedState::Failed) {
        reach(nowNs() >= m_retryNs ? Reach::Asleep : Reach::Shut, tr("could not be started"),
              m_retryNs);
    } else if (m_tunnel && m_tunnel->state() == TunnelState::Failed) {
        reach(Reach::Shut, tr("cannot be reached through its SSH tunnel"), m_tunnel->retryNs());
    } else if (m_tunnel && m_tunnel->state() != TunnelState::Connected) {
        reach(Reach::Starting, tr("is being connected to through its SSH tunnel"));
    }
    return status;
}

} // namespace tidegate
