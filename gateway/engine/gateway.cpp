// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/gateway.h"

#include "gateway/config/backendparser.h"
#include "gateway/config/configloader.h"
#include "gateway/config/configwatcher.h"
#include "gateway/engine/enginethread.h"
#include "gateway/engine/eventjson.h"
#include "gateway/engine/metricsscraper.h"
#include "gateway/engine/modeldiscovery.h"
#include "gateway/engine/secretcache.h"
#include "gateway/observe/logsink.h"

#include <QFileInfo>
#include <QPointer>
#include <QTimer>

#include <algorithm>
#include <chrono>
#include <numeric>

namespace tidegate {

namespace {

bool isEmptyFile(const QString &path)
{
    const QFileInfo info(path);
    return !path.isEmpty() && info.exists() && info.size() == 0;
}

} // namespace

class Gateway::Private
{
public:
    Private(Gateway *gateway, GatewayOptions gatewayOptions, SecretSource *secretSource)
        : q(gateway)
        , options(std::move(gatewayOptions))
        , store(options.dataDir)
        , scraper({.ledger =
                       [this] {
                           const LedgerStats stats = store.ledgerStats();
                           return GatewayFigures::Ledger{stats.queued, stats.written, stats.spilled,
                                                         stats.lost};
                       },
                   .budgets = {},
                   .logLinesDropped = &LogSink::linesDropped})
        , secrets(secretSource)
        , watcher(options.configFile)
        , discovery([this](const BackendConfig &backend, ModelReply reply) {
            probe(backend, backend.keys.empty() ? Secret() : backend.keys.front(),
                  std::move(reply));
        })
    {
        drainTimer.setSingleShot(true);
        connect(&drainTimer, &QTimer::timeout, q, [this] { finishStop(); });
        connect(&secrets, &SecretCache::changed, q, [this] { applyConfig(); });
        connect(&watcher, &ConfigWatcher::changed, q, [this] { q->reloadConfig(); });
        connect(&discovery, &ModelDiscovery::changed, q, [this] { pushRoutes(); });
    }

    using ModelReply = std::function<void(const BackendTest &)>;

    void setState(State next);
    void fail(const QString &reason);
    bool loadFirstConfig();
    void startEngines();
    void bindEngines(std::function<void(const QString &error)> done);
    bool applyConfig();
    void pushRoutes();
    void rebindIfNeeded(const ServerConfig &before);
    void probe(const BackendConfig &backend, const Secret &key, ModelReply reply);
    void finishStop();
    void takeBatch(size_t engine, const ExchangeBatch &batch, bool idle);
    template <typename T>
    Reply<T> thenApply(Reply<T> reply, std::function<void(const T &)> change);

