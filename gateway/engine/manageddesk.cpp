// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/manageddesk.h"

#include "gateway/base/clock.h"
#include "gateway/managed/managedcommand.h"

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

// A request waits for a tunnel no longer than ssh may take for one try.
constexpr int kTunnelPatienceMs = 20'000;
// Beyond its start time-out, so that a request hears why it failed.
constexpr int kStartGraceMs = 2000;
// Of what the commands said this much is shown.
constexpr qsizetype kShownLines = 30;

LaneGate::State gateState(Reach reach)
{
    switch (reach) {
    case Reach::Open:
        return LaneGate::State::Open;
    case Reach::Asleep:
        return LaneGate::State::Asleep;
    case Reach::Starting:
        return LaneGate::State::Starting;
    case Reach::Shut:
        break;
    }
    return LaneGate::State::Shut;
}

} // namespace

ManagedDesk::ManagedDesk(SaveConfirmed save, const ManagedTimings &timings, QObject *parent)
    : QObject(parent)
    , m_save(std::move(save))
    , m_supervisor([this](const QByteArray &name) { return loadOf(name); }, timings)
{
    connect(&m_supervisor, &ManagedSupervisor::changed, this, [this](const QByteArray &name) {
        updateGate(name);
        Q_EMIT changed(name);
    });
}

void ManagedDesk::setConfig(const ConfigPtr &config, const std::vector<LaneStatePtr> &lanes)
{
    for (const LaneStatePtr &lane : m_lanes) {
        // Nobody opens the gate of a backend that has gone: who waits there shall not wait on.
        if (!lane->gate.isOpen() && std::find(lanes.begin(), lanes.end(), lane) == lanes.end()) {
            lane->gate.set(LaneGate::State::Shut, 0, 0, tr("has been removed"));
        }
    }
    m_config = config;
    m_lanes = lanes;
    for (const LaneStatePtr &lane : m_lanes) {
        lane->gate.setWaker([this, name = lane->name] {
            QMetaObject::invokeMethod(
                this, [this, name] { m_supervisor.need(name); }, Qt::QueuedConnection);
        });
    }
    applyConfig();
}

void ManagedDesk::applyConfig()
{
    ManagedSupervisor::Confirmed confirmed;
    for (auto it = m_confirmed.constBegin(); it != m_confirmed.constEnd(); ++it) {
        confirmed.insert(it.key().toUtf8(), it.value().toString().toLatin1());
    }
    m_supervisor.setBackends(m_config->backends, confirmed);
    for (const LaneStatePtr &lane : m_lanes) {
        updateGate(lane->name);
    }
}

LaneState *ManagedDesk::findLane(const QByteArray &backend) const
{
    const auto found = std::find_if(m_lanes.begin(), m_lanes.end(),
                                    [&backend](const auto &lane) { return lane->name == backend; });
    return found == m_lanes.end() ? nullptr : found->get();
}

ManagedBackend::Load ManagedDesk::loadOf(const QByteArray &backend) const
{
    const LaneState *lane = findLane(backend);
    if (!lane) {
        return {};
    }
    return {lane->load(), lane->queue.waiting() + lane->gate.waiting(), lane->gate.lastUsedNs()};
}

void ManagedDesk::updateGate(const QByteArray &backend)
{
    LaneState *lane = findLane(backend);
    if (!lane) {
        return;
    }
    const ManagedBackend *managed = m_supervisor.find(backend);
    if (!managed) {
        if (!lane->gate.isOpen() || lane->gate.localPort() > 0) {
            lane->gate.set(LaneGate::State::Open, 0, 0, {});
        }
        return;
    }
    const ManagedStatus status = managed->status();
    const BackendConfig &config = managed->config();
    lane->gate.setPatience(config.managed
                               ? config.managed->startTimeoutSeconds * 1000 + kStartGraceMs
                               : kTunnelPatienceMs);
    // A request that has just been let in must not go round the tunnel when it breaks.
    const quint16 port = !config.ssh             ? quint16(0)
                         : status.localPort == 0 ? lane->gate.localPort()
                                                 : status.localPort;
    const bool opens = status.reach == Reach::Open && !lane->gate.isOpen();
    if (opens) {
        // What the breaker counted was another process, or another tunnel.
        const BreakerSnapshot breaker = lane->breaker.snapshot(monotonicNs());
        if (breaker.state != BreakerState::Closed && breaker.reason != BreakerReason::ByHand) {
            lane->breaker.reset(monotonicNs());
        }
    }
    const bool closes = status.reach != Reach::Open && lane->gate.isOpen();
    if (opens || closes) {
        lane->health.forget();
        lane->reachability.store(opens ? LaneState::Reachability::Reachable
                                       : LaneState::Reachability::Unknown,
                                 std::memory_order_relaxed);
    }
    lane->gate.set(gateState(status.reach), port, status.retryNs, status.why);
    if (opens) {
        Q_EMIT opened(backend);
    }
    if (status.reach == Reach::Asleep && lane->gate.waiting() > 0) {
        lane->gate.wake();
    }
}

void ManagedDesk::fill(BackendStatus &status) const
{
    const ManagedBackend *managed = m_supervisor.find(status.name);
    if (!managed) {
        return;
    }
    const ManagedStatus known = managed->status();
    status.managed = known.managed;
    status.managedDetail = known.detail;
    status.managedSinceMs = known.sinceMs;
    status.idleStopMs = known.idleStopMs;
    status.command = known.command;
    status.commandOutput =
        known.output.mid(std::max<qsizetype>(0, known.output.size() - kShownLines));
    status.tunnel = known.tunnel;
    status.tunnelDetail = known.tunnelDetail;
}

void ManagedDesk::noteConfirmed(QJsonObject &confirmed, const BackendConfig &backend)
{
    confirmed.insert(QString::fromUtf8(backend.name), QString::fromLatin1(commandHash(backend)));
}

void ManagedDesk::confirm(const QByteArray &backend, const Reply &reply)
{
    const ManagedBackend *managed = m_supervisor.find(backend);
    if (!managed) {
        reply(Error{tr("This backend has no command to be confirmed.")});
        return;
    }
    QJsonObject confirmed = m_confirmed;
    noteConfirmed(confirmed, managed->config());
    m_save(confirmed, [this, confirmed, reply](const Result<Done> &saved) {
        if (saved) {
            m_confirmed = confirmed;
            applyConfig();
        }
        reply(saved);
    });
}

Result<Done> ManagedDesk::start(const QByteArray &backend)
{
    return m_supervisor.start(backend);
}

Result<Done> ManagedDesk::stop(const QByteArray &backend)
{
    return m_supervisor.stop(backend);
}

void ManagedDesk::shutDown(int mostMs, std::function<void()> done)
{
    m_supervisor.shutDown(mostMs, std::move(done));
}

} // namespace tidegate
