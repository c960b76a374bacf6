// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/modeldiscovery.h"

#include "gateway/engine/healthprober.h"

#include <QPointer>

#include <algorithm>
#include <chrono>

namespace tidegate {

using namespace std::chrono_literals;

namespace {

bool canBeAsked(const BackendConfig &backend)
{
    return backend.active && backend.type != BackendType::Echo &&
           backend.type != BackendType::Noop &&
           (backend.keyState == KeyState::NotNeeded || backend.keyState == KeyState::Ready);
}

bool isAskedAlike(const BackendConfig &a, const BackendConfig &b)
{
    return a.name == b.name && a.baseUrl == b.baseUrl && a.keys == b.keys &&
           a.headers == b.headers && a.proxy == b.proxy && a.verifyTls == b.verifyTls &&
           a.caFile == b.caFile;
}

} // namespace

ModelDiscovery::ModelDiscovery(Ask ask, QObject *parent)
    : QObject(parent)
    , m_ask(std::move(ask))
{
    m_soon.setInterval(15s);
    m_rarely.setInterval(10min);
    connect(&m_soon, &QTimer::timeout, this, [this] { askAll(true); });
    connect(&m_rarely, &QTimer::timeout, this, [this] { askAll(false); });
}

void ModelDiscovery::setBackends(const ConfigPtr &config, const std::vector<LaneStatePtr> &states)
{
    const ConfigPtr before = std::exchange(m_config, config);
    m_states = states;
    for (auto it = m_models.begin(); it != m_models.end();) {
        const bool kept = std::any_of(config->backends.begin(), config->backends.end(),
                                      [&it](const BackendConfig &b) { return b.name == it.key(); });
        it = kept ? std::next(it) : m_models.erase(it);
    }
    for (size_t i = 0; i < config->backends.size(); ++i) {
        const BackendConfig &backend = config->backends[i];
        const bool known =
            before && std::any_of(before->backends.begin(), before->backends.end(),
                                  [&backend](const BackendConfig &b) {
                                      return isAskedAlike(b, backend) && canBeAsked(b);
                                  });
        if (!known) {
            m_models.remove(backend.name);
            ask(i);
        }
    }
    m_soon.start();
    m_rarely.start();
}

void ModelDiscovery::stop()
{
    m_soon.stop();
    m_rarely.stop();
    m_config.reset();
    m_states.clear();
}

void ModelDiscovery::askAgain(const QByteArray &backend)
{
    for (size_t i = 0; i < m_states.size(); ++i) {
        if (m_states[i]->name == backend) {
            ask(i);
        }
    }
}

void ModelDiscovery::askAll(bool onlyUnreachable)
{
    for (size_t i = 0; i < m_states.size(); ++i) {
        if (!onlyUnreachable ||
            m_states[i]->reachability.load() != LaneState::Reachability::Reachable) {
            ask(i);
        }
    }
}

void ModelDiscovery::ask(size_t index)
{
    const BackendConfig &backend = m_config->backends[index];
    if (!canBeAsked(backend) || !m_states[index]->gate.isOpen()) {
        return; // one that is stopped is not to be started for a question
    }
    const bool isProbed = HealthProber::isProbed(backend);
    if (isProbed && backend.health.path.isEmpty()) {
        return; // its health checks ask for its models, too
    }
    m_ask(backend, [self = QPointer<ModelDiscovery>(this), name = backend.name, config = m_config,
                    state = m_states[index], isProbed](const BackendTest &test) {
        // An answer about a backend that has been edited meanwhile says nothing.
        if (!self || self->m_config != config) {
            return;
        }
        if (!isProbed) {
            const bool isThere = test.reachable && test.status < 500;
            state->reachability.store(isThere ? LaneState::Reachability::Reachable
                                              : LaneState::Reachability::Unreachable);
            Q_EMIT self->answered(name, isThere, isThere ? QString() : test.message);
        }
        QByteArrayList models;
        for (const QString &model : test.models) {
            models.append(model.toUtf8());
        }
        if (test.status == 200) {
            self->note(name, models);
        }
    });
}

void ModelDiscovery::note(const QByteArray &backend, const QByteArrayList &models)
{
    if (m_models.value(backend) != models) {
        m_models.insert(backend, models);
        Q_EMIT changed();
    }
}

} // namespace tidegate
