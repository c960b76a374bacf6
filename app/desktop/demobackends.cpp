// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/demobackends.h"

#include "app/desktop/demolink.h"

#include <QCoreApplication>
#include <QJsonArray>
#include <QJsonDocument>

#include <algorithm>

namespace tidegate {

namespace {

// The failing server's round: it is down, then probed, then down again.
constexpr qint64 kOpenMs = 30'000;
constexpr qint64 kRoundMs = 36'000;
/// Where in its round it is in screenshots.
constexpr qint64 kFrozenInRoundMs = 18'000;

class Demo
{
    Q_DECLARE_TR_FUNCTIONS(Demo)
};

QJsonObject json(const char *text)
{
    return QJsonDocument::fromJson(text).object();
}

qint64 roundStartMs(qint64 nowMs)
{
    constexpr qint64 kStartMs = DemoLink::kFrozenUs / 1'000 - kFrozenInRoundMs;
    const qint64 into = ((nowMs - kStartMs) % kRoundMs + kRoundMs) % kRoundMs;
    return nowMs - into;
}

CredentialInfo credential(int index, const char *tail,
                          CredentialState state = CredentialState::Ready, Fault fault = Fault::None)
{
    CredentialInfo info;
    info.index = index;
    info.tail = tail;
    info.state = state;
    info.fault = fault;
    return info;
}

/// How a backend of the demo does when nothing is wrong with it.
struct Figures
{
    const char *name;
    int active;
    int waiting;
    int latencyMs;
    int p95Ms;
    const char *discovered;
};

constexpr Figures kFigures[] = {
    {"openai", 6, 0, 388, 910, "gpt-4o gpt-4o-mini o4-mini text-embedding-3-small"},
    {"gpu-box", 3, 0, 104, 160, "qwen2.5-7b-instruct"},
    {"ollama", 2, 1, 121, 240, "llama3.2:3b nomic-embed-text qwen2.5-coder:7b"},
    {"groq", 1, 0, 186, 330, "llama-3.3-70b-versatile llama-3.1-8b-instant"},
    {"llama-local", 0, 0, 92, -1, "qwen2.5-coder-7b-q4"},
};

QStringList words(const char *text)
{
    return QString::fromLatin1(text).split(u' ', Qt::SkipEmptyParts);
}

const BackendConfig *find(const ConfigSnapshot &config, const QByteArray &name)
{
    const auto it = std::find_if(config.backends.cbegin(), config.backends.cend(),
                                 [&name](const BackendConfig &b) { return b.name == name; });
    return it == config.backends.cend() ? nullptr : &*it;
}

bool matches(const std::vector<Glob> &globs, const QByteArray &name)
{
    return std::any_of(globs.cbegin(), globs.cend(), [&name](const Glob &glob) {
        return glob.matches({name.constData(), size_t(name.size())});
    });
}

/// Why a request could not be sent there now; empty: it could.
const char *outBecause(const BackendConfig &backend, const BackendStatus &status)
{
    if (status.draining) {
        return "draining";
    }
    if (backend.keyState != KeyState::NotNeeded && backend.keyState != KeyState::Ready) {
        return "key_missing";
    }
    if (status.breaker.state == BreakerState::Open) {
        return "breaker_open";
    }
    return "";
}

} // namespace

BackendConfig DemoBackends::makeBackend(const QByteArray &name, const QJsonObject &source,
                                        Origin origin)
{
    BackendConfig backend;
    backend.name = name;
    backend.origin = origin;
    backend.source = source;
    backend.type = backendTypeFromName(source.value(QStringLiteral("type")).toString().toLatin1())
                       .value_or(BackendType::Local);
    backend.baseUrl = source.value(QStringLiteral("url")).toString().toUtf8();
    backend.priority = source.value(QStringLiteral("priority")).toInt(100);
    backend.weight = source.value(QStringLiteral("weight")).toInt(1);
    backend.maxConcurrency = source.value(QStringLiteral("max_concurrency")).toInt(0);
    backend.maxQueue = source.value(QStringLiteral("max_queue")).toInt(100);
    const QJsonArray models = source.value(QStringLiteral("models")).toArray();
    for (const QJsonValue &model : models) {
        backend.models.emplace_back(model.toString().toUtf8());
    }
    const QString key = source.value(QStringLiteral("api_key")).toString();
    if (!key.isEmpty()) {
        SecretRef ref;
        if (key.startsWith(QStringLiteral("keychain:"))) {
            ref.kind = SecretRef::Kind::Keychain;
            ref.name = key.mid(9);
        }
        backend.keyRefs.push_back(ref);
        backend.keyState = KeyState::Ready;
    }
    return backend;
}

ModelConfig DemoBackends::makeModel(const QByteArray &name, const QJsonObject &source,
                                    Origin origin)
{
    ModelConfig model;
    model.name = name;
    model.origin = origin;
    model.source = source;
    const QJsonArray targets = source.value(QStringLiteral("targets")).toArray();
    for (const QJsonValue &value : targets) {
        ModelTarget target;
        target.backend = value[QStringLiteral("backend")].toString().toUtf8();
        target.model = value[QStringLiteral("model")].toString(QString::fromUtf8(name)).toUtf8();
        target.weight = value[QStringLiteral("weight")].toInt(1);
        model.targets.push_back(target);
    }
    const QJsonArray aliases = source.value(QStringLiteral("aliases")).toArray();
    for (const QJsonValue &alias : aliases) {
        model.aliases.emplace_back(alias.toString().toUtf8());
    }
    const QJsonArray fallbacks = source.value(QStringLiteral("fallbacks")).toArray();
    for (const QJsonValue &fallback : fallbacks) {
        model.fallbacks << fallback.toString().toUtf8();
    }
    model.strategy =
        routingStrategyFromName(source.value(QStringLiteral("strategy")).toString().toLatin1())
            .value_or(RoutingStrategy::Priority);
    const QByteArray affinity = source.value(QStringLiteral("affinity")).toString().toUtf8();
    if (affinity == "prompt_prefix") {
        model.affinity.by = AffinityRule::By::PromptPrefix;
    } else if (!affinity.isEmpty() && affinity != "off") {
        model.affinity.by = AffinityRule::By::Header;
        model.affinity.header = affinity;
    }
    const QJsonObject hedge = source.value(QStringLiteral("hedge")).toObject();
    model.hedge.enabled = hedge.value(QStringLiteral("enabled")).toBool();
    model.hedge.afterMs = hedge.value(QStringLiteral("after_ms")).toInt();
    const QJsonObject mirror = source.value(QStringLiteral("mirror")).toObject();
    model.mirror.backend = mirror.value(QStringLiteral("backend")).toString().toUtf8();
    model.mirror.model = mirror.value(QStringLiteral("model")).toString().toUtf8();
    model.mirror.percent = mirror.value(QStringLiteral("percent")).toDouble(100);
    return model;
}

std::vector<BackendConfig> DemoBackends::backends()
{
    std::vector<BackendConfig> list;
    const auto add = [&list](const char *name, Origin origin, const char *source) {
        list.push_back(makeBackend(name, json(source), origin));
    };
    add("openai", Origin::Panel,
        R"({"type": "openai", "url": "https://api.openai.com/v1", "priority": 10,
            "models": ["gpt-*", "o4-mini"], "api_key": "keychain:openai"})");
    add("gpu-box", Origin::File,
        R"({"type": "vllm", "url": "http://192.168.1.40:8000/v1", "priority": 20,
            "models": ["qwen2.5-7b-instruct"], "max_concurrency": 8, "max_queue": 64})");
    add("ollama", Origin::Panel,
        R"({"type": "ollama", "url": "http://127.0.0.1:11434/v1", "priority": 30,
            "models": ["llama3.2:3b", "nomic-embed-text"], "max_concurrency": 2,
            "max_queue": 20})");
    add("groq", Origin::File,
        R"({"type": "groq", "url": "https://api.groq.com/openai/v1", "priority": 40,
            "models": ["llama-3.3-70b-versatile"], "api_key": "${GROQ_API_KEY}"})");
    add("lab-server", Origin::Panel,
        R"({"type": "sglang", "url": "http://192.168.1.55:30000/v1", "priority": 50,
            "models": ["qwen2.5-72b-instruct"], "max_concurrency": 4})");
    add("llama-local", Origin::Panel,
        R"({"type": "llamacpp", "url": "http://127.0.0.1:8081/v1", "priority": 60,
            "models": ["qwen2.5-coder-7b-q4"],
            "managed": {"start": "llama-server -m /srv/models/qwen2.5-coder-7b-q4.gguf --port 8081",
                        "idle_minutes": 10}})");
    add("cloud-gpu", Origin::Panel,
        R"({"type": "vllm", "url": "http://127.0.0.1:18000/v1", "priority": 70,
            "models": ["llama-3.3-70b-instruct"],
            "managed": {"start": "cloudctl instances start gpu-a100-1 --wait",
                        "stop": "cloudctl instances stop gpu-a100-1", "idle_minutes": 20},
            "ssh": {"host": "gpu-a100-1.example.net", "user": "serve", "remote_port": 8000}})");
    add("mistral", Origin::Panel,
        R"({"type": "mistral", "url": "https://api.mistral.ai/v1", "models": ["mistral-*"],
            "api_key": "keychain:mistral"})");
    list.back().keyState = KeyState::Missing;
    return list;
}

