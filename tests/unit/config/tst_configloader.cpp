// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/config/configfixture.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>
#include <QTimeZone>

using namespace Qt::StringLiterals;
using namespace tidegate;
using Severity = ConfigProblem::Severity;

/// The file: what it sets, and what is said about mistakes in it.
class TestConfigLoader : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void readsTheCompleteExample()
    {
        ConfigFixture fixture;
        fixture.write(u"prices.yaml"_s,
                      "models: { in-house: { input: 0, output: 0, per_request: 0.10 } }\n");
        fixture.write(u"ca.pem"_s, "x\n");
        fixture.input.environment.insert(u"OPENAI_API_KEY"_s, u"sk-canary"_s);
        fixture.input.environment.insert(u"TIDEGATE_CI_KEY"_s, u"tg-0123456789abcdefghij"_s);
        fixture.load(completeConfig());
        QCOMPARE(fixture.problems(), QStringList());
        QVERIFY(fixture.outcome.snapshot);
        const ConfigSnapshot &config = fixture.config();

        QCOMPARE(config.server.port, quint16(8081));
        QCOMPARE(config.server.portOrigin, Origin::File);
        QCOMPARE(config.server.workers, 2);
        QCOMPARE(config.defaultBackend, "echo");
        QCOMPARE(config.logLevel, "debug");
        QCOMPARE(config.logFormat, "json");
        QCOMPARE(config.retentionDays, 7);

        // By priority, then in order of appearance.
        QByteArrayList names;
        for (const BackendConfig &backend : config.backends) {
            names.append(backend.name);
        }
        QCOMPARE(names, QByteArrayList({"openai", "anthropic", "echo", "local", "full"}));
        const BackendConfig &openai = config.backends.at(0);
        QCOMPARE(openai.baseUrl, "https://api.openai.com/v1");
        QCOMPARE(openai.keyState, KeyState::Ready);
        QCOMPARE(openai.keys.front().reveal(), "sk-canary");
        QCOMPARE(openai.source.value(u"api_key"_s).toString(), u"${OPENAI_API_KEY}"_s);
        QVERIFY(openai.models.front().matches("gpt-4o"));
        QVERIFY(!config.backends.at(1).active);
        QCOMPARE(config.backends.at(1).keyState, KeyState::Pending);
        QCOMPARE(config.backends.at(3).baseUrl, "http://127.0.0.1:18000/v1");
        const BackendConfig &full = config.backends.at(4);
        QCOMPARE(full.baseUrl, "http://gpu-box:9000/v1");
        QCOMPARE(full.timeouts.firstByteMs, 30'000);
        QCOMPARE(full.keyRefs.size(), size_t(2));
        QCOMPARE(full.keys.size(), size_t(1));
        QCOMPARE(full.caFile, QFile::encodeName(fixture.path(u"ca.pem"_s)));

        QCOMPARE(config.models.size(), size_t(2));
        QCOMPARE(config.models.front().targets.size(), size_t(2));
        QCOMPARE(config.models.front().targets.front().model, "gpt-4o-mini");
        QCOMPARE(config.models.front().targets.front().weight, 3);

        const auto key = config.keys.find("tg-0123456789abcdefghij");
        QVERIFY(key);
        QCOMPARE(key->name, u"ci"_s);
        QVERIFY(key->id < 0);
        QVERIFY(key->fromFile);
        QCOMPARE(key->team, u"research"_s);
        QCOMPARE(key->expiresAt, QDateTime(QDate(2037, 1, 1), QTime(0, 0), QTimeZone::utc()));
        QCOMPARE(key->allowedIps.size(), size_t(2));
        QCOMPARE(key->allowedIps.front(), std::pair(QHostAddress(u"127.0.0.0"_s), 8));
        QCOMPARE(key->allowedIps.back().second, 128);
        QCOMPARE(key->limits.requestsPerMinute, qint64(60));
        QCOMPARE(key->limits.tokensPerMinute, qint64(100'000));
        QCOMPARE(key->limits.tokensPerDay, qint64(2'000'000));
        QCOMPARE(key->limits.maxConcurrency, 8);
        QVERIFY(key->budget);
        QCOMPARE(key->budget->amount, Money::fromNano(20'500'000'000));
        QCOMPARE(key->budget->period, BudgetPeriod::Day);
        QCOMPARE(key->budget->timeZone, "Europe/Berlin");
        QVERIFY(!key->config.contains(u"key"_s));
        const Team *team = config.keys.team(key->teamId);
        QVERIFY(team);
        QCOMPARE(team->name, u"research"_s);
        QVERIFY(team->id < 0 && team->fromFile);
        QCOMPARE(team->limits.requestsPerMinute, qint64(600));
        QCOMPARE(team->budget->period, BudgetPeriod::Month);
        QCOMPARE(config.rateLimits.perKey.tokensPerMinute, qint64(100'000));
        QCOMPARE(config.rateLimits.perIp.algorithm, LimitAlgorithm::SlidingWindow);

        // Later sections are accepted, and said once each.
        const QString all = fixture.allText();
        for (const char *section : {"cache", "models.*.cache"}) {
            const QString text = u" %1: Accepted"_s.arg(QString::fromLatin1(section));
            QVERIFY2(all.count(text) == 1, section);
        }
        QVERIFY(!all.contains(u"log.bodies"_s));
        for (const char *section :
             {"teams", "keys", "rate_limits", "prices", "circuit_breaker: ", "backends.*.retry",
              "backends.*.max_concurrency", "backends.*.health", "models.*.strategy"}) {
            QVERIFY2(!all.contains(QLatin1Char(' ') + QLatin1String(section)), section);
        }
        QVERIFY(all.contains(u"backends.anthropic.type"_s));
        QVERIFY(!all.contains(u"canary"_s));
    }

    void readsRouting()
    {
        ConfigFixture fixture;
        fixture.load(R"(circuit_breaker: { consecutive_failures: 7, open_seconds: 10 }
backends:
  a: { type: local, url: "gpu-1:9000", weight: 3, max_concurrency: 4, max_queue: 5,
       queue_timeout_ms: 2s, retry: { max_attempts: 4, backoff_ms: 100 },
       breaker: { enabled: false, window_seconds: 1m },
       health: { path: /up, interval_seconds: 5, timeout_ms: 1s, unhealthy_after: 2, model: m } }
  b: { type: local, url: "gpu-2:9000" }
models:
  fast:
    targets: [ { backend: a, model: m, weight: 3, priority: 2 }, { backend: b, weight: 0 } ]
    aliases: [quick, "quick-*"]
    strategy: least_latency
    fallbacks: [slow, b/other]
    affinity: X-Session-Id
    hedge: { after_ms: 300 }
    mirror: { backend: b, model: shadow, percent: 2.5 }
    timeouts: { first_byte_ms: 7s }
    retry: { max_attempts: 1 }
  slow: { targets: [ { backend: b } ], affinity: prompt_prefix, affinity_bytes: 64 }
  plain: { targets: [ { backend: b } ], affinity: off }
)");
        QCOMPARE(fixture.problems(Severity::Note), QStringList()); // all of it is active
        const ConfigSnapshot &config = fixture.config();
        const BackendConfig &a = config.backends.front();
        QCOMPARE(a.weight, 3);
        QCOMPARE(a.maxConcurrency, 4);
        QCOMPARE(a.maxQueue, 5);
        QCOMPARE(a.queueTimeoutMs, 2000);
        QCOMPARE(a.retry.maxAttempts, 4);
        QCOMPARE(a.retry.backoff.baseMs, qint64(100));
        QCOMPARE(a.retry.backoff.maxMs, BackoffConfig().maxMs);
        QVERIFY(!a.breaker.enabled);
        QCOMPARE(a.breaker.windowMs, qint64(60'000));
        QCOMPARE(a.breaker.consecutiveFailures, 7);
        QCOMPARE(a.breaker.openMs, qint64(10'000));
        QCOMPARE(a.health.path, "/up");
        QCOMPARE(a.health.intervalSeconds, 5);
        QCOMPARE(a.health.timeoutMs, 1000);
        QCOMPARE(a.health.healthyAfter, 1);
        QCOMPARE(a.health.unhealthyAfter, 2);
        QCOMPARE(a.health.model, "m");
        QCOMPARE(config.backends.back().breaker, config.breaker);
        QVERIFY(config.breaker.enabled);

        const ModelConfig &fast = config.models.front();
        QCOMPARE(fast.targets.front().priority, std::optional(2));
        QCOMPARE(fast.targets.back().priority, std::optional<int>());
        QCOMPARE(fast.targets.back().weight, 0);
        QCOMPARE(fast.targets.back().model, "fast");
        QCOMPARE(fast.aliases.size(), size_t(2));
        QVERIFY(fast.strategy == RoutingStrategy::LeastLatency);
        QCOMPARE(fast.fallbacks, QByteArrayList({"slow", "b/other"}));
        QVERIFY(fast.affinity.by == AffinityRule::By::Header);
        QCOMPARE(fast.affinity.header, "x-session-id");
        QVERIFY(fast.hedge.enabled);
        QCOMPARE(fast.hedge.afterMs, 300);
        QCOMPARE(fast.mirror.backend, "b");
        QCOMPARE(fast.mirror.model, "shadow");
        QCOMPARE(fast.mirror.percent, 2.5);
        QCOMPARE(fast.timeouts.over(a.timeouts).firstByteMs, 7000);
        QCOMPARE(fast.timeouts.over(a.timeouts).connectMs, a.timeouts.connectMs);
        QCOMPARE(fast.retry.over(a.retry).maxAttempts, 1);
        QCOMPARE(fast.retry.over(a.retry).backoff.baseMs, qint64(100));
        QVERIFY(config.models[1].affinity.by == AffinityRule::By::PromptPrefix);
        QCOMPARE(config.models[1].affinity.prefixBytes, 64);
        QVERIFY(config.models[2].affinity.by == AffinityRule::By::Off);
        QVERIFY(!config.models[2].hedge.enabled);
    }

    void takesDefaultsFromAnEmptyFile_data()
    {
        QTest::addColumn<QByteArray>("yaml");
        QTest::newRow("nothing") << QByteArray();
        QTest::newRow("comment") << QByteArray("# nothing\n");
        QTest::newRow("marker") << QByteArray("---\n");
        QTest::newRow("empty sections") << QByteArray("server:\nbackends:\nkeys: {}\nmodels:\n");
        QTest::newRow("byte order mark") << QByteArray("\xef\xbb\xbfserver: { port: 8080 }\n");
    }
    void takesDefaultsFromAnEmptyFile()
    {
        QFETCH(QByteArray, yaml);
        ConfigFixture fixture;
        fixture.load(yaml);
        QCOMPARE(fixture.problems(Severity::Note), QStringList());
        QVERIFY(fixture.outcome.snapshot);
        QCOMPARE(fixture.config().server.port, quint16(8080));
        QCOMPARE(fixture.config().server.host, QHostAddress(QHostAddress::LocalHost));
        QCOMPARE(fixture.config().server.auth, AuthMode::Required);
        QVERIFY(fixture.config().backends.empty());
    }

    void refuses_data()
    {
        QTest::addColumn<QByteArray>("yaml");
        QTest::addColumn<int>("line");
        QTest::addColumn<QString>("key");
        QTest::addColumn<QString>("message");
        const auto row = [](const char *title, const char *yaml, int line, const char *key,
                            const char *message) {
            QTest::newRow(title) << QByteArray(yaml) << line << QString::fromUtf8(key)
                                 << QString::fromUtf8(message);
        };
        // Form
        row("syntax", "server:\n  port: [1\nkeys: 2\n", 3, "", "not valid YAML");
        row("tab", "server:\n\tport: 1\n", 2, "", "not valid YAML");
        row("list at the top", "- a\n", 1, "", "a list");
        row("text at the top", "hello\n", 1, "", "a single value");
        row("two documents", "server: {}\n---\nserver: {}\n", 2, "", "second document");
        row("stray comma", ",\n", 1, "", "second document");
        row("stray bracket", "server: {}\n]\n", 2, "", "");
        row("control character", "server: {}\n# \x04\nx: 1\n", 2, "", "control character");
        row("not UTF-8", "server: {}\n# \xff\n", 2, "", "UTF-8");
        row("endless anchor", "server: &a { host: *a }\n", 1, "", "anchors");
        row("list as key", "? [a, b]\n: c\n", 1, "", "key must be plain text");
        // Keys
        row("unknown section", "servr: {}\n", 1, "servr", "Did you mean \"server\"?");
        row("unknown key", "server:\n  host: 127.0.0.1\n  prot: 1\n", 3, "server.prot",
            "Did you mean \"port\"?");
        row("misplaced key", "port: 1\n", 1, "port", "belongs below \"server:\"");
        row("hopeless key", "server: { qqqqqqqq: 1 }\n", 1, "server.qqqqqqqq", "Possible here");
        row("twice", "server:\n  port: 1\n  port: 2\n", 3, "server.port", "first in line 2");
        row("section twice", "log: {}\nserver: {}\nlog: {}\n", 3, "log", "first in line 1");
        row("name twice", "backends:\n  a: { type: echo }\n  a: { type: noop }\n", 3, "backends.a",
            "twice");
        row("synonym twice", "backends: {}\nproviders: {}\n", 2, "providers", "same section");
        // Types and ranges
        row("section as value", "server: 1\n", 1, "server", "a single value");
        row("value as section", "server: { port: { a: 1 } }\n", 1, "server.port", "a section");
        row("value as list", "server: { port: [1] }\n", 1, "server.port", "a list");
        row("no value", "server:\n  port:\n", 2, "server.port", "no value");
        row("empty value", "server:\n  port: ''\n", 2, "server.port", "empty");
        row("port word", "server: { port: http }\n", 1, "server.port", "but is \"http\"");
        row("port range", "server: { port: 65536 }\n", 1, "server.port", "from 0 to 65535");
        row("port sign", "server: { port: -1 }\n", 1, "server.port", "whole number");
        row("fraction", "server: { workers: 1.5 }\n", 1, "server.workers", "whole number");
        row("no workers", "server: { workers: 0 }\n", 1, "server.workers", "from 1 to 64");
        row("host name", "server: { host: example.com }\n", 1, "server.host", "IP address");
        row("short host", "server: { host: '127.1' }\n", 1, "server.host", "IP address");
        row("auth word", "server: { auth: requird }\n", 1, "server.auth",
            "Did you mean \"required\"?");
        row("bytes", "server: { max_request_body_bytes: 3 bananas }\n", 1,
            "server.max_request_body_bytes", "bytes");
        row("duration", "server: { drain_seconds: 1 fortnight }\n", 1, "server.drain_seconds",
            "seconds");
        row("uneven duration", "server: { drain_seconds: 1500ms }\n", 1, "server.drain_seconds",
            "seconds");
        row("boolean", "cache: { enabled: maybe }\n", 1, "cache.enabled", "true or false");
        row("ratio", "circuit_breaker: { failure_ratio: 1.5 }\n", 1,
            "circuit_breaker.failure_ratio", "from 0.01 to 1");
        row("not a number", "circuit_breaker: { failure_ratio: nan }\n", 1,
            "circuit_breaker.failure_ratio", "number");
        row("breaker times", "circuit_breaker: { open_seconds: 60, max_open_seconds: 30 }\n", 1,
            "circuit_breaker.max_open_seconds", "smaller");
        row("level", "log: { level: verbose }\n", 1, "log.level", "one of");
        // Safety
        row("open without keys", "server:\n  host: 0.0.0.0\n  auth: off\n", 3, "server.auth",
            "Without authentication");
        // Variables
        row("variable", "server:\n  port: ${NO_SUCH_PORT}\n", 2, "server.port", "NO_SUCH_PORT");
        row("variable form", "server: { port: '${A' }\n", 1, "server.port", "never closed");
        // Backends
        row("backend type", "backends: { a: { type: olama } }\n", 1, "backends.a.type",
            "Did you mean \"ollama\"?");
        row("no backend type", "backends:\n  a: {}\n", 2, "backends.a.type", "missing");
        row("backend name", "backends:\n  a/b: { type: echo }\n", 2, "backends", "usable name");
        row("backend url", "backends:\n  a: { type: local, url: 'ftp://x' }\n", 2, "backends.a.url",
            "http");
        row("providers path", "providers:\n  a: { type: local }\n", 2, "providers.a.url",
            "needs a url");
        row("both key forms", "backends: { a: { type: openai, api_key: k, api_keys: [k] } }\n", 1,
            "backends.a.api_keys", "not both");
        row("no keys", "backends: { a: { type: openai, api_keys: [] } }\n", 1,
            "backends.a.api_keys", "empty");
        row("keychain name", "backends: { a: { type: openai, api_key: 'keychain:' } }\n", 1,
            "backends.a.api_key", "keychain:NAME");
        row("models as text", "backends: { a: { type: echo, models: gpt } }\n", 1,
            "backends.a.models", "[like, this]");
        row("model with space", "backends: { a: { type: echo, models: ['a b'] } }\n", 1,
            "backends.a.models[0]", "without spaces");
        row("no such ca", "backends: { a: { type: openai, tls: { ca_file: no.pem } } }\n", 1,
            "backends.a.tls.ca_file", "no file");
        row("proxy", "backends: { a: { type: openai, proxy: 'h:1' } }\n", 1, "backends.a.proxy",
            "proxy");
        // References
        row("default", "backends: { echo: { type: echo } }\ndefault_backend: ehco\n", 2,
            "default_backend", "Did you mean \"echo\"?");
        row("no targets", "models:\n  fast: {}\n", 2, "models.fast.targets", "missing");
        row("empty targets", "models:\n  fast: { targets: [] }\n", 2, "models.fast.targets",
            "empty");
        row("target", "models:\n  fast: { targets: [ { backend: nope } ] }\n", 2,
            "models.fast.targets[0].backend", "no backend \"nope\"");
        row("fallback",
            "backends: { e: { type: echo } }\nmodels:\n  a: { targets: [ { backend: e } ], "
            "fallbacks: [b] }\n",
            3, "models.a.fallbacks", "no model \"b\"");
        row("loop",
            "backends: { e: { type: echo } }\nmodels:\n"
            "  a: { targets: [ { backend: e } ], fallbacks: [b] }\n"
            "  b: { targets: [ { backend: e } ], fallbacks: [c] }\n"
            "  c: { targets: [ { backend: e } ], fallbacks: [a] }\n",
            5, "models.c.fallbacks", "a → b → c → a");
        row("self loop",
            "backends: { e: { type: echo } }\nmodels:\n  a: { targets: [ { backend: e } ], "
            "fallbacks: [a] }\n",
            3, "models.a.fallbacks", "a → a");
        row("fallback typo",
            "backends: { e: { type: echo } }\nmodels:\n  slow: { targets: [ { backend: e } ] }\n"
            "  a: { targets: [ { backend: e } ], fallbacks: [slwo] }\n",
            4, "models.a.fallbacks", "Did you mean \"slow\"?");
        row("loop through an alias",
            "backends: { e: { type: echo } }\nmodels:\n"
            "  a: { targets: [ { backend: e } ], aliases: [x], fallbacks: [b] }\n"
            "  b: { targets: [ { backend: e } ], fallbacks: [x] }\n",
            4, "models.b.fallbacks", "a → b → a");
        row("alias of two",
            "backends: { e: { type: echo } }\nmodels:\n"
            "  a: { targets: [ { backend: e } ], aliases: [x] }\n"
            "  b: { targets: [ { backend: e } ], aliases: [y, x] }\n",
            4, "models.b.aliases", "alias of \"a\"");
        row("alias is a model",
            "backends: { e: { type: echo } }\nmodels:\n"
            "  a: { targets: [ { backend: e } ], aliases: [b] }\n"
            "  b: { targets: [ { backend: e } ] }\n",
            3, "models.a.aliases", "model of its own");
        row("mirror",
            "backends: { echo: { type: echo } }\nmodels:\n"
            "  a: { targets: [ { backend: echo } ], mirror: { backend: ecko } }\n",
            3, "models.a.mirror.backend", "Did you mean \"echo\"?");
        row("affinity",
            "backends: { e: { type: echo } }\nmodels:\n"
            "  a: { targets: [ { backend: e } ], affinity: \"x y\" }\n",
            3, "models.a.affinity", "name of a header");
        row("strategy",
            "backends: { e: { type: echo } }\nmodels:\n"
            "  a: { targets: [ { backend: e } ], strategy: fastest }\n",
            3, "models.a.strategy", "priority");
        row("wildcard name", "models:\n  gpt-*: { targets: [ { backend: e } ] }\n", 2, "models",
            "model name");
        row("team", "keys:\n  ci: { key: abcdefghijklmnopq, team: x }\n", 2, "keys.ci.team",
            "no team");
        row("embedding", "cache: { embedding: { backend: x, model: m } }\n", 1,
            "cache.embedding.backend", "no backend");
        row("semantic", "cache: { mode: semantic }\n", 1, "cache.embedding", "needs");
        row("prices", "prices: { file: nowhere.yaml }\n", 1, "prices.file", "no file");
        // Keys
        row("key missing", "keys:\n  ci: {}\n", 2, "keys.ci", "key_sha256");
        row("key twice", "keys:\n  ci: { key: a, key_sha256: b }\n", 2, "keys.ci", "not both");
        row("hash", "keys:\n  ci: { key_sha256: 12ab }\n", 2, "keys.ci.key_sha256", "64 hex");
        row("key text", "keys:\n  ci: { key: 'a b' }\n", 2, "keys.ci.key", "spaces");
        row("same key", "keys:\n  a: { key: abcdefghijklmnopq }\n  b: { key: abcdefghijklmnopq }\n",
            3, "keys.b", "same key as that of \"a\"");
        row("date", "keys:\n  a: { key: abcdefghijklmnopq, expires: 2027-02-30 }\n", 2,
            "keys.a.expires", "date");
        row("date form", "keys:\n  a: { key: abcdefghijklmnopq, expires: tomorrow }\n", 2,
            "keys.a.expires", "date");
        row("subnet", "keys:\n  a: { key: abcdefghijklmnopq, allowed_ips: [10.0.0.0/33] }\n", 2,
            "keys.a.allowed_ips[0]", "network");
        row("subnet form", "keys:\n  a: { key: abcdefghijklmnopq, allowed_ips: [10/8] }\n", 2,
            "keys.a.allowed_ips[0]", "network");
        row("zone", "teams:\n  t: { budget: { usd: 1, period: day, timezone: Europe/Berlni } }\n",
            2, "teams.t.budget.timezone", "time zone");
        row("soft percent", "teams:\n  t: { budget: { usd: 1, period: day, soft_percent: 101 } }\n",
            2, "teams.t.budget.soft_percent", "from 1 to 100");
        row("budget mode", "teams:\n  t: { budget: { usd: 1, period: day, mode: shadwo } }\n", 2,
            "teams.t.budget.mode", "Did you mean \"shadow\"?");
        row("no amount", "teams:\n  t: { budget: { period: day } }\n", 2, "teams.t.budget.usd",
            "missing");
        row("no period", "keys:\n  k: { key: abcdefghijklmnopq, budget: { usd: 1 } }\n", 2,
            "keys.k.budget.period", "missing");
        row("ten decimals", "teams:\n  t: { budget: { usd: 0.1234567891, period: day } }\n", 2,
            "teams.t.budget.usd", "nine decimals");
        row("limit name", "teams:\n  t: { limits: { request_per_minute: 1 } }\n", 2,
            "teams.t.limits.request_per_minute", "Did you mean \"requests_per_minute\"?");
        row("limit of a model", "rate_limits:\n  per_model:\n    gpt-4o: { rpm: 3 }\n", 3,
            "rate_limits.per_model.gpt-4o.rpm", "Possible here");
        row("model of a limit", "rate_limits:\n  per_model:\n    'gpt 4': {}\n", 3,
            "rate_limits.per_model", "model pattern");
        row("unknown prices", "prices: { unknown: denny }\n", 1, "prices.unknown",
            "Did you mean \"deny\"?");
        row("near team",
            "teams: { research: {} }\nkeys:\n  ci: { key: abcdefghijklmnopq, team: reserch }\n", 3,
            "keys.ci.team", "Did you mean \"research\"?");
        row("zone path",
            "teams:\n  t: { budget: { usd: 1, period: day, timezone: ../../etc/passwd } }\n", 2,
            "teams.t.budget.timezone", "time zone");
        row("period", "teams:\n  t: { budget: { usd: 1, period: dya } }\n", 2,
            "teams.t.budget.period", "Did you mean \"day\"?");
        row("money", "teams:\n  t: { budget: { usd: -1, period: day } }\n", 2, "teams.t.budget.usd",
            "USD");
        row("limit", "rate_limits: { default: { requests_per_minute: 0 } }\n", 1,
            "rate_limits.default.requests_per_minute", "from 1");
        row("algorithm", "rate_limits: { per_ip: { algorithm: leaky } }\n", 1,
            "rate_limits.per_ip.algorithm", "token_bucket");
    }
    void refuses()
    {
        QFETCH(QByteArray, yaml);
        QFETCH(int, line);
        QFETCH(QString, key);
        QFETCH(QString, message);
        ConfigFixture fixture;
        fixture.load(yaml);
        QVERIFY(!fixture.outcome.snapshot);
        bool found = false;
        for (const ConfigProblem &problem : fixture.outcome.problems) {
            found = found || (problem.severity == Severity::Error && problem.line == line &&
                              problem.file == fixture.input.file &&
                              (problem.key == key || problem.key.startsWith(key + u'.')) &&
                              problem.message.contains(message));
        }
        QVERIFY2(found, qPrintable(fixture.problems().join(u'\n')));
    }

    void collectsEveryProblem()
    {
        ConfigFixture fixture;
        fixture.load("server:\n  port: x\n  workers: y\nlog:\n  levle: info\nbackends:\n"
                     "  a: { type: zzz }\n  b: { type: echo, priority: -4 }\n");
        const QStringList problems = fixture.problems();
        QCOMPARE(problems.size(), 5);
        QVERIFY(problems.at(0).startsWith(u"2 server.port: "_s));
        QVERIFY(problems.at(1).startsWith(u"3 server.workers: "_s));
        QVERIFY(problems.at(2).startsWith(u"5 log.levle: "_s));
        QVERIFY(problems.at(3).startsWith(u"7 backends.a.type: "_s));
        QVERIFY(problems.at(4).startsWith(u"8 backends.b.priority: "_s));
        QCOMPARE(fixture.outcome.problems.front().toString().left(fixture.input.file.size() + 3),
                 fixture.input.file + u":2:"_s);
    }

    void neverRepeatsSecrets()
    {
        ConfigFixture fixture;
        fixture.input.environment.insert(u"SECRET"_s, u"canary-env"_s);
        fixture.load(
            "server: { port: '${SECRET}', auth: '${SECRET}', drain_seconds: '${SECRET}' }\n"
            "default_backend: '${SECRET}'\n"
            "backends:\n"
            "  a: { type: openai, api_key: 'canary with space' }\n"
            "  b: { type: local, url: 'http://u:canary@h' }\n"
            "  c: { type: local, url: 'http://h?key=canary' }\n"
            "  d: { type: openai, headers: { Authorization: 'canaryé' } }\n"
            "  e: { type: local, url: 'http://u:${SECRET}@h' }\n"
            "  f: { type: openai, proxy: 'canary' }\n"
            "  g: { type: '${SECRET}' }\n"
            "keys:\n"
            "  a: { key: 'canary canary' }\n"
            "  b: { key_sha256: canary }\n"
            "  c: { key: '${SECRET}', team: '${SECRET}', allowed_ips: ['${SECRET}'] }\n");
        QVERIFY(fixture.problems().size() >= 14);
        QVERIFY2(!fixture.allText().contains(u"canary"_s), qPrintable(fixture.allText()));
    }

    void hidesSecretsInTheSource()
    {
        ConfigFixture fixture;
        fixture.input.environment.insert(u"K"_s, u"canary"_s);
        fixture.load(
            "backends:\n"
            "  a: { type: openai, api_key: canary, proxy: 'http://u:canary@127.0.0.1:1' }\n"
            "  b: { type: openai, api_keys: ['${K}', canary, 'keychain:x', '${N:-canary}'],\n"
            "       headers: { X-Api-Key: canary, X-Plain: shown } }\n");
        QVERIFY(fixture.outcome.snapshot);
        for (const BackendConfig &backend : fixture.config().backends) {
            const QByteArray json = QJsonDocument(backend.source).toJson();
            QVERIFY2(!json.contains("canary"), json.constData());
        }
        const QJsonObject b = fixture.config().backends.at(1).source;
        QCOMPARE(b.value(u"api_keys"_s).toArray().at(0).toString(), u"${K}"_s);
        QCOMPARE(b.value(u"api_keys"_s).toArray().at(2).toString(), u"keychain:x"_s);
        QCOMPARE(b.value(u"headers"_s).toObject().value(u"X-Plain"_s).toString(), u"shown"_s);
    }

    void readsKeyFiles()
    {
        ConfigFixture fixture;
        fixture.write(u"good.key"_s, "sk-good\n");
        fixture.write(u"open.key"_s, "sk-open\n",
                      QFile::ReadOwner | QFile::WriteOwner | QFile::ReadOther);
        fixture.write(u"empty.key"_s, "\n");
        fixture.write(u"two.key"_s, "a\nb\n");
        fixture.load("backends:\n"
                     "  good: { type: openai, api_key: 'file:good.key' }\n"
                     "  open: { type: openai, api_key: 'file:open.key' }\n"
                     "  none: { type: openai, api_key: 'file:none.key' }\n"
                     "  empty: { type: openai, api_key: 'file:empty.key' }\n"
                     "  two: { type: openai, api_key: 'file:two.key' }\n"
                     "  folder: { type: openai, api_key: 'file:.' }\n");
        QVERIFY(fixture.outcome.snapshot);
        const auto &backends = fixture.config().backends;
        QCOMPARE(backends.at(0).keyState, KeyState::Ready);
        QCOMPARE(backends.at(0).keys.front().reveal(), "sk-good");
        QCOMPARE(backends.at(0).keyRefs.front().name, fixture.path(u"good.key"_s));
        QCOMPARE(backends.at(1).keyState, KeyState::Ready);
        for (size_t i = 2; i < backends.size(); ++i) {
            QCOMPARE(backends.at(i).keyState, KeyState::Missing);
        }
        const QStringList warnings = fixture.problems(Severity::Warning);
        QCOMPARE(warnings.size(), 5);
        QVERIFY(warnings.at(0).startsWith(u"3 backends.open.api_key: Other users"_s));
        QVERIFY(warnings.at(1).startsWith(u"4 backends.none.api_key: "_s));
    }

    void readsTimes_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("utc");
        const auto row = [](const char *text, const char *utc) {
            QTest::newRow(text) << QString::fromLatin1(text) << QString::fromLatin1(utc);
        };
        row("2037-01-02", "2037-01-02T00:00:00Z");
        row("2037-01-02T03:04:05Z", "2037-01-02T03:04:05Z");
        row("2037-01-02 03:04", "2037-01-02T03:04:00Z");
        row("2037-01-02T03:04:05+02:00", "2037-01-02T01:04:05Z");
        row("2037-01-02T03:04:05.25-0130", "2037-01-02T04:34:05Z");
    }
    void readsTimes()
    {
        QFETCH(QString, text);
        QFETCH(QString, utc);
        ConfigFixture fixture;
        fixture.load("keys: { a: { key: abcdefghijklmnopq, expires: \"" + text.toLatin1() +
                     "\" } }\n");
        QCOMPARE(fixture.problems(Severity::Warning), QStringList());
        const QDateTime expires = fixture.config().keys.all().front()->expiresAt;
        QCOMPARE(expires.timeSpec(), Qt::UTC);
        QCOMPARE(expires.toString(u"yyyy-MM-ddTHH:mm:ssZ"_s), utc);
    }

    void readsFriendlySpellings()
    {
        ConfigFixture fixture;
        fixture.load("server: { port: \"8090\", max_request_body_bytes: 32MiB, drain_seconds: 2m,\n"
                     "          host: localhost, auth: Off }\n"
                     "log: { level: WARN, bodies: no }\n");
        QCOMPARE(fixture.problems(Severity::Note), QStringList());
        QCOMPARE(fixture.config().server.port, quint16(8090));
        QCOMPARE(fixture.config().server.maxRequestBodyBytes, qint64(33'554'432));
        QCOMPARE(fixture.config().server.drainSeconds, 120);
        QCOMPARE(fixture.config().server.auth, AuthMode::Off);
        QCOMPARE(fixture.config().logLevel, "warning");
    }

    void acceptsAnchorsAndProviders()
    {
        ConfigFixture fixture;
        fixture.load("providers:\n"
                     "  a: &base { type: ollama, models: [x] }\n"
                     "  b: *base\n");
        QCOMPARE(fixture.problems(), QStringList());
        QCOMPARE(fixture.config().backends.size(), size_t(2));
    }

    void boundsAnchorsThatMultiply()
    {
        QByteArray yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
        for (int i = 1; i < 12; ++i) {
            const QByteArray before = "*a" + QByteArray::number(i - 1);
            yaml += "a" + QByteArray::number(i) + ": &a" + QByteArray::number(i) + " [" +
                    QByteArrayList(10, before).join(", ") + "]\n";
        }
        ConfigFixture fixture;
        fixture.load(yaml);
        QVERIFY(!fixture.outcome.snapshot);
        QVERIFY(fixture.allText().contains(u"anchors"_s));
    }

    void warnsAboutItself()
    {
        ConfigFixture fixture;
        fixture.load("backends: { a: { type: llamacpp } }\n");
        QVERIFY(fixture.outcome.snapshot);
        QVERIFY(fixture.allText().contains(u"leads to Tidegate itself"_s));
    }

    void refusesMissingFiles()
    {
        ConfigFixture fixture;
        fixture.load();
        QVERIFY(!fixture.outcome.snapshot);
        QVERIFY(fixture.allText().contains(u"no such file"_s));
    }

    void keepsTheListOfProblemsShort()
    {
        QByteArray yaml = "server:\n";
        for (int i = 0; i < 5000; ++i) {
            yaml += "  k" + QByteArray::number(i) + ": 1\n";
        }
        ConfigFixture fixture;
        fixture.load(yaml);
        QVERIFY(!fixture.outcome.snapshot);
        QVERIFY(fixture.problems().size() <= 201);
    }
};

QTEST_GUILESS_MAIN(TestConfigLoader)
#include "tst_configloader.moc"
