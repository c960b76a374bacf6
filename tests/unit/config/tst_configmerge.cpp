// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/keygenerator.h"
#include "tests/unit/config/configfixture.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;
using Severity = ConfigProblem::Severity;

/// Which source wins, and what each may do.
class TestConfigMerge : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void layersHostAndPort()
    {
        ConfigFixture fixture;
        fixture.input.file.clear();
        fixture.load();
        QCOMPARE(fixture.config().server.port, quint16(8080));
        QCOMPARE(fixture.config().server.portOrigin, Origin::Default);

        fixture.input.stored.settings = {{u"server.port"_s, 1001}, {u"server.host"_s, u"::1"_s}};
        fixture.load();
        QCOMPARE(fixture.config().server.port, quint16(1001));
        QCOMPARE(fixture.config().server.portOrigin, Origin::Panel);
        QCOMPARE(fixture.config().server.host, QHostAddress(QHostAddress::LocalHostIPv6));

        fixture.input.file = fixture.path(u"tidegate.yaml"_s);
        fixture.load("server: { port: 1002, host: 127.0.0.2 }\n");
        QCOMPARE(fixture.config().server.port, quint16(1002));
        QCOMPARE(fixture.config().server.hostOrigin, Origin::File);

        set(fixture, "TIDEGATE_PORT", "1003");
        set(fixture, "TIDEGATE_HOST", "127.0.0.3");
        fixture.load();
        QCOMPARE(fixture.config().server.port, quint16(1003));
        QCOMPARE(fixture.config().server.portOrigin, Origin::Environment);
        QCOMPARE(fixture.config().server.host, QHostAddress(u"127.0.0.3"_s));

        fixture.input.port = 0;
        fixture.input.host = u"127.0.0.4"_s;
        fixture.load();
        QCOMPARE(fixture.config().server.port, quint16(0));
        QCOMPARE(fixture.config().server.host, QHostAddress(u"127.0.0.4"_s));
    }

    void mergesBackends()
    {
        ConfigFixture fixture;
        fixture.input.stored.backends = {
            {"mine", {{u"type"_s, u"noop"_s}}},
            {"both", {{u"type"_s, u"noop"_s}}},
            {"broken", {{u"type"_s, u"local"_s}, {u"url"_s, u"http://169.254.169.254"_s}}},
            {"bad/name", {{u"type"_s, u"echo"_s}}}};
        fixture.input.stored.settings = {{u"default_backend"_s, u"mine"_s}};
        fixture.load("backends: { both: { type: echo }, file: { type: echo } }\n");
        QVERIFY(fixture.outcome.snapshot);
        QCOMPARE(fixture.config().backends.size(), size_t(3));
        QCOMPARE(fixture.config().defaultBackend, "mine");
        for (const BackendConfig &backend : fixture.config().backends) {
            QCOMPARE(backend.origin, backend.name == "mine" ? Origin::Panel : Origin::File);
            QCOMPARE(backend.type, backend.name == "mine" ? BackendType::Noop : BackendType::Echo);
        }
        const QStringList warnings = fixture.problems(Severity::Warning);
        QCOMPARE(warnings.size(), 2);
        QVERIFY(warnings.at(0).contains(u"backends.broken"_s));
        QVERIFY(fixture.allText().contains(u"the configuration file counts"_s));
    }

    void survivesABadDatabase()
    {
        ConfigFixture fixture;
        fixture.input.file.clear();
        fixture.input.stored.settings = {{u"server.host"_s, u"nowhere"_s},
                                         {u"server.port"_s, 99'999},
                                         {u"default_backend"_s, u"gone"_s}};
        fixture.load();
        QVERIFY(fixture.outcome.snapshot);
        QCOMPARE(fixture.config().server.port, quint16(8080));
        QCOMPARE(fixture.config().server.host, QHostAddress(QHostAddress::LocalHost));
        QCOMPARE(fixture.config().defaultBackend, "");
        QCOMPARE(fixture.problems(Severity::Warning).size(), 3);
    }

    void readsTheContainersVariables()
    {
        ConfigFixture fixture;
        fixture.input.file.clear();
        set(fixture, "TIDEGATE_BEARER_TOKEN", "a-token-of-some-length");
        set(fixture, "TIDEGATE_UPSTREAM_URL", "http://127.0.0.1:9000");
        set(fixture, "TIDEGATE_MAX_REQUEST_BODY_BYTES", "1MiB");
        set(fixture, "TIDEGATE_LOG_LEVEL", "Debug");
        set(fixture, "TIDEGATE_RATE_LIMIT_RPM", "60");
        set(fixture, "TIDEGATE_CIRCUIT_BREAKER_ENABLED", "OFF");
        set(fixture, "TIDEGATE_HOST", "0.0.0.0");
        set(fixture, "TIDEGATE_PORT", "");
        fixture.load();
        QCOMPARE(fixture.problems(Severity::Warning), QStringList());
        QVERIFY(fixture.outcome.snapshot);
        const ConfigSnapshot &config = fixture.config();
        QCOMPARE(config.server.maxRequestBodyBytes, qint64(1'048'576));
        QCOMPARE(config.server.port, quint16(8080));
        QCOMPARE(config.logLevel, "debug");
        QCOMPARE(config.backends.size(), size_t(1));
        QCOMPARE(config.backends.front().name, "upstream");
        QCOMPARE(config.backends.front().baseUrl, "http://127.0.0.1:9000/v1");
        QCOMPARE(config.backends.front().origin, Origin::Environment);
        QVERIFY(config.backends.front().models.empty());
        QCOMPARE(config.backends.front().keyState, KeyState::NotNeeded);
        const auto key = config.keys.find("a-token-of-some-length");
        QVERIFY(key);
        QCOMPARE(key->name, u"environment"_s);
        QVERIFY(key->id < 0 && key->fromFile);
        QCOMPARE(key->limits.requestsPerMinute, qint64(60));
        QVERIFY(!config.breaker.enabled);
        QVERIFY(!config.backends.front().breaker.enabled);
        QCOMPARE(fixture.problems(Severity::Note), QStringList());
    }

    void takesAnUpstreamKey()
    {
        ConfigFixture fixture;
        fixture.input.file.clear();
        set(fixture, "TIDEGATE_UPSTREAM_URL", "https://api.example.com");
        set(fixture, "TIDEGATE_UPSTREAM_API_KEY", "sk-canary");
        fixture.load();
        QVERIFY(fixture.outcome.snapshot);
        QCOMPARE(fixture.config().backends.front().keys.front().reveal(), "sk-canary");
        QVERIFY(
            !QJsonDocument(fixture.config().backends.front().source).toJson().contains("canary"));
    }

    void refusesBadVariables_data()
    {
        QTest::addColumn<QByteArray>("name");
        QTest::addColumn<QByteArray>("value");
        const auto row = [](const char *name, const char *value) {
            QTest::addRow("%s=%s", name, value) << QByteArray(name) << QByteArray(value);
        };
        row("TIDEGATE_PORT", "canary");
        row("TIDEGATE_PORT", "70000");
        row("TIDEGATE_HOST", "canary.example.com");
        row("TIDEGATE_BEARER_TOKEN", "canary canary");
        row("TIDEGATE_UPSTREAM_URL", "http://u:canary@h");
        row("TIDEGATE_UPSTREAM_URL", "http://169.254.169.254");
        row("TIDEGATE_RATE_LIMIT_RPM", "canary");
        row("TIDEGATE_RATE_LIMIT_RPM", "0");
        row("TIDEGATE_MAX_REQUEST_BODY_BYTES", "canary");
        row("TIDEGATE_CIRCUIT_BREAKER_ENABLED", "canary");
        row("TIDEGATE_LOG_LEVEL", "canary");
    }
    void refusesBadVariables()
    {
        QFETCH(QByteArray, name);
        QFETCH(QByteArray, value);
        ConfigFixture fixture;
        fixture.input.file.clear();
        set(fixture, name.constData(), value.constData());
        fixture.load();
        QVERIFY(!fixture.outcome.snapshot);
        QCOMPARE(fixture.outcome.problems.front().key, QString::fromLatin1(name));
        QVERIFY(!fixture.allText().contains(u"canary"_s));
    }

    void refusesABadCommandLine()
    {
        ConfigFixture fixture;
        fixture.input.file.clear();
        fixture.input.host = u"nowhere"_s;
        fixture.input.logLevel = "loud";
        fixture.load();
        QVERIFY(!fixture.outcome.snapshot);
        QCOMPARE(fixture.problems().size(), 2);
    }

    void refusesAnOpenGateway()
    {
        ConfigFixture fixture;
        fixture.load("server: { auth: off }\n");
        QVERIFY(fixture.outcome.snapshot);

        fixture.input.host = u"0.0.0.0"_s;
        fixture.load();
        QVERIFY(!fixture.outcome.snapshot);

        fixture.input.host = u"::"_s;
        fixture.load();
        QVERIFY(!fixture.outcome.snapshot);

        // The panel's address alone must not stop the start.
        fixture.input.host.reset();
        fixture.input.stored.settings = {{u"server.host"_s, u"0.0.0.0"_s}};
        fixture.load();
        QVERIFY(fixture.outcome.snapshot);
        QVERIFY(fixture.config().server.host.isLoopback());
        QCOMPARE(fixture.problems(Severity::Warning).size(), 1);
    }

    void fillsTheKeyRing()
    {
        ConfigFixture fixture;
        fixture.input.stored.keys = {
            stored(1, "in-force-0123456789"), stored(2, "revoked-0123456789"),
            stored(3, "disabled-0123456789"), stored(4, "in-file-0123456789")};
        fixture.input.stored.keys[1].revokedAt = QDateTime::currentDateTimeUtc();
        fixture.input.stored.keys[2].config = {{u"disabled"_s, true}};
        set(fixture, "TIDEGATE_BEARER_TOKEN", "from-env-0123456789");
        const QByteArray yaml = "keys:\n"
                                "  one: { key: in-file-0123456789 }\n"
                                "  two: { key: switched-off-0123456789, disabled: true }\n"
                                "  old: { key: expired-0123456789, expires: 2020-01-01 }\n"
                                "  sum: { key_sha256: " +
                                KeyGenerator::hash("hashed-0123456789").toHex() + " }\n";
        fixture.load(yaml);
        QVERIFY(fixture.outcome.snapshot);
        const KeyRing &ring = fixture.config().keys;
        QCOMPARE(ring.find("in-force-0123456789")->id, qint64(1));
        QVERIFY(!ring.find("revoked-0123456789"));
        QVERIFY(!ring.find("disabled-0123456789"));
        QVERIFY(!ring.find("switched-off-0123456789"));
        QVERIFY(!ring.find("nobody"));
        QVERIFY(ring.find("expired-0123456789"));
        QVERIFY(ring.find("hashed-0123456789"));
        QVERIFY(ring.find("from-env-0123456789"));
        QCOMPARE(ring.find("in-file-0123456789")->name, u"one"_s); // the file wins

        // Ids of the file's keys do not depend on their neighbours.
        const qint64 id = ring.find("in-file-0123456789")->id;
        fixture.load(
            "keys: { zero: { key: zero-0123456789ab }, one: { key: in-file-0123456789 } }\n");
        QCOMPARE(fixture.config().keys.find("in-file-0123456789")->id, id);
        QVERIFY(id < 0);
        QVERIFY(qint64(double(id)) == id);
    }

    void givesKeysTheirLimits()
    {
        ConfigFixture fixture;
        fixture.input.stored.settings = {
            {u"rate_limits"_s,
             QJsonObject{{u"default"_s, QJsonObject{{u"requests_per_minute"_s, 7}}},
                         {u"per_ip"_s, QJsonObject{{u"max_concurrency"_s, 3}}},
                         {u"per_model"_s,
                          QJsonObject{{u"a-*"_s, QJsonObject{{u"tokens_per_day"_s, 1}}},
                                      {u"a-b*"_s, QJsonObject{{u"tokens_per_day"_s, 2}}}}}}}};
        fixture.input.stored.keys = {stored(1, "plain-0123456789"), stored(2, "own-0123456789")};
        fixture.input.stored.keys[1].config = {
            {u"limits"_s, QJsonObject{{u"tokens_per_minute"_s, 50}}}};
        fixture.load("rate_limits: { per_model: { 'a-*': { tokens_per_day: 3 } } }\n");
        QCOMPARE(fixture.problems(Severity::Warning), QStringList());
        const ConfigSnapshot &config = fixture.config();
        QCOMPARE(config.keys.find("plain-0123456789")->limits.requestsPerMinute, qint64(7));
        const auto own = config.keys.find("own-0123456789");
        QCOMPARE(own->limits.requestsPerMinute, qint64(0));
        QCOMPARE(own->limits.tokensPerMinute, qint64(50));
        QCOMPARE(config.rateLimits.perIp.maxConcurrency, 3);
        QCOMPARE(config.rateLimits.forModel("a-bc")->tokensPerDay, qint64(2));
        QCOMPARE(config.rateLimits.forModel("a-c")->tokensPerDay, qint64(3)); // the file wins
        QVERIFY(!config.rateLimits.forModel("b"));
        QCOMPARE(config.rateLimits.source.value(u"per_model"_s).toObject().size(), 2);

        // The variable is for keys without limits, and stronger than the file.
        set(fixture, "TIDEGATE_RATE_LIMIT_RPM", "9");
        fixture.load("rate_limits: { default: { requests_per_minute: 8, max_concurrency: 2 } }\n");
        const auto plain = fixture.config().keys.find("plain-0123456789");
        QCOMPARE(plain->limits.requestsPerMinute, qint64(9));
        QCOMPARE(plain->limits.maxConcurrency, 2);
        QCOMPARE(fixture.config().keys.find("own-0123456789")->limits.requestsPerMinute, qint64(0));
    }

    void mergesTeams()
    {
        const QJsonObject budget{{u"budget"_s, QJsonObject{{u"usd"_s, u"0.1"_s},
                                                           {u"period"_s, u"week"_s},
                                                           {u"mode"_s, u"shadow"_s},
                                                           {u"soft_percent"_s, 50}}}};
        ConfigFixture fixture;
        fixture.input.stored.teams = {{11, u"both"_s, budget},
                                      {12, u"mine"_s, budget},
                                      {13, u"broken"_s, {{u"budgets"_s, 1}}}};
        fixture.input.stored.keys = {
            stored(1, "in-both-0123456789"), stored(2, "in-mine-0123456789"),
            stored(3, "in-none-0123456789"), stored(4, "in-broken-0123456789"),
            stored(5, "wrong-0123456789")};
        const char *const teams[] = {"both", "mine", "none", "broken"};
        for (size_t i = 0; i < std::size(teams); ++i) {
            fixture.input.stored.keys[i].config = {{u"team"_s, QString::fromLatin1(teams[i])}};
        }
        fixture.input.stored.keys[4].config = {{u"budget"_s, 5}};
        fixture.load("teams: { both: { limits: { max_concurrency: 4 } } }\n"
                     "keys: { file: { key: file-0123456789abc, team: mine } }\n");
        QVERIFY2(fixture.outcome.snapshot, qPrintable(fixture.allText()));
        const KeyRing &ring = fixture.config().keys;
        const auto teamOf = [&ring](std::string_view key) {
            return ring.team(ring.find(key)->teamId);
        };
        QVERIFY(teamOf("in-both-0123456789")->fromFile);
        QCOMPARE(teamOf("in-both-0123456789")->limits.maxConcurrency, 4);
        QCOMPARE(teamOf("in-mine-0123456789")->id, qint64(12));
        QCOMPARE(teamOf("file-0123456789abc")->id, qint64(12));
        const auto &rule = teamOf("in-mine-0123456789")->budget;
        QVERIFY(rule && rule->shadow);
        QCOMPARE(rule->amount, Money::fromNano(100'000'000));
        QCOMPARE(rule->period, BudgetPeriod::Week);
        QCOMPARE(rule->timeZone, "UTC");
        QCOMPARE(rule->softPercent, 50);
        // Without its team a key goes on; with rules that cannot be read it does not.
        QVERIFY(ring.find("in-none-0123456789"));
        QVERIFY(!teamOf("in-none-0123456789"));
        QVERIFY(!ring.find("in-broken-0123456789"));
        QVERIFY(!ring.find("wrong-0123456789"));
        const QStringList warnings = fixture.problems(Severity::Warning);
        QCOMPARE(warnings.size(), 3);
        QVERIFY(warnings.join(u'\n').contains(u"There is no team \"none\""_s));
    }

    void mergesModels()
    {
        const auto target = [](const char *backend) {
            return QJsonObject{
                {u"targets"_s, QJsonArray{QJsonObject{{u"backend"_s, QString::fromLatin1(backend)},
                                                      {u"model"_s, u"m"_s}}}}};
        };
        ConfigFixture fixture;
        fixture.input.stored.models = {{"both", target("a")},
                                       {"mine", target("a")},
                                       {"lost", target("gone")},
                                       {"bad", QJsonObject{{u"target"_s, 1}}}};
        fixture.load("backends: { a: { type: echo }, b: { type: echo } }\n"
                     "models: { both: { targets: [ { backend: b } ] } }\n");
        QVERIFY(fixture.outcome.snapshot);
        const auto &models = fixture.config().models;
        QCOMPARE(models.size(), size_t(2));
        QCOMPARE(models.at(0).name, "both");
        QCOMPARE(models.at(0).origin, Origin::File);
        QCOMPARE(models.at(0).targets.front().backend, "b");
        QCOMPARE(models.at(1).name, "mine");
        QCOMPARE(models.at(1).origin, Origin::Panel);
        QCOMPARE(fixture.problems(Severity::Warning).size(), 2);
        QVERIFY(fixture.allText().contains(u"models.bad.target: Unknown key"_s));
    }

    void findsARotatedKey()
    {
        ConfigFixture fixture;
        fixture.input.file.clear();
        fixture.input.stored.keys = {stored(1, "now-0123456789")};
        fixture.input.stored.keys[0].previousSha256 = KeyGenerator::hash("before-0123456789");
        fixture.input.stored.keys[0].previousUntil = QDateTime::currentDateTimeUtc().addSecs(60);
        fixture.load();
        QCOMPARE(fixture.config().keys.find("before-0123456789")->id, qint64(1));
        QVERIFY(fixture.config().keys.find("before-0123456789").validUntilMs > 0);
    }

private:
    static void set(ConfigFixture &fixture, const char *name, const char *value)
    {
        fixture.input.environment.insert(QString::fromLatin1(name), QString::fromUtf8(value));
    }

    static ClientKey stored(qint64 id, std::string_view text)
    {
        ClientKey key;
        key.id = id;
        key.name = u"key %1"_s.arg(id);
        key.sha256 = KeyGenerator::hash(text);
        return key;
    }
};

QTEST_GUILESS_MAIN(TestConfigMerge)
#include "tst_configmerge.moc"