std::vector<ModelConfig> DemoBackends::models()
{
    std::vector<ModelConfig> list;
    const auto add = [&list](const char *name, Origin origin, const char *source) {
        list.push_back(makeModel(name, json(source), origin));
    };
    add("fast", Origin::Panel,
        R"({"strategy": "weighted", "aliases": ["default", "chat-*"], "fallbacks": ["smart"],
            "hedge": {"enabled": true},
            "targets": [{"backend": "openai", "model": "gpt-4o-mini", "weight": 3},
                        {"backend": "groq", "model": "llama-3.3-70b-versatile"}]})");
    add("smart", Origin::File,
        R"({"strategy": "priority", "affinity": "x-session-id",
            "targets": [{"backend": "lab-server", "model": "qwen2.5-72b-instruct"},
                        {"backend": "openai", "model": "gpt-4o"},
                        {"backend": "mistral", "model": "mistral-large-latest"}]})");
    add("local", Origin::Panel,
        R"({"strategy": "least_latency", "affinity": "prompt_prefix",
            "mirror": {"backend": "llama-local", "model": "qwen2.5-coder-7b-q4", "percent": 10},
            "targets": [{"backend": "gpu-box", "model": "qwen2.5-7b-instruct"},
                        {"backend": "ollama", "model": "llama3.2:3b"}]})");
    add("embed", Origin::File,
        R"({"targets": [{"backend": "ollama", "model": "nomic-embed-text"}]})");
    return list;
}

