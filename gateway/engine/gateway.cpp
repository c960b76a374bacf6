// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/gateway.h"

#include "gateway/base/clock.h"
#include "gateway/config/backendparser.h"
#include "gateway/config/closestmatch.h"
#include "gateway/config/configloader.h"
#include "gateway/config/configwatcher.h"
#include "gateway/config/pricefile.h"
#include "gateway/engine/backenddesk.h"
#include "gateway/engine/configeditor.h"
#include "gateway/engine/configswitch.h"
#include "gateway/engine/enginethread.h"
#include "gateway/engine/eventjson.h"
#include "gateway/engine/healthprober.h"
#include "gateway/engine/manageddesk.h"
#include "gateway/engine/metricsscraper.h"
#include "gateway/engine/modeldiscovery.h"
#include "gateway/engine/noticejson.h"
#include "gateway/engine/policydesk.h"
#include "gateway/engine/secretcache.h"
#include "gateway/observe/logsink.h"
#include "gateway/pipeline/routeexplanation.h"

#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QLoggingCategory>
#include <QPointer>
#include <QSet>
#include <QTimer>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

bool isEmptyFile(const QString &path)
{
    const QFileInfo info(path);
    return !path.isEmpty() && info.exists() && info.size() == 0;
}

Q_LOGGING_CATEGORY(lcGateway, "tidegate.gateway")

// What a stop command, such as that of a cloud machine, gets before the gateway ends.
constexpr int kManagedStopMs = 45'000;

QString errorsOf(const std::vector<ConfigProblem> &problems)
{
    QStringList lines;
    for (const ConfigProblem &problem : problems) {
        if (problem.severity == ConfigProblem::Severity::Error) {
            lines.append(problem.toString());
        }
    }
    return lines.join(QLatin1Char('\n'));
}