    Gateway *q;
    GatewayOptions options;
    Store store;
    MetricsScraper scraper;
    SecretCache secrets;
    ConfigWatcher watcher;
    ModelDiscovery discovery;
    StoredConfig stored;
    std::shared_ptr<const ConfigSnapshot> config;
    std::vector<BackendStatePtr> states; ///< of config's backends, in their order
    std::vector<ConfigProblem> problems;
    std::vector<std::unique_ptr<EngineThread>> engines;
    std::vector<int> activeOf; ///< by engine, as of its last batch
    std::vector<bool> idleOf;
    std::vector<qint64> finishedOf;
    QTimer drainTimer;
    AdminHandler adminHandler;
    State state = State::Stopped;
    QString failure;
    QHostAddress boundHost;
    quint16 boundPort = 0;
    quint64 revision = 0;
    bool liveFeed = false;
};

void Gateway::Private::setState(State next)
{
    if (state != next) {
        state = next;
        Q_EMIT q->stateChanged();
    }
}

void Gateway::Private::fail(const QString &reason)
{
    failure = reason;
    engines.clear();
    scraper.finish();
    store.close();
    setState(State::Failed);
}

bool Gateway::Private::loadFirstConfig()
{
    auto opened = store.open();
    if (!opened) {
        fail(opened.error());
        return false;
    }
    stored = std::move(opened).value();
    if (!applyConfig()) {
        QStringList lines;
        for (const ConfigProblem &problem : problems) {
            if (problem.severity == ConfigProblem::Severity::Error) {
                lines.append(problem.toString());
            }
        }
        fail(lines.join(QLatin1Char('\n')));
        return false;
    }
    return true;
}

// Reads everything anew and, when it is sound, makes it the configuration in force.
bool Gateway::Private::applyConfig()
{
    if (config && isEmptyFile(options.configFile)) {
        // An editor may just be writing it; and nobody means to lose all keys and backends.
        problems = {{ConfigProblem::Severity::Warning,
                     options.configFile,
                     0,
                     {},
                     tr("The file is empty. Tidegate goes on with what it had.")}};
        Q_EMIT q->problemsChanged();
        return false;
    }
    ConfigOutcome outcome = loadConfig({.file = options.configFile,
                                        .stored = stored,
                                        .host = options.host,
                                        .port = options.port,
                                        .logLevel = options.logLevel});
    problems = std::move(outcome.problems);
    Q_EMIT q->problemsChanged();
    if (!outcome.snapshot) {
        return false;
    }
    secrets.resolve(*outcome.snapshot);
    outcome.snapshot->revision = ++revision;
    const ConfigPtr before = std::exchange(config, std::move(outcome.snapshot));

    // What is known of a backend outlives its edits.
    std::vector<BackendStatePtr> next;
    for (const BackendConfig &backend : config->backends) {
        const auto known =
            std::find_if(states.begin(), states.end(),
                         [&backend](const auto &entry) { return entry->name == backend.name; });
        next.push_back(known != states.end() ? *known
                                             : std::make_shared<BackendState>(backend.name));
    }
    states = std::move(next);
    store.setRetentionDays(config->retentionDays);
    pushRoutes();
    if (!engines.empty()) {
        discovery.setBackends(config, states);
        if (before) {
            rebindIfNeeded(before->server);
        }
    }
    Q_EMIT q->configChanged();
    return true;
}

void Gateway::Private::pushRoutes()
{
    if (engines.empty()) {
        return;
    }
    const auto routes = std::make_shared<const Routes>(config, states, discovery.models());
    for (const auto &engine : engines) {
        engine->post([routes](Engine &e) { e.setRoutes(routes); });
    }
    scraper.setRoutes(routes);
}

void Gateway::Private::startEngines()
{
    const auto routes = std::make_shared<const Routes>(config, states, discovery.models());
    scraper.setRoutes(routes);
    const int count = std::max(1, config->server.workers);
    activeOf.assign(size_t(count), 0);
    idleOf.assign(size_t(count), true);
    finishedOf.assign(size_t(count), 0);
    for (int i = 0; i < count; ++i) {
        Engine::Output output;
        output.metrics = scraper.metrics().shard(size_t(i));
        output.scrape = [self = &scraper](const AdminRequest &request) { self->scrape(request); };
        output.appendToLedger = [target = &store](std::vector<LedgerRow> &&rows) {
            target->append(std::move(rows));
        };
        output.publish = [gateway = q, self = this, i](const ExchangeBatch &batch, bool idle) {
            QMetaObject::invokeMethod(
                gateway, [self, i, batch, idle] { self->takeBatch(size_t(i), batch, idle); },
                Qt::QueuedConnection);
        };
        output.admin = [gateway = q, self = this](const AdminRequest &request) {
            QMetaObject::invokeMethod(
                gateway,
                [self, request] {
                    if (self->adminHandler) {
                        self->adminHandler(request);
                    }
                },
                Qt::QueuedConnection);
        };
        engines.push_back(std::make_unique<EngineThread>(i, std::move(output), options.adminToken));
        engines.back()->post([routes, wanted = liveFeed](Engine &e) {
            e.setRoutes(routes);
            e.setLiveFeedEnabled(wanted);
        });
    }
}

// Binds one engine after the other: the first one may pick the port that the others share.
void Gateway::Private::bindEngines(std::function<void(const QString &error)> done)
{
    const QHostAddress host = config->server.host;
    const bool shared = engines.size() > 1;
    quint16 port = config->server.port;
    for (const auto &engine : engines) {
        Result<quint16> bound = Error{};
        Result<quint16> *answer = &bound;
        engine->call(
            [answer, host, port, shared](Engine &e) { *answer = e.listen(host, port, shared); });
        if (!bound) {
            done(bound.error());
            return;
        }
        port = *bound;
    }
    boundHost = host;
    boundPort = port;
    done({});
}

void Gateway::Private::rebindIfNeeded(const ServerConfig &before)
{
    const bool same = config->server.host == before.host && config->server.port == before.port;
    if (same || state == State::Starting) {
        return;
    }
    bindEngines([this](const QString &error) {
        if (!error.isEmpty()) {
            problems.push_back(
                {ConfigProblem::Severity::Error,
                 {},
                 0,
                 QStringLiteral("server.port"),
                 tr("%1 Tidegate stays at %2.").arg(error, q->baseUrl().toString())});
            Q_EMIT q->problemsChanged();
        }
    });
    Q_EMIT q->stateChanged();
}

void Gateway::Private::probe(const BackendConfig &backend, const Secret &key, ModelReply reply)
{
    if (engines.empty()) {
        BackendTest test;
        test.message = tr("The gateway is not running.");
        QTimer::singleShot(0, q, [reply = std::move(reply), test] { reply(test); });
        return;
    }
    engines.front()->post(
        [gateway = QPointer<Gateway>(q), backend, key, reply = std::move(reply)](Engine &e) {
            e.probe(backend, key, [gateway, reply](const BackendTest &test) {
                QMetaObject::invokeMethod(
                    gateway, [reply, test] { reply(test); }, Qt::QueuedConnection);
            });
        });
}

void Gateway::Private::takeBatch(size_t engine, const ExchangeBatch &batch, bool idle)
{
    if (engine >= activeOf.size()) {
        return;
    }
    activeOf[engine] = batch.active;
    idleOf[engine] = idle;
    finishedOf[engine] = batch.finishedTotal;
    ExchangeBatch whole = batch;
    whole.active = q->activeExchanges();
    whole.finishedTotal = std::accumulate(finishedOf.begin(), finishedOf.end(), qint64(0));
    if (!whole.events.isEmpty()) {
        const QByteArray text = eventStreamOf(whole);
        for (const auto &target : engines) {
            target->post([text, count = whole.events.size()](Engine &e) {
                e.sendToSubscribers(text, count);
            });
        }
    }
    Q_EMIT q->exchangesChanged(whole);
    if (state == State::Draining &&
        std::all_of(idleOf.begin(), idleOf.end(), [](bool i) { return i; })) {
        finishStop();
    }
}

void Gateway::Private::finishStop()
{
    if (state == State::Stopped) {
        return;
    }
    drainTimer.stop();
    discovery.stop();
    engines.clear();
    scraper.finish();
    activeOf.clear();
    store.close();
    setState(State::Stopped);
}

Gateway::Gateway(GatewayOptions options, SecretSource *secrets, QObject *parent)
    : QObject(parent)
    , d(std::make_unique<Private>(this, std::move(options), secrets))
{
}

Gateway::~Gateway()
{
    stopNow();
}

void Gateway::start()
{
    if (d->state != State::Stopped && d->state != State::Failed) {
        return;
    }
    d->failure.clear();
    d->setState(State::Starting);
    if (!d->loadFirstConfig()) {
        return;
    }
    const auto run = [this] {
        d->startEngines();
        d->bindEngines([this](const QString &error) {
            if (!error.isEmpty()) {
                d->fail(error);
                return;
            }
            d->discovery.setBackends(d->config, d->states);
            d->setState(State::Running);
        });
    };
    if (d->config->server.auth == AuthMode::Off || !d->config->keys.all().empty()) {
        run();
        return;
    }
    createKey(tr("First key"), [this, run](const Result<Store::NewKey> &made) {
        if (!made) {
            d->fail(made.error());
            return;
        }
        Q_EMIT firstKeyCreated(made->plaintext);
        run();
    });
}

void Gateway::stop()
{
    if (d->state == State::Draining) {
        return;
    }
    if (d->engines.empty()) {
        d->finishStop();
        return;
    }
    d->setState(State::Draining);
    d->drainTimer.start(std::chrono::seconds(d->config->server.drainSeconds));
    std::fill(d->idleOf.begin(), d->idleOf.end(), false);
    for (const auto &engine : d->engines) {
        engine->post([](Engine &e) { e.setMode(Engine::Mode::Draining); });
    }
}

void Gateway::stopNow()
{
    d->finishStop();
}

void Gateway::setAccepting(bool accepting)
{
    if (d->state != State::Running && d->state != State::Paused) {
        return;
    }
    for (const auto &engine : d->engines) {
        engine->post([accepting](Engine &e) {
            e.setMode(accepting ? Engine::Mode::Serving : Engine::Mode::Paused);
        });
    }
    d->setState(accepting ? State::Running : State::Paused);
}

Gateway::State Gateway::state() const
{
    return d->state;
}

QString Gateway::failure() const
{
    return d->failure;
}

quint16 Gateway::port() const
{
    return d->boundPort;
}

QUrl Gateway::baseUrl() const
{
    QUrl url;
    if (d->boundPort != 0) {
        const bool any = d->boundHost == QHostAddress(QHostAddress::Any) ||
                         d->boundHost == QHostAddress(QHostAddress::AnyIPv4) ||
                         d->boundHost == QHostAddress(QHostAddress::AnyIPv6);
        url.setScheme(QStringLiteral("http"));
        url.setHost(any ? QStringLiteral("127.0.0.1") : d->boundHost.toString());
        url.setPort(d->boundPort);
        url.setPath(QStringLiteral("/v1"));
    }
    return url;
}

ConfigPtr Gateway::config() const
{
    return d->config;
}

std::vector<ConfigProblem> Gateway::problems() const
{
    return d->problems;
}

LedgerStats Gateway::ledgerStats() const
{
    return d->store.ledgerStats();
}

int Gateway::activeExchanges() const
{
    return std::accumulate(d->activeOf.begin(), d->activeOf.end(), 0);
}

std::vector<ClientKey> Gateway::clientKeys() const
{
    std::vector<ClientKey> keys = d->stored.keys;
    if (d->config) {
        for (const auto &key : d->config->keys.all()) {
            if (key->fromFile) {
                keys.push_back(*key);
            }
        }
    }
    std::stable_sort(keys.begin(), keys.end(), [](const ClientKey &a, const ClientKey &b) {
        return a.createdAt > b.createdAt;
    });
    return keys;
}

QString Gateway::databasePath() const
{
    return d->store.databasePath();
}

void Gateway::reloadConfig()
{
    if (d->config) {
        d->applyConfig();
    }
}

void Gateway::refreshSecrets()
{
    d->secrets.forget();
    reloadConfig();
}

// A change is stored first; only then does it count.
template <typename T>
Gateway::Reply<T> Gateway::Private::thenApply(Reply<T> reply, std::function<void(const T &)> change)
{
    return [gateway = QPointer<Gateway>(q), self = this, reply = std::move(reply),
            change = std::move(change)](const Result<T> &result) {
        if (gateway && result) {
            change(*result);
            self->applyConfig();
        }
        if (reply) {
            reply(result);
        }
    };
}

void Gateway::saveBackend(const QByteArray &name, const QJsonObject &config, Reply<Done> reply)
{
    const auto parsed = parseBackend(name, config);
    if (!parsed) {
        reply(Error{parsed.error()});
        return;
    }
    d->store.saveBackend(
        name, config, d->thenApply<Done>(std::move(reply), [this, name, config](const Done &) {
            auto &backends = d->stored.backends;
            const auto known =
                std::find_if(backends.begin(), backends.end(),
                             [&name](const auto &entry) { return entry.first == name; });
            if (known != backends.end()) {
                known->second = config;
            } else {
                backends.emplace_back(name, config);
            }
        }));
}

void Gateway::removeBackend(const QByteArray &name, Reply<Done> reply)
{
    d->store.removeBackend(name, d->thenApply<Done>(std::move(reply), [this, name](const Done &) {
        std::erase_if(d->stored.backends,
                      [&name](const auto &entry) { return entry.first == name; });
    }));
}

void Gateway::testBackend(const QJsonObject &config, const Secret &key,
                          std::function<void(BackendTest)> reply)
{
    const auto parsed = parseBackend("test", config);
    if (!parsed) {
        BackendTest test;
        test.message = parsed.error();
        reply(test);
        return;
    }
    const Secret stored = parsed->keys.empty() ? Secret() : parsed->keys.front();
    d->probe(*parsed, key.isEmpty() ? stored : key, std::move(reply));
}

void Gateway::testSavedBackend(const QByteArray &name, std::function<void(BackendTest)> reply)
{
    const auto &backends = d->config->backends;
    const auto found = std::find_if(backends.begin(), backends.end(),
                                    [&name](const auto &backend) { return backend.name == name; });
    if (found == backends.end()) {
        BackendTest test;
        test.message = tr("There is no such backend.");
        reply(test);
        return;
    }
    d->probe(*found, found->keys.empty() ? Secret() : found->keys.front(), std::move(reply));
}

void Gateway::createKey(const QString &name, Reply<Store::NewKey> reply)
{
    d->store.createKey(
        name, QJsonObject(),
        d->thenApply<Store::NewKey>(std::move(reply), [this](const Store::NewKey &made) {
            d->stored.keys.push_back(made.record);
            Q_EMIT keysChanged();
        }));
}

void Gateway::revokeKey(qint64 id, Reply<ClientKey> reply)
{
    d->store.revokeKey(id,
                       d->thenApply<ClientKey>(std::move(reply), [this](const ClientKey &revoked) {
                           for (ClientKey &key : d->stored.keys) {
                               if (key.id == revoked.id) {
                                   key = revoked;
                               }
                           }
                           Q_EMIT keysChanged();
                       }));
}

void Gateway::saveSetting(const QString &key, const QJsonValue &value, Reply<Done> reply)
{
    d->store.saveSetting(key, value,
                         d->thenApply<Done>(std::move(reply), [this, key, value](const Done &) {
                             if (value.isNull()) {
                                 d->stored.settings.remove(key);
                             } else {
                                 d->stored.settings.insert(key, value);
                             }
                         }));
}

void Gateway::setAdminHandler(AdminHandler handler)
{
    d->adminHandler = std::move(handler);
}

void Gateway::setLiveFeedEnabled(bool enabled)
{
    d->liveFeed = enabled;
    for (const auto &engine : d->engines) {
        engine->post([enabled](Engine &e) { e.setLiveFeedEnabled(enabled); });
    }
}

} // namespace tidegate
