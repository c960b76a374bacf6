// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/demolink.h"

#include "app/desktop/demousage.h"
#include "gateway/config/policyparser.h"

#include <QDateTime>
#include <QJsonArray>
#include <QJsonDocument>
#include <QTimeZone>
#include <QUrl>

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

constexpr int kTickMs = 100;
constexpr double kPerSecond = 3;
constexpr qint64 kPastUs = 270'000'000;
constexpr qint64 kDayUs = 86'400'000'000;

QJsonObject json(const char *text)
{
    return QJsonDocument::fromJson(text).object();
}

/// What the demo itself says is right; only what a user types may fail.
ClientKey configured(ClientKey key, const char *config)
{
    key.config = json(config);
    const Result<ClientKey> parsed = parseKey(key);
    Q_ASSERT(parsed);
    return parsed ? *parsed : key;
}

/// The running period of a budget, in UTC: what is played does not care about zones.
std::pair<qint64, qint64> periodAround(BudgetPeriod period, qint64 nowUs)
{
    const QDateTime now = QDateTime::fromMSecsSinceEpoch(nowUs / 1'000, QTimeZone::utc());
    const QDate day = now.date();
    QDate first = day;
    QDate next = day.addDays(1);
    switch (period) {
    case BudgetPeriod::Hour: {
        constexpr qint64 kHourUs = 3'600'000'000;
        return {nowUs / kHourUs * kHourUs, nowUs / kHourUs * kHourUs + kHourUs};
    }
    case BudgetPeriod::Day:
        break;
    case BudgetPeriod::Week:
        first = day.addDays(1 - day.dayOfWeek());
        next = first.addDays(7);
        break;
    case BudgetPeriod::Month:
        first = QDate(day.year(), day.month(), 1);
        next = first.addMonths(1);
        break;
    case BudgetPeriod::Total:
        return {nowUs - 64 * kDayUs, -1};
    }
    const auto us = [](QDate date) {
        return date.startOfDay(QTimeZone::utc()).toMSecsSinceEpoch() * 1'000;
    };
    return {us(first), us(next)};
}

LimitUse played(qint64 id, bool team, const Limits &limits, const std::optional<BudgetRule> &budget,
                qint64 nowUs)
{
    // How much of its limits each account uses, in percent: requests, tokens, money.
    struct Share
    {
        qint64 id;
        bool team;
        int requests;
        int tokens;
        int money;
    };
    static constexpr Share kShares[] = {
        {4, false, 8, 12, 21},   {3, false, 57, 74, 83}, {2, false, 31, 44, 38},
        {-1, false, 20, 36, 52}, {1, true, 24, 18, 41},  {2, true, 46, 61, 91},
        {-1, true, 12, 8, 30},
    };
    LimitUse use;
    use.id = id;
    use.team = team;
    use.limits = limits;
    Share share{id, team, 0, 0, 0};
    for (const Share &known : kShares) {
        if (known.id == id && known.team == team) {
            share = known;
        }
    }
    use.requestsThisMinute = limits.requestsPerMinute * share.requests / 100;
    use.tokensThisMinute = limits.tokensPerMinute * share.requests / 100;
    use.tokensToday = limits.tokensPerDay > 0 ? limits.tokensPerDay * share.tokens / 100
                                              : share.tokens * qint64(7'310);
    if (budget) {
        const auto [startUs, resetUs] = periodAround(budget->period, nowUs);
        use.budget = BudgetUse{*budget, Money::fromNano(budget->amount.nano() / 100 * share.money),
                               Money::fromNano(share.money > 0 ? 3'100'000 : 0), startUs, resetUs};
    }
    return use;
}

std::vector<Team> demoTeams()
{
    const auto team = [](qint64 id, const char *name, const char *config) {
        Team made = parseTeam(QString::fromLatin1(name), json(config)).value();
        made.id = id;
        made.fromFile = id < 0;
        return made;
    };
    return {
        team(1, "research",
             R"({"budget": {"usd": "500", "period": "month", "timezone": "Europe/Berlin"},
                     "limits": {"requests_per_minute": 600}})"),
        team(2, "product",
             R"({"budget": {"usd": "120", "period": "week", "timezone": "Europe/Berlin"},
                     "limits": {"requests_per_minute": 300, "tokens_per_day": 5000000}})"),
        team(-1, "platform", R"({"budget": {"usd": "40", "period": "day", "timezone": "UTC"}})")};
}