/// Empty when there is no such key or team any more.
QString nameOf(const BudgetAccount &account, const ConfigSnapshot &snapshot)
{
    if (account.team) {
        const Team *team = snapshot.keys.team(account.id);
        return team ? team->name : QString();
    }
    const auto &keys = snapshot.keys.all();
    const auto found = std::find_if(keys.begin(), keys.end(),
                                    [&account](const auto &key) { return key->id == account.id; });
    return found != keys.end() ? (*found)->name : QString();
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
                   .budgets =
                       [this](const ConfigSnapshot &snapshot) { return budgetFigures(snapshot); },
                   .logLinesDropped = &LogSink::linesDropped})
        , secrets(secretSource)
        , watcher(options.configFile)
        , discovery([this](const BackendConfig &backend, ModelReply reply) {
            probe(backend, backend.keys.empty() ? Secret() : backend.keys.front(),
                  std::move(reply));
        })
        , configSwitch(
              {.load = [this] { return loadNext(); },
               .prepare = [this](const ConfigPtr &next,
                                 std::function<void()> ready) { prepare(next, ready); },
               .install =
                   [this](std::shared_ptr<ConfigSnapshot> next, std::function<void()> inForce) {
                       install(std::move(next));
                       // Engines do what they are told in order: who has flushed uses it.
                       flushRows(inForce);
                   }})
        , editor(store, {.config = [this] { return config; },
                         .apply =
                             [this](ConfigEditor::Applied applied) {
                                 editedSinceLoad = true;
                                 configSwitch.request(std::move(applied));
                             }})
    {
        drainTimer.setSingleShot(true);
        connect(&drainTimer, &QTimer::timeout, q, [this] { finishStop(Patience::Some); });
        connect(&secrets, &SecretCache::changed, q, [this] { configSwitch.request(); });
        connect(&watcher, &ConfigWatcher::changed, q, [this] { q->reloadConfig(); });
        connect(&discovery, &ModelDiscovery::changed, q, [this] {
            backends.setDiscovered(discovery.models());
            pushRoutes();
        });
        connect(&discovery, &ModelDiscovery::answered, &prober, &HealthProber::noteAnswer);
        connect(&prober, &HealthProber::modelsFound, &discovery, &ModelDiscovery::note);
        connect(&prober, &HealthProber::changed, &backends, &BackendDesk::look);
        connect(&backends, &BackendDesk::aboutToLook, &prober, &HealthProber::lookAtRequests);
        connect(&desk, &PolicyDesk::budgetEvent, q, &Gateway::budgetEvent);
        connect(&backends, &BackendDesk::changed, q, &Gateway::backendStatusChanged);
        connect(&backends, &BackendDesk::breakerChanged, q, &Gateway::breakerChanged);
        connect(&backends, &BackendDesk::backendChanged, q, [this](const QByteArray &name) {
            if (const auto status = statusOf(name)) {
                tellSubscribers(noticeOf(*status), 1);
            }
        });
        connect(&managed, &ManagedDesk::opened, &discovery, &ModelDiscovery::askAgain);
        connect(&managed, &ManagedDesk::changed, q, [this](const QByteArray &name) {
            if (const auto status = statusOf(name)) {
                tellSubscribers(noticeOf(*status), 1);
            }
            Q_EMIT q->backendStatusChanged();
        });
        connect(&backends, &BackendDesk::breakerChanged, q,
                [this](const QByteArray &name, const BreakerEvent &event) {
                    tellSubscribers(noticeOf(name, event), 1);
                });
        connect(&desk, &PolicyDesk::budgetEvent, q, [this](const BudgetEvent &event) {
            tellSubscribers(noticeOf(event, nameOf(event.account, *config)), 1);
        });
        connect(&editor, &ConfigEditor::keysChanged, q, &Gateway::keysChanged);
        connect(&editor, &ConfigEditor::teamsChanged, q, &Gateway::teamsChanged);
        connect(&editor, &ConfigEditor::pricesChanged, q, &Gateway::pricesChanged);
    }

    using ModelReply = std::function<void(const BackendTest &)>;

    void setState(State next);
    void fail(const QString &reason);
    void run();
    void startEngines();
    void bindEngines(std::function<void(const QString &error)> done);
    Result<std::shared_ptr<ConfigSnapshot>> loadNext();
    void prepare(const ConfigPtr &next, const std::function<void()> &ready);
    void install(std::shared_ptr<ConfigSnapshot> next);
    void watchPriceFile();
    void rememberNames();
    void pushRoutes();
    void watchBackends();
    void saveDrained(const QStringList &names);
    [[nodiscard]] std::optional<BackendStatus> statusOf(const QByteArray &name) const;
    void closeStore();
    void rebindIfNeeded(const ServerConfig &before);
    void probe(const BackendConfig &backend, const Secret &key, ModelReply reply);
    void tellSubscribers(const QByteArray &events, qint64 count);
    enum class Patience : quint8
    {
        None,
        Some
    };
    /// The engines end now. With some patience, what the backends' commands have started gets time
    /// to end, and the state is Stopped later.
    void finishStop(Patience patience);
    void takeBatch(size_t engine, const ExchangeBatch &batch, bool idle);
    void loadFirst();
    void flushRows(const std::function<void()> &done);
    std::vector<GatewayFigures::Budget> budgetFigures(const ConfigSnapshot &snapshot) const;

    Gateway *q;
    GatewayOptions options;
    Store store;
    PolicyDesk desk{store};
    const std::shared_ptr<RetryBudget> overallRetries = std::make_shared<RetryBudget>();
    MetricsScraper scraper;
    SecretCache secrets;
    ConfigWatcher watcher;
    std::unique_ptr<ConfigWatcher> priceWatcher; ///< null without a price file
    QString watchedPrices;
    ModelDiscovery discovery;
    HealthProber prober;
    BackendDesk backends{[this](const QStringList &names) { saveDrained(names); }};
    ManagedDesk managed{[this](const QJsonObject &confirmed, ManagedDesk::Reply reply) {
        store.saveSetting(ManagedDesk::kConfirmedSetting, confirmed, std::move(reply));
    }};
    ConfigSwitch configSwitch;
    ConfigEditor editor;
    std::shared_ptr<const ConfigSnapshot> config;
    QByteArray goodFileText;      ///< what config was read from
    bool editedSinceLoad = false; ///< the database holds something that config does not
    std::vector<KnownName> rememberedNames;
    std::vector<ConfigProblem> problems;
    std::vector<std::unique_ptr<EngineThread>> engines;
    std::shared_ptr<std::atomic<int>> subscribers; ///< of all engines
    std::vector<int> activeOf;                     ///< by engine, as of its last batch
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
    managed.endNow();
    engines.clear();
    scraper.finish();
    store.close();
    desk.close();
    setState(State::Failed);
}

