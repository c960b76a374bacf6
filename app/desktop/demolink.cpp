// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/demolink.h"

#include <QDateTime>
#include <QJsonArray>
#include <QTimeZone>
#include <QUrl>

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

constexpr int kTickMs = 100;
constexpr double kPerSecond = 3;
constexpr qint64 kPastUs = 45'000'000;
constexpr qint64 kDayUs = 86'400'000'000;

BackendType typeOf(const QString &name)
{
    for (int i = 0; i <= int(BackendType::Noop); ++i) {
        if (name == QLatin1String(backendTypeName(BackendType(i)))) {
            return BackendType(i);
        }
    }
    return BackendType::Local;
}

BackendConfig makeBackend(const QByteArray &name, const QJsonObject &source, Origin origin)
{
    BackendConfig backend;
    backend.name = name;
    backend.origin = origin;
    backend.source = source;
    backend.type = typeOf(source.value(QStringLiteral("type")).toString());
    backend.baseUrl = source.value(QStringLiteral("url")).toString().toUtf8();
    backend.priority = source.value(QStringLiteral("priority")).toInt(100);
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

QJsonObject source(const char *type, const char *url, const QStringList &models,
                   const char *key = "")
{
    QJsonObject object{{QStringLiteral("type"), QLatin1String(type)},
                       {QStringLiteral("url"), QLatin1String(url)},
                       {QStringLiteral("models"), QJsonArray::fromStringList(models)}};
    if (*key != '\0') {
        object[QStringLiteral("api_key")] = QLatin1String(key);
    }
    return object;
}

std::vector<BackendConfig> demoBackends()
{
    std::vector<BackendConfig> list;
    list.push_back(
        makeBackend("openai",
                    source("openai", "https://api.openai.com/v1",
                           {QStringLiteral("gpt-*"), QStringLiteral("o4-mini")}, "keychain:openai"),
                    Origin::Panel));
    list.push_back(makeBackend(
        "gpu-box",
        source("vllm", "http://192.168.1.40:8000/v1", {QStringLiteral("qwen2.5-7b-instruct")}),
        Origin::File));
    list.push_back(
        makeBackend("ollama",
                    source("ollama", "http://127.0.0.1:11434/v1",
                           {QStringLiteral("llama3.2:3b"), QStringLiteral("nomic-embed-text")}),
                    Origin::Panel));
    list.push_back(
        makeBackend("groq",
                    source("groq", "https://api.groq.com/openai/v1",
                           {QStringLiteral("llama-3.3-70b-versatile")}, "${GROQ_API_KEY}"),
                    Origin::File));
    list.push_back(makeBackend("mistral",
                               source("mistral", "https://api.mistral.ai/v1",
                                      {QStringLiteral("mistral-*")}, "keychain:mistral"),
                               Origin::Panel));
    list.back().keyState = KeyState::Missing;
    return list;
}

ClientKey makeKey(qint64 id, const char *name, const char *prefix, qint64 createdUs)
{
    ClientKey key;
    key.id = id;
    key.name = QString::fromLatin1(name);
    key.prefix = QString::fromUtf8(prefix);
    key.createdAt = QDateTime::fromMSecsSinceEpoch(createdUs / 1'000, QTimeZone::utc());
    return key;
}

std::vector<ClientKey> demoKeys(qint64 nowUs)
{
    std::vector<ClientKey> keys;
    keys.push_back(makeKey(4, "notebook", "tg-…77b0", nowUs - 2 * kDayUs));
    keys.push_back(makeKey(3, "support-bot", "tg-…0d92", nowUs - 9 * kDayUs));
    keys.push_back(makeKey(2, "ide-assistant", "tg-…c41e", nowUs - 21 * kDayUs));
    keys.push_back(makeKey(5, "old-laptop", "tg-…9a15", nowUs - 140 * kDayUs));
    keys.back().revokedAt =
        QDateTime::fromMSecsSinceEpoch((nowUs - 30 * kDayUs) / 1'000, QTimeZone::utc());
    keys.push_back(makeKey(1, "ci", "tg-…f3a1", nowUs - 64 * kDayUs));
    keys.back().fromFile = true;
    keys.back().models.emplace_back("fast");
    keys.back().models.emplace_back("gpt-*");
    return keys;
}

} // namespace

DemoLink::DemoLink(Options options, QObject *parent)
    : GatewayLink(parent)
    , m_options(std::move(options))
    , m_frozenUs(kFrozenUs - kPastUs)
    , m_feed(m_options.frozen ? m_frozenUs : wallClockUs() - kPastUs, kPerSecond)
    , m_nextKeyId(6)
{
    auto config = std::make_shared<ConfigSnapshot>();
    config->revision = 1;
    if (!m_options.empty) {
        config->backends = demoBackends();
        ModelConfig fast;
        fast.name = "fast";
        fast.targets.push_back({"openai", "gpt-4o-mini", 1});
        config->models.push_back(fast);
        m_keys = demoKeys(m_options.frozen ? kFrozenUs : wallClockUs());
    }
    m_config = config;
    m_timer.setInterval(kTickMs);
    connect(&m_timer, &QTimer::timeout, this, &DemoLink::tick);
}

WallClock DemoLink::clock() const
{
    return [this] { return nowUs(); };
}

qint64 DemoLink::nowUs() const
{
    return m_options.frozen ? m_frozenUs : wallClockUs();
}

void DemoLink::start()
{
    m_failure.clear();
    setState(Gateway::State::Running);
    Q_EMIT configChanged();
    Q_EMIT keysChanged();
    const bool quiet = m_options.quiet || m_options.empty;
    if (m_options.frozen) {
        while (m_frozenUs < kFrozenUs) {
            m_frozenUs = std::min(m_frozenUs + kTickMs * qint64(1'000), kFrozenUs);
            if (!quiet) {
                tick();
            }
        }
    } else if (!quiet) {
        tick();
        m_timer.start();
    }
}

void DemoLink::stop()
{
    stopNow();
}

void DemoLink::stopNow()
{
    m_timer.stop();
    Q_EMIT exchangesChanged(m_feed.cancelAll(nowUs()));
    setState(Gateway::State::Stopped);
}

void DemoLink::setAccepting(bool accepting)
{
    if (accepting && !m_options.quiet && !m_options.frozen) {
        m_timer.start();
    } else {
        m_timer.stop();
    }
    setState(accepting ? Gateway::State::Running : Gateway::State::Paused);
}

quint16 DemoLink::port() const
{
    return m_config->server.port;
}

QUrl DemoLink::baseUrl() const
{
    QUrl url;
    url.setScheme(QStringLiteral("http"));
    url.setHost(m_config->server.host.toString());
    url.setPort(port());
    url.setPath(QStringLiteral("/v1"));
    return url;
}

void DemoLink::reloadConfig()
{
    Q_EMIT configChanged();
}

void DemoLink::refreshSecrets()
{
    Q_EMIT configChanged();
}

void DemoLink::saveBackend(const QByteArray &name, const QJsonObject &config,
                           Gateway::Reply<Done> reply)
{
    later([this, name, config, reply = std::move(reply)] {
        change([&](ConfigSnapshot &snapshot) {
            const BackendConfig backend = makeBackend(name, config, Origin::Panel);
            const auto existing =
                std::find_if(snapshot.backends.begin(), snapshot.backends.end(),
                             [&](const BackendConfig &other) { return other.name == name; });
            if (existing == snapshot.backends.end()) {
                snapshot.backends.push_back(backend);
            } else {
                *existing = backend;
            }
        });
        reply(Done{});
    });
}

void DemoLink::removeBackend(const QByteArray &name, Gateway::Reply<Done> reply)
{
    later([this, name, reply = std::move(reply)] {
        change([&](ConfigSnapshot &snapshot) {
            std::erase_if(snapshot.backends,
                          [&](const BackendConfig &backend) { return backend.name == name; });
        });
        reply(Done{});
    });
}

void DemoLink::testBackend(const QJsonObject &config, const Secret &,
                           std::function<void(BackendTest)> reply)
{
    BackendTest test;
    const QString type = config.value(QStringLiteral("type")).toString();
    const QString url = config.value(QStringLiteral("url")).toString();
    test.reachable = !url.contains(QStringLiteral(":1234")) &&
                     !url.contains(QStringLiteral(":8080")) &&
                     !url.contains(QStringLiteral(":8000"));
    if (test.reachable) {
        test.status = 200;
        test.latencyUs = 23'000;
        test.models =
            type == QStringLiteral("ollama")
                ? QStringList{QStringLiteral("llama3.2:3b"), QStringLiteral("qwen2.5-coder:7b"),
                              QStringLiteral("nomic-embed-text")}
                : QStringList{QStringLiteral("model-a"), QStringLiteral("model-b")};
        test.message = tr("It answers, with %n model(s).", nullptr, int(test.models.size()));
    } else {
        test.message = tr("Nothing listens on %1. Start the server and try again.").arg(url);
    }
    later([test, reply = std::move(reply)] { reply(test); });
}

void DemoLink::createKey(const QString &name, Gateway::Reply<Store::NewKey> reply)
{
    later([this, name, reply = std::move(reply)] {
        Store::NewKey key;
        key.record = makeKey(m_nextKeyId++, "", "tg-…demo", nowUs());
        key.record.name = name;
        key.plaintext = "tg-demo-key-that-opens-nothing-00000000demo";
        m_keys.insert(m_keys.begin(), key.record);
        Q_EMIT keysChanged();
        reply(key);
    });
}

void DemoLink::revokeKey(qint64 id, Gateway::Reply<ClientKey> reply)
{
    later([this, id, reply = std::move(reply)] {
        for (ClientKey &key : m_keys) {
            if (key.id == id) {
                key.revokedAt = QDateTime::fromMSecsSinceEpoch(nowUs() / 1'000, QTimeZone::utc());
                const ClientKey revoked = key;
                Q_EMIT keysChanged();
                reply(revoked);
                return;
            }
        }
        reply(Error{tr("There is no such key.")});
    });
}

void DemoLink::saveSetting(const QString &key, const QJsonValue &value, Gateway::Reply<Done> reply)
{
    later([this, key, value, reply = std::move(reply)] {
        change([&](ConfigSnapshot &snapshot) {
            if (key == QStringLiteral("server.port")) {
                snapshot.server.port = quint16(value.toInt());
            } else if (key == QStringLiteral("server.host")) {
                snapshot.server.host = QHostAddress(value.toString());
            }
        });
        Q_EMIT stateChanged();
        reply(Done{});
    });
}

void DemoLink::readUsage(std::function<void(UsageSummary)> reply)
{
    UsageSummary usage;
    if (!m_options.empty) {
        const qint64 now = nowUs();
        usage.requestsToday = 1'204;
        usage.lastUsedUs = {{1, now - 14'000'000},
                            {2, now - 3'000'000},
                            {3, now - 190'000'000},
                            {4, now - 7'500'000'000},
                            {5, now - 31 * kDayUs}};
    }
    later([usage, reply = std::move(reply)] { reply(usage); });
}

void DemoLink::simulateRequest(const QString &model)
{
    m_feed.inject(nowUs(), model.toUtf8(), m_keys.empty() ? 0 : m_keys.front().id);
    m_timer.start();
}

void DemoLink::fail(const QString &why)
{
    m_timer.stop();
    m_failure = why;
    setState(Gateway::State::Failed);
}

void DemoLink::setProblems(std::vector<ConfigProblem> problems)
{
    m_problems = std::move(problems);
    Q_EMIT problemsChanged();
}

void DemoLink::feed(const ExchangeBatch &batch)
{
    Q_EMIT exchangesChanged(batch);
}

void DemoLink::setState(Gateway::State state)
{
    m_state = state;
    Q_EMIT stateChanged();
}

void DemoLink::change(std::function<void(ConfigSnapshot &)> edit)
{
    auto config = std::make_shared<ConfigSnapshot>(*m_config);
    ++config->revision;
    edit(*config);
    m_config = std::move(config);
    Q_EMIT configChanged();
}

void DemoLink::tick()
{
    Q_EMIT exchangesChanged(m_feed.advance(nowUs()));
}

void DemoLink::later(std::function<void()> what)
{
    QMetaObject::invokeMethod(this, std::move(what), Qt::QueuedConnection);
}

} // namespace tidegate