void DemoBackends::setDraining(const QByteArray &name, bool draining)
{
    m_hands[name].draining = draining;
    if (m_played.contains(name)) {
        m_played[name].draining = draining;
    }
}

void DemoBackends::trip(const QByteArray &name, int seconds, qint64 nowUs)
{
    m_played.remove(name);
    Hand &hand = m_hands[name];
    hand.resetMs.reset();
    hand.trippedMs = nowUs / 1'000;
    hand.trippedUntilMs = seconds > 0 ? nowUs / 1'000 + seconds * qint64(1'000) : 0;
}

void DemoBackends::reset(const QByteArray &name, qint64 nowUs)
{
    m_played.remove(name);
    Hand &hand = m_hands[name];
    hand.trippedMs.reset();
    hand.resetMs = nowUs / 1'000;
}

void DemoBackends::confirm(const QByteArray &name)
{
    m_hands[name].confirmed = true;
}

void DemoBackends::setManaged(const QByteArray &name, ManagedState state, qint64 nowUs)
{
    m_hands[name].managed = state;
    m_hands[name].managedMs = nowUs / 1'000;
}

void DemoBackends::breakerOf(BackendStatus &status, qint64 nowMs) const
{
    const Hand hand = m_hands.value(status.name);
    BreakerSnapshot &breaker = status.breaker;
    const auto became = [&status](qint64 atMs, BreakerState from, BreakerState to,
                                  BreakerReason reason, Fault fault = Fault::None) {
        status.breakerHistory.insert(status.breakerHistory.begin(),
                                     {atMs, from, to, reason, fault});
    };
    if (status.name == "lab-server") {
        const qint64 startMs = roundStartMs(nowMs);
        became(startMs - 66'000, BreakerState::Closed, BreakerState::Open,
               BreakerReason::ConsecutiveFailures, Fault::Unreachable);
        became(startMs - 6'000, BreakerState::Open, BreakerState::HalfOpen,
               BreakerReason::TimeOver);
        became(startMs, BreakerState::HalfOpen, BreakerState::Open, BreakerReason::ProbeFailed,
               Fault::Unreachable);
        status.breakerSinceMs = startMs;
        breaker.fault = Fault::Unreachable;
        breaker.failures = 5;
        breaker.requests = 5;
        if (nowMs - startMs < kOpenMs) {
            breaker.state = BreakerState::Open;
            breaker.reason = BreakerReason::ProbeFailed;
            breaker.streak = 2;
            status.breakerOpenUntilMs = startMs + kOpenMs;
        } else {
            became(startMs + kOpenMs, BreakerState::Open, BreakerState::HalfOpen,
                   BreakerReason::TimeOver);
            breaker.state = BreakerState::HalfOpen;
            breaker.reason = BreakerReason::TimeOver;
            breaker.probesNeeded = 2;
            breaker.probesSucceeded = 1;
            status.breakerSinceMs = startMs + kOpenMs;
        }
    }
    if (hand.trippedMs && (hand.trippedUntilMs == 0 || nowMs < hand.trippedUntilMs)) {
        became(*hand.trippedMs, breaker.state, BreakerState::Open, BreakerReason::ByHand);
        breaker.state = BreakerState::Open;
        breaker.reason = BreakerReason::ByHand;
        status.breakerSinceMs = *hand.trippedMs;
        status.breakerOpenUntilMs = hand.trippedUntilMs;
    } else if (hand.resetMs) {
        became(*hand.resetMs, breaker.state, BreakerState::Closed, BreakerReason::ByHand);
        breaker = {};
        breaker.reason = BreakerReason::ByHand;
        status.breakerSinceMs = *hand.resetMs;
        status.breakerOpenUntilMs = 0;
    }
}