// Reads everything anew.
Result<std::shared_ptr<ConfigSnapshot>> Gateway::Private::loadNext()
{
    ConfigInput input{.file = options.configFile,
                      .fileText = {},
                      .lastPrices = config ? config->priceFile : nullptr,
                      .stored = editor.stored(),
                      .host = options.host,
                      .port = options.port,
                      .logLevel = options.logLevel};
    ConfigOutcome outcome;
    if (config && isEmptyFile(options.configFile)) {
        // An editor may just be writing it; and nobody means to lose all keys and backends.
        outcome.problems = {{ConfigProblem::Severity::Warning,
                             options.configFile,
                             0,
                             {},
                             tr("The file is empty. Tidegate goes on with what it had.")}};
    } else {
        outcome = loadConfig(input);
    }
    problems = std::move(outcome.problems);
    if (outcome.snapshot) {
        goodFileText = outcome.fileText;
    } else if (config && editedSinceLoad) {
        // A mistake in the file must not keep a key from being revoked.
        input.fileText = goodFileText;
        outcome.snapshot = loadConfig(input).snapshot;
    }
    Q_EMIT q->problemsChanged();
    if (!outcome.snapshot) {
        const QString errors = errorsOf(problems);
        return Error{errors.isEmpty() ? problems.front().toString() : errors};
    }
    editedSinceLoad = false;
    secrets.resolve(*outcome.snapshot);
    return outcome.snapshot;
}

// What a configuration needs before it counts.
void Gateway::Private::prepare(const ConfigPtr &next, const std::function<void()> &ready)
{
    desk.prepare(
        next, [this](std::function<void()> done) { flushRows(done); }, ready);
}

// What has finished counts as spent once its row is with the store.
void Gateway::Private::flushRows(const std::function<void()> &done)
{
    if (engines.empty()) {
        done();
        return;
    }
    const auto left = std::make_shared<size_t>(engines.size()); // of the main thread
    for (const auto &engine : engines) {
        engine->post([gateway = q, left, done](Engine &e) {
            e.flushRows();
            QMetaObject::invokeMethod(
                gateway,
                [left, done] {
                    if (--*left == 0) {
                        done();
                    }
                },
                Qt::QueuedConnection);
        });
    }
}

// Called in the scraper's thread.
std::vector<GatewayFigures::Budget>
Gateway::Private::budgetFigures(const ConfigSnapshot &snapshot) const
{
    std::vector<GatewayFigures::Budget> figures;
    for (const BudgetUsage &usage : desk.budgetUsage()) {
        const QByteArray name = nameOf(usage.account, snapshot).toUtf8();
        if (!name.isEmpty()) {
            figures.push_back(
                {usage.account.team, name, usage.rule.amount, usage.settled, usage.held});
        }
    }
    return figures;
}

