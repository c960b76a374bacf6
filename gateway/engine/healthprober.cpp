// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/healthprober.h"

#include "gateway/base/clock.h"
#include "gateway/config/urlguard.h"

#include <QCoreApplication>
#include <QLoggingCategory>
#include <QRandomGenerator>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

Q_LOGGING_CATEGORY(lcHealth, "tidegate.health")

// One that is not well is asked this often, if not more often anyway: who waits for it shall not
// wait for long.
constexpr int kUnwellSeconds = 5;
constexpr double kJitter = 0.1;

using Reachability = LaneState::Reachability;

bool isLocal(const BackendConfig &backend)
{
    return backend.type == BackendType::Echo || backend.type == BackendType::Noop;
}

bool isHosted(BackendType type)
{
    switch (type) {
    case BackendType::OpenAI:
    case BackendType::Anthropic:
    case BackendType::Gemini:
    case BackendType::Azure:
    case BackendType::Groq:
    case BackendType::Mistral:
    case BackendType::OpenRouter:
    case BackendType::Modal:
        return true;
    default:
        return false;
    }
}

bool isAskedAlike(const BackendConfig &a, const BackendConfig &b)
{
    return a.type == b.type && a.baseUrl == b.baseUrl && a.keys == b.keys &&
           a.headers == b.headers && a.proxy == b.proxy && a.verifyTls == b.verifyTls &&
           a.caFile == b.caFile && a.allowPrivateNetwork == b.allowPrivateNetwork &&
           a.health == b.health;
}

} // namespace

struct HealthProber::Watched
{
    BackendConfig backend;
    LaneStatePtr lane;
    std::unique_ptr<HealthCheck> check; ///< null: not asked actively
    QTimer timer;
    Reachability seen = Reachability::Unknown; ///< as last set or looked at here
};

HealthProber::HealthProber(QObject *parent)
    : QObject(parent)
{
}

HealthProber::~HealthProber() = default;

bool HealthProber::isProbed(const BackendConfig &backend)
{
    const bool wanted = backend.source.contains(u"health"_s) || !isHosted(backend.type);
    const bool hasKey =
        backend.keyState == KeyState::NotNeeded || backend.keyState == KeyState::Ready;
    // One that Tidegate starts, or tunnels to, has checks of its own.
    return backend.active && backend.health.enabled && wanted && hasKey && !isLocal(backend) &&
           !backend.managed && !backend.ssh;
}

void HealthProber::setBackends(const ConfigPtr &config, const std::vector<LaneStatePtr> &lanes)
{
    std::vector<std::unique_ptr<Watched>> before = std::move(m_watched);
    m_watched.clear();
    for (size_t i = 0; i < lanes.size(); ++i) {
        const BackendConfig &backend = config->backends[i];
        const auto known = std::find_if(before.begin(), before.end(), [&](const auto &watched) {
            return watched && watched->lane == lanes[i] &&
                   isAskedAlike(watched->backend, backend) &&
                   bool(watched->check) == isProbed(backend);
        });
        if (known != before.end()) {
            (*known)->backend = backend;
            m_watched.push_back(std::move(*known));
            continue;
        }
        auto watched = std::make_unique<Watched>();
        watched->backend = backend;
        watched->lane = lanes[i];
        watched->lane->health.configure(backend.health.healthyAfter, backend.health.unhealthyAfter);
        watched->lane->health.forget();
        watched->seen = watched->lane->reachability.load(std::memory_order_relaxed);
        Watched *entry = watched.get();
        m_watched.push_back(std::move(watched));
        if (isProbed(backend)) {
            if (!m_client) {
                m_client = std::make_unique<UpstreamClient>();
                m_client->setAddressCheck(&UrlGuard::checkResolved);
            }
            entry->check = std::make_unique<HealthCheck>(*m_client);
            entry->timer.setSingleShot(true);
            connect(&entry->timer, &QTimer::timeout, this, [this, entry] { look(*entry); });
            look(*entry);
        }
    }
}

void HealthProber::stop()
{
    m_watched.clear();
    m_client.reset();
}

void HealthProber::look(Watched &watched)
{
    watched.check->start(watched.backend, [this, entry = &watched](HealthCheck::Result result) {
        note(*entry, result);
    });
}

void HealthProber::note(Watched &watched, const HealthCheck::Result &result)
{
    // A request that is answered says that it can be reached, and nothing of what a check misses.
    const bool answers = result.answers || result.finding.health == BackendHealth::Loading;
    watched.seen = answers ? Reachability::Reachable : Reachability::Unreachable;
    watched.lane->reachability.store(watched.seen, std::memory_order_relaxed);
    tell(watched, result.finding);
    if (result.models) {
        Q_EMIT modelsFound(watched.lane->name, *result.models);
    }
    schedule(watched);
}

void HealthProber::tell(Watched &watched, HealthFinding finding)
{
    LaneHealth &health = watched.lane->health;
    const BackendHealth before = health.verdict();
    health.found(std::move(finding), monotonicNs());
    const LaneHealth::Snapshot after = health.snapshot();
    if (after.health == before) {
        return;
    }
    const std::string_view name = backendHealthName(after.health);
    qCInfo(lcHealth, "The backend '%s' is %.*s. %ls", watched.lane->name.constData(),
           int(name.size()), name.data(), qUtf16Printable(after.reason));
    Q_EMIT changed();
}

void HealthProber::schedule(Watched &watched)
{
    int seconds = watched.backend.health.intervalSeconds;
    if (!watched.lane->health.isWell()) {
        seconds = std::min(seconds, kUnwellSeconds);
    }
    // Several gateways, and several backends of one, shall not ask in step.
    const double spread = 1 + kJitter * (2 * QRandomGenerator::global()->generateDouble() - 1);
    watched.timer.start(int(seconds * 1000 * spread));
}

void HealthProber::noteAnswer(const QByteArray &backend, bool isThere, const QString &message)
{
    const auto found = std::find_if(m_watched.begin(), m_watched.end(), [&](const auto &watched) {
        return watched->lane->name == backend;
    });
    if (found == m_watched.end() || (*found)->check) {
        return;
    }
    (*found)->seen = (*found)->lane->reachability.load(std::memory_order_relaxed);
    tell(**found, {isThere ? BackendHealth::Healthy : BackendHealth::Unhealthy, message});
}

void HealthProber::lookAtRequests()
{
    for (const auto &watched : m_watched) {
        const Reachability now = watched->lane->reachability.load(std::memory_order_relaxed);
        if (now == watched->seen) {
            continue;
        }
        watched->seen = now;
        if (now == Reachability::Reachable) {
            tell(*watched, {BackendHealth::Healthy, {}});
        } else if (now == Reachability::Unreachable) {
            tell(*watched,
                 {BackendHealth::Unhealthy,
                  QCoreApplication::translate("HealthProber", "A request did not reach it.")});
        }
    }
}

BackendHealth healthOf(const BackendConfig &backend, const LaneState &lane)
{
    if (isLocal(backend)) {
        return BackendHealth::Healthy;
    }
    const BackendHealth verdict = lane.health.verdict();
    if (verdict != BackendHealth::Unknown) {
        return verdict;
    }
    switch (lane.reachability.load(std::memory_order_relaxed)) {
    case Reachability::Reachable:
        return BackendHealth::Healthy;
    case Reachability::Unreachable:
        return BackendHealth::Unhealthy;
    case Reachability::Unknown:
        break;
    }
    return BackendHealth::Unknown;
}

} // namespace tidegate