void DemoBackends::managedOf(BackendStatus &status, const BackendConfig &backend,
                             qint64 nowMs) const
{
    const Hand hand = m_hands.value(status.name);
    const QJsonObject managed = backend.source.value(QStringLiteral("managed")).toObject();
    const QJsonObject ssh = backend.source.value(QStringLiteral("ssh")).toObject();
    status.command = managed.value(QStringLiteral("start")).toString();
    const bool confirmed = hand.confirmed || status.name == "llama-local";
    if (!ssh.isEmpty()) {
        status.tunnel = confirmed ? TunnelState::Connected : TunnelState::Unconfirmed;
        const QString target = ssh.value(QStringLiteral("user")).toString() + u'@' +
                               ssh.value(QStringLiteral("host")).toString();
        status.tunnelDetail =
            confirmed ? Demo::tr("Connected to %1.").arg(target) : Demo::tr("To %1.").arg(target);
        if (status.command.isEmpty()) {
            status.command = QStringLiteral("ssh ") + target;
        }
    }
    if (managed.isEmpty()) {
        return;
    }
    status.managed = ManagedState::Unconfirmed;
    if (confirmed) {
        status.managed = hand.managed.value_or(
            status.name == "llama-local" ? ManagedState::Idle : ManagedState::Stopped);
    }
    status.managedSinceMs = hand.managed ? hand.managedMs : nowMs - 380'000;
    if (status.managed == ManagedState::Idle) {
        status.idleStopMs = status.managedSinceMs + 600'000;
    }
}

BackendStatus DemoBackends::statusOf(const BackendConfig &backend, qint64 nowUs) const
{
    const auto played = m_played.constFind(backend.name);
    if (played != m_played.cend()) {
        return *played;
    }
    const qint64 nowMs = nowUs / 1'000;
    BackendStatus status;
    status.name = backend.name;
    status.draining = m_hands.value(backend.name).draining;
    status.maxConcurrency = backend.maxConcurrency;
    status.maxQueue = backend.maxQueue;
    for (const Figures &figures : kFigures) {
        if (backend.name == figures.name) {
            status.health = BackendHealth::Healthy;
            status.checkedAtMs = nowMs - 11'000;
            status.active = figures.active;
            status.waiting = figures.waiting;
            status.latencyMs = figures.latencyMs;
            status.p95Ms = figures.p95Ms;
            status.discovered = words(figures.discovered);
        }
    }
    if (backend.name == "openai") {
        status.keys = {credential(0, "4f2a")};
        status.keysUntilMs = {0};
    } else if (backend.name == "groq") {
        status.keys = {credential(0, "91bd"),
                       credential(1, "07c3", CredentialState::Cooling, Fault::RateLimit),
                       credential(2, "e5a8", CredentialState::Dead, Fault::Key)};
        status.keysUntilMs = {0, nowMs + 14'000, nowMs + 22 * qint64(60'000)};
    } else if (backend.name == "lab-server") {
        status.health = BackendHealth::Unhealthy;
        status.healthReason = Demo::tr("It refused the connection 3 times in a row.");
        status.checkedAtMs = nowMs - 7'000;
    }
    breakerOf(status, nowMs);
    managedOf(status, backend, nowMs);
    return status;
}

std::vector<BackendStatus> DemoBackends::status(const ConfigSnapshot &config, qint64 nowUs) const
{
    std::vector<BackendStatus> list;
    list.reserve(config.backends.size());
    for (const BackendConfig &backend : config.backends) {
        list.push_back(statusOf(backend, nowUs));
    }
    return list;
}