void Gateway::Private::install(std::shared_ptr<ConfigSnapshot> next)
{
    next->revision = ++revision;
    const ConfigPtr before = std::exchange(config, std::move(next));

    backends.setConfig(config);
    managed.setConfig(config, backends.states());
    store.setRetentionDays(config->retentionDays);
    pushRoutes();
    watchPriceFile();
    rememberNames();
    if (!engines.empty()) {
        watchBackends();
        if (before) {
            rebindIfNeeded(before->server);
        }
    }
    Q_EMIT q->configChanged();
}

// Called with each configuration, because the file may name another one.
void Gateway::Private::watchPriceFile()
{
    const QString path = config->priceFile ? config->priceFile->file : QString();
    if (path == watchedPrices) {
        return;
    }
    watchedPrices = path;
    priceWatcher.reset();
    if (!path.isEmpty()) {
        priceWatcher = std::make_unique<ConfigWatcher>(path);
        connect(priceWatcher.get(), &ConfigWatcher::changed, q, [this] {
            q->reloadConfig([this](const Result<Done> &) { Q_EMIT q->pricesChanged(); });
        });
    }
}

// Reports name keys and teams of the file too, also after they are gone from it.
void Gateway::Private::rememberNames()
{
    std::vector<KnownName> names;
    for (const auto &key : config->keys.all()) {
        if (key->fromFile) {
            names.push_back({NameKind::Key, key->id, key->name, false});
        }
    }
    for (const Team &team : config->keys.teams()) {
        if (team.fromFile) {
            names.push_back({NameKind::Team, team.id, team.name, false});
        }
    }
    const auto same = [](const KnownName &a, const KnownName &b) {
        return a.kind == b.kind && a.id == b.id && a.name == b.name;
    };
    if (!std::equal(names.begin(), names.end(), rememberedNames.begin(), rememberedNames.end(),
                    same)) {
        rememberedNames = names;
        store.rememberNames(std::move(names));
    }
}

void Gateway::Private::pushRoutes()
{
    if (engines.empty()) {
        return;
    }
    const auto routes =
        std::make_shared<const Routes>(config, backends.states(), discovery.models());
    for (const auto &engine : engines) {
        engine->post([routes](Engine &e) { e.setRoutes(routes); });
    }
    scraper.setRoutes(routes);
}

void Gateway::Private::saveDrained(const QStringList &names)
{
    const QJsonValue value =
        names.isEmpty() ? QJsonValue() : QJsonValue(QJsonArray::fromStringList(names));
    store.saveSetting(BackendDesk::kDrainedSetting, value, [](const Result<Done> &saved) {
        if (!saved) {
            qCWarning(lcGateway, "After a restart it is forgotten which backends are drained: %ls",
                      qUtf16Printable(saved.error()));
        }
    });
}

void Gateway::Private::watchBackends()
{
    discovery.setBackends(config, backends.states());
    backends.setDiscovered(discovery.models());
    prober.setBackends(config, backends.states());
    backends.watch(true);
}

std::optional<BackendStatus> Gateway::Private::statusOf(const QByteArray &name) const
{
    std::optional<BackendStatus> status = backends.status(name);
    if (status) {
        managed.fill(*status);
    }
    return status;
}

void Gateway::Private::run()
{
    startEngines();
    bindEngines([this](const QString &error) {
        if (!error.isEmpty()) {
            fail(error);
            return;
        }
        watchBackends();
        setState(State::Running);
    });
}