PriceList demoPrices()
{
    PriceList list;
    list.updated = QDate(2026, 11, 1);
    const auto add = [&list](const char *pattern, const char *config,
                             Origin origin = Origin::Default) {
        list.entries.push_back({QString::fromLatin1(pattern), json(config), origin});
    };
    add("gpt-4o-mini", R"({"input": "0.15", "output": "0.60", "cached_input": "0.075"})");
    add("gpt-4o", R"({"input": "2.50", "output": "10", "cached_input": "1.25"})");
    add("o4-mini", R"({"input": "1.10", "output": "4.40", "cached_input": "0.275"})");
    add("claude-sonnet-4-*",
        R"({"input": "3", "output": "15", "cached_input": "0.30", "cache_write": "3.75"})");
    add("llama-3.3-70b-versatile", R"({"input": "0.59", "output": "0.79"})");
    add("gemini-2.5-flash", R"({"input": "0.30", "output": "2.50", "cached_input": "0.075"})");
    add("qwen2.5-7b-instruct", R"({"input": "0", "output": "0"})", Origin::Panel);
    add("llama3.2:3b", R"({"input": "0", "output": "0"})", Origin::File);
    add("nomic-embed-text", R"({"input": "0", "output": "0"})", Origin::File);
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
    keys.push_back(configured(makeKey(4, "notebook", "tg-…77b0", nowUs - 2 * kDayUs),
                              R"({"team": "research", "expires": "2027-01-31",
        "limits": {"requests_per_minute": 60, "tokens_per_day": 400000}})"));
    keys.push_back(configured(makeKey(3, "support-bot", "tg-…0d92", nowUs - 9 * kDayUs),
                              R"({"team": "product", "models": ["fast", "gpt-4o"],
        "limits": {"requests_per_minute": 120, "tokens_per_day": 2000000, "max_concurrency": 16},
        "budget": {"usd": "80", "period": "month", "timezone": "Europe/Berlin"}})"));
    keys.push_back(configured(makeKey(2, "ide-assistant", "tg-…c41e", nowUs - 21 * kDayUs),
                              R"({"team": "research",
        "limits": {"requests_per_minute": 90},
        "budget": {"usd": "12.50", "period": "week", "timezone": "Europe/Berlin",
                   "mode": "shadow"}})"));
    keys.push_back(makeKey(5, "old-laptop", "tg-…9a15", nowUs - 140 * kDayUs));
    keys.back().revokedAt =
        QDateTime::fromMSecsSinceEpoch((nowUs - 30 * kDayUs) / 1'000, QTimeZone::utc());
    keys.push_back(configured(makeKey(-1, "ci", "tg-…f3a1", nowUs - 64 * kDayUs),
                              R"({"team": "platform", "models": ["fast", "gpt-*"],
        "limits": {"requests_per_minute": 60, "tokens_per_day": 2000000},
        "budget": {"usd": "20", "period": "day", "timezone": "UTC"}})"));
    keys.back().fromFile = true;
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
        config->backends = DemoBackends::backends();
        config->models = DemoBackends::models();
        m_keys = demoKeys(m_options.frozen ? kFrozenUs : wallClockUs());
        m_teams = demoTeams();
    }
    m_prices = demoPrices();
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
            const BackendConfig backend = DemoBackends::makeBackend(name, config, Origin::Panel);
            const auto existing =
                std::find_if(snapshot.backends.begin(), snapshot.backends.end(),
                             [&](const BackendConfig &other) { return other.name == name; });
            if (existing == snapshot.backends.end()) {
                snapshot.backends.push_back(backend);
            } else {
                *existing = backend;
            }
            std::stable_sort(snapshot.backends.begin(), snapshot.backends.end(),
                             [](const BackendConfig &a, const BackendConfig &b) {
                                 return a.priority < b.priority;
                             });
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

std::vector<BackendStatus> DemoLink::backendStatus() const
{
    return m_backends.status(*m_config, nowUs());
}

void DemoLink::handle(Gateway::Reply<Done> reply, std::function<void(DemoBackends &)> what)
{
    later([this, what = std::move(what), reply = std::move(reply)] {
        what(m_backends);
        Q_EMIT backendStatusChanged();
        reply(Done{});
    });
}

void DemoLink::drainBackend(const QByteArray &name, Gateway::Reply<Done> reply)
{
    handle(std::move(reply), [name](DemoBackends &backends) { backends.setDraining(name, true); });
}

void DemoLink::resumeBackend(const QByteArray &name, Gateway::Reply<Done> reply)
{
    handle(std::move(reply), [name](DemoBackends &backends) { backends.setDraining(name, false); });
}

void DemoLink::tripBreaker(const QByteArray &name, int seconds, Gateway::Reply<Done> reply)
{
    handle(std::move(reply), [name, seconds, now = nowUs()](DemoBackends &backends) {
        backends.trip(name, seconds, now);
    });
}

void DemoLink::resetBreaker(const QByteArray &name, Gateway::Reply<Done> reply)
{
    handle(std::move(reply),
           [name, now = nowUs()](DemoBackends &backends) { backends.reset(name, now); });
}

void DemoLink::confirmCommand(const QByteArray &name, Gateway::Reply<Done> reply)
{
    handle(std::move(reply), [name](DemoBackends &backends) { backends.confirm(name); });
}

void DemoLink::startManaged(const QByteArray &name, Gateway::Reply<Done> reply)
{
    handle(std::move(reply), [name, now = nowUs()](DemoBackends &backends) {
        backends.setManaged(name, ManagedState::Starting, now);
    });
}

void DemoLink::stopManaged(const QByteArray &name, Gateway::Reply<Done> reply)
{
    handle(std::move(reply), [name, now = nowUs()](DemoBackends &backends) {
        backends.setManaged(name, ManagedState::Stopping, now);
    });
}

void DemoLink::playStatus(const BackendStatus &status)
{
    m_backends.play(status);
    Q_EMIT backendStatusChanged();
}

void DemoLink::saveModel(const QByteArray &name, const QJsonObject &config,
                         Gateway::Reply<Done> reply)
{
    later([this, name, config, reply = std::move(reply)] {
        change([&](ConfigSnapshot &snapshot) {
            const ModelConfig model = DemoBackends::makeModel(name, config, Origin::Panel);
            const auto existing =
                std::find_if(snapshot.models.begin(), snapshot.models.end(),
                             [&](const ModelConfig &other) { return other.name == name; });
            if (existing == snapshot.models.end()) {
                snapshot.models.push_back(model);
            } else {
                *existing = model;
            }
        });
        reply(Done{});
    });
}

void DemoLink::removeModel(const QByteArray &name, Gateway::Reply<Done> reply)
{
    later([this, name, reply = std::move(reply)] {
        change([&](ConfigSnapshot &snapshot) {
            std::erase_if(snapshot.models,
                          [&](const ModelConfig &model) { return model.name == name; });
        });
        reply(Done{});
    });
}

Result<QJsonObject> DemoLink::explainRoute(const QJsonObject &question) const
{
    return m_backends.explain(*m_config, question, nowUs());
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

ClientKey *DemoLink::keyOf(qint64 id)
{
    const auto key = std::find_if(m_keys.begin(), m_keys.end(),
                                  [id](const ClientKey &other) { return other.id == id; });
    return key == m_keys.end() ? nullptr : &*key;
}

void DemoLink::createKey(const QString &name, const QJsonObject &config,
                         Gateway::Reply<Store::NewKey> reply)
{
    later([this, name, config, reply = std::move(reply)] {
        ClientKey record = makeKey(m_nextKeyId, "", "tg-…demo", nowUs());
        record.name = name;
        record.config = config;
        const Result<ClientKey> parsed = parseKey(record);
        if (!parsed) {
            reply(Error{parsed.error()});
            return;
        }
        ++m_nextKeyId;
        Store::NewKey key;
        key.record = *parsed;
        key.plaintext = "tg-demo-key-that-opens-nothing-00000000demo";
        m_keys.insert(m_keys.begin(), key.record);
        Q_EMIT keysChanged();
        reply(key);
    });
}

void DemoLink::updateKey(qint64 id, const QString &name, const QJsonObject &config,
                         Gateway::Reply<ClientKey> reply)
{
    later([this, id, name, config, reply = std::move(reply)] {
        ClientKey *key = keyOf(id);
        if (key == nullptr) {
            reply(Error{tr("There is no such key.")});
            return;
        }
        ClientKey changed = *key;
        changed.name = name;
        changed.config = config;
        const Result<ClientKey> parsed = parseKey(changed);
        if (!parsed) {
            reply(Error{parsed.error()});
            return;
        }
        changed = *parsed;
        *key = changed;
        Q_EMIT keysChanged();
        reply(changed);
    });
}

void DemoLink::rotateKey(qint64 id, int overlapSeconds, Gateway::Reply<Store::NewKey> reply)
{
    later([this, id, overlapSeconds, reply = std::move(reply)] {
        ClientKey *key = keyOf(id);
        if (key == nullptr) {
            reply(Error{tr("There is no such key.")});
            return;
        }
        key->prefix = QString::fromUtf8("tg-…n3w0");
        key->previousUntil = QDateTime::fromMSecsSinceEpoch(nowUs() / 1'000, QTimeZone::utc())
                                 .addSecs(overlapSeconds);
        const Store::NewKey fresh{*key, "tg-demo-key-that-opens-nothing-00000000n3w0"};
        Q_EMIT keysChanged();
        reply(fresh);
    });
}

void DemoLink::revokeKey(qint64 id, Gateway::Reply<ClientKey> reply)
{
    later([this, id, reply = std::move(reply)] {
        ClientKey *key = keyOf(id);
        if (key == nullptr) {
            reply(Error{tr("There is no such key.")});
            return;
        }
        key->revokedAt = QDateTime::fromMSecsSinceEpoch(nowUs() / 1'000, QTimeZone::utc());
        const ClientKey revoked = *key;
        Q_EMIT keysChanged();
        reply(revoked);
    });
}

void DemoLink::deleteKey(qint64 id, Gateway::Reply<Done> reply)
{
    later([this, id, reply = std::move(reply)] {
        std::erase_if(m_keys, [id](const ClientKey &key) { return key.id == id; });
        Q_EMIT keysChanged();
        reply(Done{});
    });
}

void DemoLink::saveTeam(qint64 id, const QString &name, const QJsonObject &config,
                        Gateway::Reply<Done> reply)
{
    later([this, id, name, config, reply = std::move(reply)] {
        const Result<Team> parsed = parseTeam(name, config);
        if (!parsed) {
            reply(Error{parsed.error()});
            return;
        }
        Team team = *parsed;
        const auto existing = std::find_if(m_teams.begin(), m_teams.end(),
                                           [id](const Team &other) { return other.id == id; });
        if (existing != m_teams.end()) {
            for (ClientKey &key : m_keys) {
                if (key.team == existing->name) {
                    key.team = name;
                }
            }
            team.id = id;
            *existing = team;
        } else {
            team.id = m_nextTeamId++;
            m_teams.push_back(team);
        }
        Q_EMIT teamsChanged();
        Q_EMIT keysChanged();
        reply(Done{});
    });
}

void DemoLink::removeTeam(qint64 id, Gateway::Reply<Done> reply)
{
    later([this, id, reply = std::move(reply)] {
        const auto team = std::find_if(m_teams.cbegin(), m_teams.cend(),
                                       [id](const Team &other) { return other.id == id; });
        const bool used = team != m_teams.cend() &&
                          std::any_of(m_keys.cbegin(), m_keys.cend(), [&](const ClientKey &key) {
                              return key.team == team->name && !key.revokedAt.isValid();
                          });
        if (used) {
            reply(Error{tr("Keys still belong to this team. Take them out of it first.")});
            return;
        }
        std::erase_if(m_teams, [id](const Team &other) { return other.id == id; });
        Q_EMIT teamsChanged();
        reply(Done{});
    });
}

void DemoLink::savePrice(const QString &pattern, const QJsonObject &config,
                         Gateway::Reply<Done> reply)
{
    later([this, pattern, config, reply = std::move(reply)] {
        std::erase_if(m_prices.entries,
                      [&](const PriceEntry &entry) { return entry.pattern == pattern; });
        m_prices.entries.insert(m_prices.entries.begin(), {pattern, config, Origin::Panel});
        Q_EMIT pricesChanged();
        reply(Done{});
    });
}

void DemoLink::removePrice(const QString &pattern, Gateway::Reply<Done> reply)
{
    later([this, pattern, reply = std::move(reply)] {
        std::erase_if(m_prices.entries,
                      [&](const PriceEntry &entry) { return entry.pattern == pattern; });
        Q_EMIT pricesChanged();
        reply(Done{});
    });
}

LimitUse DemoLink::useOf(const ClientKey &key) const
{
    return played(key.id, false, key.limits, key.budget, nowUs());
}

LimitUse DemoLink::useOf(const Team &team) const
{
    return played(team.id, true, team.limits, team.budget, nowUs());
}

void DemoLink::readLimits(std::function<void(std::vector<LimitUse>)> reply)
{
    std::vector<LimitUse> uses;
    for (const ClientKey &key : m_keys) {
        uses.push_back(useOf(key));
    }
    for (const Team &team : m_teams) {
        uses.push_back(useOf(team));
    }
    later([uses, reply = std::move(reply)] { reply(uses); });
}

void DemoLink::readReport(const UsageRequest &request, Gateway::Reply<UsageReport> reply)
{
    auto answer = [this, request, reply = std::move(reply)] {
        if (!m_reportFailure.isEmpty()) {
            reply(Error{m_reportFailure});
            return;
        }
        reply(m_options.empty ? demousage::report(request, request.fromUs)
                              : demousage::report(request, nowUs()));
    };
    if (m_holdReports) {
        m_heldReports.emplace_back(std::move(answer));
    } else {
        later(std::move(answer));
    }
}

void DemoLink::holdReports(bool hold)
{
    m_holdReports = hold;
    if (!hold) {
        for (std::function<void()> &answer : std::exchange(m_heldReports, {})) {
            later(std::move(answer));
        }
    }
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
    later([this, reply = std::move(reply)] {
        UsageSummary usage;
        if (!m_options.empty) {
            const qint64 now = nowUs();
            UsageRequest today;
            today.fromUs = now / kDayUs * kDayUs;
            today.toUs = now;
            const UsageFigures total = demousage::report(today, now).total;
            usage.requestsToday = total.requests;
            usage.costToday = total.cost;
            usage.lastUsedUs = {{-1, now - 14'000'000},
                                {2, now - 3'000'000},
                                {3, now - 190'000'000},
                                {4, now - 7'500'000'000},
                                {5, now - 31 * kDayUs}};
        }
        reply(usage);
    });
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