QJsonObject DemoBackends::explain(const ConfigSnapshot &config, const QJsonObject &question,
                                  qint64 nowUs) const
{
    const QByteArray asked = question.value(QStringLiteral("model")).toString().toUtf8();
    const auto model = std::find_if(config.models.cbegin(), config.models.cend(),
                                    [&asked](const ModelConfig &other) {
                                        return other.name == asked || matches(other.aliases, asked);
                                    });
    std::vector<ModelTarget> targets;
    size_t own = 0;
    QString match = QStringLiteral("listed");
    if (model != config.models.cend()) {
        match = QStringLiteral("public");
        targets = model->targets;
        own = targets.size();
        for (const QByteArray &fallback : model->fallbacks) {
            for (const ModelConfig &other : config.models) {
                if (other.name == fallback) {
                    targets.insert(targets.end(), other.targets.cbegin(), other.targets.cend());
                }
            }
        }
    } else {
        for (const BackendConfig &backend : config.backends) {
            if (matches(backend.models, asked)) {
                targets.push_back({backend.name, asked});
            }
        }
        own = targets.size();
    }
    QJsonObject answer{{QStringLiteral("model"), QString::fromUtf8(asked)},
                       {QStringLiteral("match"), match},
                       {QStringLiteral("error"), QJsonValue()},
                       {QStringLiteral("hedge"), QJsonValue()},
                       {QStringLiteral("mirror"), QJsonValue()},
                       {QStringLiteral("backend"), QJsonValue()}};
    if (targets.empty()) {
        const QString message =
            Demo::tr("No backend serves the model %1.").arg(QString::fromUtf8(asked));
        answer[QStringLiteral("error")] =
            QJsonObject{{QStringLiteral("status"), 404},
                        {QStringLiteral("code"), QStringLiteral("model_not_found")},
                        {QStringLiteral("message"), message}};
        answer[QStringLiteral("summary")] = message;
        answer[QStringLiteral("lanes")] = QJsonArray();
        answer[QStringLiteral("skipped")] = QJsonArray();
        return answer;
    }
    const bool shared =
        model != config.models.cend() && model->strategy != RoutingStrategy::Priority;
    int weights = 0;
    for (size_t i = 0; i < own; ++i) {
        weights += targets[i].weight;
    }
    QJsonArray lanes;
    bool found = false;
    for (size_t i = 0; i < targets.size(); ++i) {
        const BackendConfig *backend = find(config, targets[i].backend);
        if (backend == nullptr) {
            continue;
        }
        const BackendStatus status = statusOf(*backend, nowUs);
        const QString reason = QString::fromLatin1(outBecause(*backend, status));
        QJsonObject lane{
            {QStringLiteral("backend"), QString::fromUtf8(backend->name)},
            {QStringLiteral("model"), QString::fromUtf8(targets[i].model)},
            {QStringLiteral("fallback"), i >= own},
            {QStringLiteral("available"), reason.isEmpty()},
            {QStringLiteral("in_flight"), status.active},
            {QStringLiteral("waiting"), status.waiting},
            {QStringLiteral("latency_ms"), std::max(status.latencyMs, 0)},
        };
        double share = 0;
        if (reason.isEmpty()) {
            share = shared && i < own ? double(targets[i].weight) / std::max(weights, 1)
                    : found           ? 0
                                      : 1;
            if (!found) {
                found = true;
                answer[QStringLiteral("backend")] = lane.value(QStringLiteral("backend"));
                answer[QStringLiteral("served_model")] = lane.value(QStringLiteral("model"));
            }
        } else {
            lane[QStringLiteral("reason")] = reason;
            if (status.breakerOpenUntilMs > 0) {
                lane[QStringLiteral("available_in_ms")] = status.breakerOpenUntilMs - nowUs / 1'000;
            }
        }
        lane[QStringLiteral("share")] = share;
        lanes.append(lane);
    }
    answer[QStringLiteral("lanes")] = lanes;
    answer[QStringLiteral("skipped")] = QJsonArray();
    if (model != config.models.cend()) {
        answer[QStringLiteral("public_model")] = QString::fromUtf8(model->name);
        answer[QStringLiteral("strategy")] =
            QString::fromLatin1(routingStrategyName(model->strategy));
        if (model->hedge.enabled) {
            answer[QStringLiteral("hedge")] = QJsonObject{{QStringLiteral("after_ms"), 910}};
        }
        if (!model->mirror.backend.isEmpty()) {
            answer[QStringLiteral("mirror")] =
                QJsonObject{{QStringLiteral("backend"), QString::fromUtf8(model->mirror.backend)},
                            {QStringLiteral("model"), QString::fromUtf8(model->mirror.model)},
                            {QStringLiteral("percent"), model->mirror.percent}};
        }
    }
    return answer;
}

} // namespace tidegate