void Gateway::Private::startEngines()
{
    const auto routes =
        std::make_shared<const Routes>(config, backends.states(), discovery.models());
    scraper.setRoutes(routes);
    const int count = std::max(1, config->server.workers);
    activeOf.assign(size_t(count), 0);
    idleOf.assign(size_t(count), true);
    finishedOf.assign(size_t(count), 0);
    subscribers = std::make_shared<std::atomic<int>>(0);
    for (int i = 0; i < count; ++i) {
        Engine::Output output;
        output.subscribers = subscribers;
        output.quiet = options.engineQuiet;
        output.policies = desk.policies();
        output.retries = overallRetries;
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
    if (!whole.events.isEmpty() && *subscribers > 0) {
        tellSubscribers(eventStreamOf(whole), whole.events.size());
    }
    Q_EMIT q->exchangesChanged(whole);
    if (state == State::Draining &&
        std::all_of(idleOf.begin(), idleOf.end(), [](bool i) { return i; })) {
        finishStop(Patience::Some);
    }
}

void Gateway::Private::tellSubscribers(const QByteArray &events, qint64 count)
{
    for (const auto &target : engines) {
        target->post([events, count](Engine &e) { e.sendToSubscribers(events, count); });
    }
}

void Gateway::Private::finishStop(Patience patience)
{
    if (state == State::Stopped) {
        return;
    }
    drainTimer.stop();
    discovery.stop();
    prober.stop();
    backends.watch(false);
    engines.clear();
    scraper.finish();
    activeOf.clear();
    if (patience == Patience::Some && !managed.isEmpty()) {
        managed.shutDown(kManagedStopMs, [this] { closeStore(); });
        return;
    }
    managed.endNow();
    closeStore();
}

void Gateway::Private::closeStore()
{
    if (state == State::Stopped) {
        return;
    }
    store.close();
    desk.close();
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
    auto opened = d->store.open();
    if (!opened) {
        d->fail(opened.error());
        return;
    }
    d->backends.restoreDrained(
        opened->settings.value(BackendDesk::kDrainedSetting).toVariant().toStringList());
    d->managed.restoreConfirmed(opened->settings.value(ManagedDesk::kConfirmedSetting).toObject());
    d->editor.setStored(std::move(opened).value());
    d->desk.open(d->options.dataDir, [this](const Result<QString> &journal) {
        if (!journal) {
            d->fail(journal.error());
            return;
        }
        if (!journal->isEmpty()) {
            qCWarning(lcGateway, "%ls", qUtf16Printable(*journal));
        }
        d->loadFirst();
    });
}

void Gateway::Private::loadFirst()
{
    if (state != State::Starting) {
        return; // stopped meanwhile
    }
    configSwitch.request([this](const Result<Done> &loaded) {
        if (!loaded) {
            fail(loaded.error());
            return;
        }
        if (config->server.auth == AuthMode::Off || !config->keys.all().empty()) {
            run();
            return;
        }
        q->createKey(tr("First key"), [this](const Result<Store::NewKey> &made) {
            if (!made) {
                fail(made.error());
                return;
            }
            Q_EMIT q->firstKeyCreated(made->plaintext);
            run();
        });
    });
}

void Gateway::stop()
{
    if (d->state == State::Draining) {
        return;
    }
    if (d->engines.empty()) {
        d->finishStop(Private::Patience::Some);
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
    d->finishStop(Private::Patience::None);
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
    std::vector<ClientKey> keys;
    QSet<qint64> inForce;
    if (d->config) {
        for (const auto &key : d->config->keys.all()) {
            keys.push_back(*key);
            inForce.insert(key->id);
        }
    }
    // Not in force: those whose key the file has too, and what was changed this moment.
    for (const ClientKey &key : d->editor.stored().keys) {
        if (!inForce.contains(key.id)) {
            keys.push_back(key);
        }
    }
    std::stable_sort(keys.begin(), keys.end(), [](const ClientKey &a, const ClientKey &b) {
        return a.createdAt > b.createdAt;
    });
    return keys;
}

std::vector<Team> Gateway::teams() const
{
    return d->config ? d->config->keys.teams() : std::vector<Team>();
}

QString Gateway::databasePath() const
{
    return d->store.databasePath();
}

void Gateway::reloadConfig()
{
    reloadConfig([](const Result<Done> &) {});
}

void Gateway::reloadConfig(Reply<Done> reply)
{
    if (!d->config) {
        reply(Error{tr("The gateway is not running.")});
        return;
    }
    d->configSwitch.request([this, reply = std::move(reply)](const Result<Done> &applied) {
        if (applied) {
            Q_EMIT keysChanged();
            Q_EMIT teamsChanged();
        }
        reply(applied);
    });
}

void Gateway::refreshSecrets()
{
    d->secrets.forget();
    reloadConfig();
}

void Gateway::saveBackend(const QByteArray &name, const QJsonObject &config, Reply<Done> reply)
{
    d->editor.saveBackend(name, config, std::move(reply));
}

void Gateway::updateBackend(const QByteArray &name, const QJsonObject &patch, Reply<Done> reply)
{
    d->editor.patchBackend(name, patch, std::move(reply));
}

void Gateway::removeBackend(const QByteArray &name, Reply<Done> reply)
{
    d->editor.removeBackend(name, std::move(reply));
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

std::vector<BackendStatus> Gateway::backendStatus() const
{
    std::vector<BackendStatus> all = d->backends.statuses();
    for (BackendStatus &status : all) {
        d->managed.fill(status);
    }
    return all;
}

void Gateway::confirmCommand(const QByteArray &backend, Reply<Done> reply)
{
    d->managed.confirm(backend, reply);
}

void Gateway::startManaged(const QByteArray &backend, Reply<Done> reply)
{
    reply(d->managed.start(backend));
}

void Gateway::stopManaged(const QByteArray &backend, Reply<Done> reply)
{
    reply(d->managed.stop(backend));
}

void Gateway::drainBackend(const QByteArray &name, Reply<Done> reply)
{
    reply(d->backends.setDraining(name, true));
}

void Gateway::resumeBackend(const QByteArray &name, Reply<Done> reply)
{
    reply(d->backends.setDraining(name, false));
}

void Gateway::tripBreaker(const QByteArray &name, int seconds, Reply<Done> reply)
{
    reply(d->backends.tripBreaker(name, seconds));
}

void Gateway::resetBreaker(const QByteArray &name, Reply<Done> reply)
{
    reply(d->backends.resetBreaker(name));
}

Result<QJsonObject> Gateway::explainRoute(const QJsonObject &question) const
{
    static const QStringList kFields{u"model"_s, u"key_id"_s,  u"key"_s, u"backend"_s,
                                     u"tools"_s, u"headers"_s, u"body"_s};
    for (auto it = question.begin(); it != question.end(); ++it) {
        if (!kFields.contains(it.key())) {
            return Error{it.key() + tr(": Unknown field.") + didYouMean(it.key(), kFields)};
        }
    }
    if (!d->config) {
        return Error{tr("The gateway has not been started.")};
    }
    RouteQuestion asked;
    asked.model = question.value(u"model"_s).toString().toUtf8();
    if (asked.model.isEmpty()) {
        return Error{u"model: "_s + tr("Name the model to ask about.")};
    }
    const QJsonValue id = question.value(u"key_id"_s);
    const QString name = question.value(u"key"_s).toString();
    if (!id.isUndefined() || !name.isEmpty()) {
        for (const auto &key : d->config->keys.all()) {
            if (id.isUndefined() ? key->name == name : key->id == id.toInteger()) {
                asked.key = key.get();
            }
        }
        if (!asked.key) {
            return Error{(id.isUndefined() ? u"key: "_s : u"key_id: "_s) +
                         tr("There is no such key.")};
        }
    }
    asked.backend = question.value(u"backend"_s).toString().toUtf8();
    asked.hasTools = question.value(u"tools"_s).toBool();
    const QJsonObject headers = question.value(u"headers"_s).toObject();
    for (auto it = headers.begin(); it != headers.end(); ++it) {
        asked.headers.emplace_back(it.key().toLatin1(), it.value().toString().toLatin1());
    }
    if (const QJsonObject body = question.value(u"body"_s).toObject(); !body.isEmpty()) {
        asked.body = QJsonDocument(body).toJson(QJsonDocument::Compact);
        asked.hasTools = asked.hasTools || body.contains(u"tools"_s);
    }
    asked.nowNs = monotonicNs();
    return tidegate::explainRoute(Routes(d->config, d->backends.states(), d->discovery.models()),
                                  asked);
}

void Gateway::createKey(const QString &name, Reply<Store::NewKey> reply)
{
    createKey(name, {}, std::move(reply));
}

void Gateway::createKey(const QString &name, const QJsonObject &config, Reply<Store::NewKey> reply)
{
    d->editor.createKey(name, config, std::move(reply));
}

void Gateway::updateKey(qint64 id, const QString &name, const QJsonObject &config,
                        Reply<ClientKey> reply)
{
    d->editor.updateKey(id, name, config, std::move(reply));
}

void Gateway::updateKey(qint64 id, const QJsonObject &patch, Reply<ClientKey> reply)
{
    d->editor.patchKey(id, patch, std::move(reply));
}

void Gateway::rotateKey(qint64 id, int overlapSeconds, Reply<Store::NewKey> reply)
{
    d->editor.rotateKey(id, overlapSeconds, std::move(reply));
}

void Gateway::revokeKey(qint64 id, Reply<ClientKey> reply)
{
    d->editor.revokeKey(id, std::move(reply));
}

void Gateway::deleteKey(qint64 id, Reply<Done> reply)
{
    d->editor.deleteKey(id, std::move(reply));
}

void Gateway::saveTeam(qint64 id, const QString &name, const QJsonObject &config, Reply<Team> reply)
{
    d->editor.saveTeam(id, name, config, std::move(reply));
}

void Gateway::updateTeam(qint64 id, const QJsonObject &patch, Reply<Team> reply)
{
    d->editor.patchTeam(id, patch, std::move(reply));
}

void Gateway::removeTeam(qint64 id, Reply<Done> reply)
{
    d->editor.removeTeam(id, std::move(reply));
}

void Gateway::saveModel(const QByteArray &name, const QJsonObject &config, Reply<Done> reply)
{
    d->editor.saveModel(name, config, std::move(reply));
}

void Gateway::updateModel(const QByteArray &name, const QJsonObject &patch, Reply<Done> reply)
{
    d->editor.patchModel(name, patch, std::move(reply));
}

void Gateway::removeModel(const QByteArray &name, Reply<Done> reply)
{
    d->editor.removeModel(name, std::move(reply));
}

void Gateway::savePrice(const QByteArray &pattern, const QJsonObject &config, Reply<Done> reply)
{
    d->editor.savePrice(pattern, config, std::move(reply));
}

void Gateway::updatePrice(const QByteArray &pattern, const QJsonObject &patch, Reply<Done> reply)
{
    d->editor.patchPrice(pattern, patch, std::move(reply));
}

void Gateway::removePrice(const QByteArray &pattern, Reply<Done> reply)
{
    d->editor.removePrice(pattern, std::move(reply));
}

void Gateway::updateRateLimits(const QJsonObject &patch, Reply<Done> reply)
{
    d->editor.patchRateLimits(patch, std::move(reply));
}

void Gateway::saveSetting(const QString &key, const QJsonValue &value, Reply<Done> reply)
{
    d->editor.saveSetting(key, value, std::move(reply));
}

QJsonObject Gateway::configJson() const
{
    return d->config ? configAsFile(*d->config) : QJsonObject();
}

QJsonObject Gateway::exportConfig() const
{
    return exportedConfig(d->editor.stored());
}

void Gateway::importConfig(const QJsonObject &json, bool dryRun, Reply<ImportReport> reply)
{
    if (!d->config) {
        reply(Error{tr("The gateway is not running.")});
        return;
    }
    tidegate::importConfig(d->editor, d->config, json, dryRun, reply);
}

std::vector<LimitUsage> Gateway::limitUsage() const
{
    return d->desk.limitUsage();
}

std::vector<BudgetUsage> Gateway::budgetUsage() const
{
    return d->desk.budgetUsage();
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
