// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/managed/managedsupervisor.h"

#include "gateway/config/urlguard.h"
#include "gateway/managed/managedcommand.h"

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

// Between SIGTERM and SIGKILL when everything has to end now.
constexpr int kLastGraceMs = 1000;

} // namespace

ManagedSupervisor::ManagedSupervisor(LoadOf load, const ManagedTimings &timings, QObject *parent)
    : QObject(parent)
    , m_load(std::move(load))
    , m_timings(timings)
{
    m_patience.setSingleShot(true);
    connect(&m_patience, &QTimer::timeout, this, &ManagedSupervisor::endNow);
}

ManagedSupervisor::~ManagedSupervisor()
{
    m_done = {};
    endNow();
}

void ManagedSupervisor::setBackends(const std::vector<BackendConfig> &backends,
                                    const Confirmed &confirmed)
{
    std::map<QByteArray, BackendPtr> next;
    for (const BackendConfig &config : backends) {
        if (!hasCommands(config)) {
            continue;
        }
        if (!m_client) {
            m_client = std::make_unique<UpstreamClient>();
            m_client->setAddressCheck(UrlGuard::checkResolved);
        }
        const QByteArray name = config.name;
        BackendPtr backend;
        if (const auto known = m_backends.find(name); known != m_backends.end()) {
            backend = std::move(known->second);
            m_backends.erase(known);
        } else {
            backend = std::make_unique<ManagedBackend>(
                name, [this, name] { return m_load(name); }, *m_client, m_timings);
            connect(backend.get(), &ManagedBackend::changed, this,
                    [this, name] { Q_EMIT changed(name); });
        }
        next.emplace(name, std::move(backend));
    }
    std::swap(m_backends, next);
    for (auto &[name, backend] : next) {
        leave(std::move(backend));
    }
    for (const BackendConfig &config : backends) {
        if (const auto known = m_backends.find(config.name); known != m_backends.end()) {
            known->second->setConfig(config, confirmed.value(config.name) == commandHash(config));
        }
    }
}

void ManagedSupervisor::need(const QByteArray &name)
{
    if (const auto known = m_backends.find(name); known != m_backends.end()) {
        known->second->need();
    }
}

Result<Done> ManagedSupervisor::start(const QByteArray &name)
{
    const auto known = m_backends.find(name);
    return known == m_backends.end() ? Result<Done>(Error{tr("This backend has no start command.")})
                                     : known->second->startByHand();
}

Result<Done> ManagedSupervisor::stop(const QByteArray &name)
{
    const auto known = m_backends.find(name);
    return known == m_backends.end() ? Result<Done>(Error{tr("This backend has no start command.")})
                                     : known->second->stopByHand();
}

const ManagedBackend *ManagedSupervisor::find(const QByteArray &name) const
{
    const auto known = m_backends.find(name);
    return known == m_backends.end() ? nullptr : known->second.get();
}

void ManagedSupervisor::leave(BackendPtr backend)
{
    ManagedBackend *leaving = backend.get();
    m_leaving.push_back(std::move(backend));
    disconnect(leaving, &ManagedBackend::changed, this, nullptr);
    connect(leaving, &ManagedBackend::retired, this, [this, leaving] { left(leaving); });
    leaving->retire();
}

void ManagedSupervisor::left(ManagedBackend *backend)
{
    const auto found =
        std::find_if(m_leaving.begin(), m_leaving.end(),
                     [backend](const auto &owned) { return owned.get() == backend; });
    if (found != m_leaving.end()) {
        found->release()->deleteLater(); // it is in the middle of a signal
        m_leaving.erase(found);
    }
    if (m_leaving.empty() && m_done) {
        m_patience.stop();
        std::exchange(m_done, {})();
    }
}

void ManagedSupervisor::shutDown(int mostMs, std::function<void()> done)
{
    m_done = std::move(done);
    for (auto &[name, backend] : std::exchange(m_backends, {})) {
        leave(std::move(backend));
    }
    if (m_leaving.empty()) {
        QMetaObject::invokeMethod(
            this,
            [this] {
                if (m_done) {
                    std::exchange(m_done, {})();
                }
            },
            Qt::QueuedConnection);
        return;
    }
    m_patience.start(mostMs);
}

void ManagedSupervisor::endNow()
{
    m_patience.stop();
    for (const auto &[name, backend] : m_backends) {
        backend->endNow(kLastGraceMs);
    }
    for (const auto &backend : m_leaving) {
        backend->endNow(kLastGraceMs);
    }
    m_backends.clear();
    m_leaving.clear();
    if (m_done) {
        std::exchange(m_done, {})();
    }
}

} // namespace tidegate
