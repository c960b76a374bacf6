// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/pricetable.h"
#include "tests/unit/engine/gatewaybench.h"

#include <QElapsedTimer>
#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

/// What is changed through the Gateway: checked, stored, in force when the reply comes.
class TestGatewayChanges : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void keysCountWithTheReply()
    {
        GatewayBench gateway;
        gateway.start();
        const auto made = createKey(gateway, u"app"_s, {});
        QVERIFY(made);
        const qint64 id = made->record.id;
        const QByteArray first = made->plaintext;
        countsNow(gateway, first, 200);

        QVERIFY(patchKey(gateway, id, {{u"disabled"_s, true}}));
        countsNow(gateway, first, 401);
        QVERIFY(patchKey(gateway, id, {{u"disabled"_s, QJsonValue::Null}}));
        countsNow(gateway, first, 200);
        QVERIFY(patchKey(gateway, id, {{u"allowed_ips"_s, QJsonArray{u"10.0.0.0/8"_s}}}));
        countsNow(gateway, first, 403);
        QVERIFY(patchKey(gateway, id,
                         {{u"allowed_ips"_s, QJsonValue::Null}, {u"expires"_s, u"2020-01-01"_s}}));
        countsNow(gateway, first, 401);
        QVERIFY(patchKey(gateway, id, {{u"expires"_s, QJsonValue::Null}}));

        const auto overlapping = rotateKey(gateway, id, 3600);
        QVERIFY(overlapping);
        QVERIFY(overlapping->plaintext != first);
        countsNow(gateway, overlapping->plaintext, 200);
        countsNow(gateway, first, 200);
        const auto rotated = rotateKey(gateway, id, 0);
        QVERIFY(rotated);
        countsNow(gateway, rotated->plaintext, 200);
        countsNow(gateway, overlapping->plaintext, 401);
        countsNow(gateway, first, 401);

        QVERIFY(GatewayBench::await<ClientKey>([&](auto reply) { gateway->revokeKey(id, reply); }));
        countsNow(gateway, rotated->plaintext, 401);
        QVERIFY(GatewayBench::await<Done>([&](auto reply) { gateway->deleteKey(id, reply); }));
        QCOMPARE(gateway->clientKeys().size(), size_t(1)); // the first start's
        countsNow(gateway, gateway.firstKey, 200);
    }

    void anOverlapEnds()
    {
        GatewayBench gateway;
        gateway.start();
        const auto made = createKey(gateway, u"app"_s, {});
        QVERIFY(rotateKey(gateway, made->record.id, 1));
        QCOMPARE(gateway.statusWith(made->plaintext), 200);
        QTRY_COMPARE(gateway.statusWith(made->plaintext), 401);
    }

    void keysHaveTypedRules()
    {
        GatewayBench gateway("rate_limits: { default: { requests_per_minute: 5 } }\n");
        gateway.start();
        const auto plain = createKey(gateway, u"plain"_s, {});
        QCOMPARE(plain->record.limits.requestsPerMinute, qint64(5));
        const auto own =
            createKey(gateway, u"own"_s,
                      {{u"limits"_s, QJsonObject{{u"max_concurrency"_s, 2}}},
                       {u"budget"_s, QJsonObject{{u"usd"_s, 0.1}, {u"period"_s, u"day"_s}}}});
        QVERIFY2(own, own ? "" : qPrintable(own.error()));
        QCOMPARE(own->record.limits.requestsPerMinute, qint64(0));
        QCOMPARE(own->record.limits.maxConcurrency, 2);
        QCOMPARE(own->record.budget->amount, Money::fromNano(100'000'000));

        // A patch goes into sections and leaves what it does not name.
        const auto patched = patchKey(gateway, own->record.id,
                                      {{u"name"_s, u"other"_s},
                                       {u"budget"_s, QJsonObject{{u"usd"_s, u"2.5"_s}}},
                                       {u"limits"_s, QJsonValue::Null}});
        QCOMPARE(patched->name, u"other"_s);
        QCOMPARE(patched->budget->amount, Money::fromNano(2'500'000'000));
        QCOMPARE(patched->budget->period, BudgetPeriod::Day);
        QCOMPARE(patched->limits.requestsPerMinute, qint64(5));

        QVERIFY(GatewayBench::await<Done>([&](auto reply) {
            gateway->updateRateLimits(
                {{u"per_model"_s,
                  QJsonObject{{u"m-*"_s, QJsonObject{{u"tokens_per_minute"_s, 9}}}}}},
                reply);
        }));
        QCOMPARE(gateway->config()->rateLimits.forModel("m-1")->tokensPerMinute, qint64(9));

        gateway.restart();
        QCOMPARE(gateway->config()->rateLimits.forModel("m-1")->tokensPerMinute, qint64(9));
        for (const ClientKey &key : gateway->clientKeys()) {
            if (key.id == own->record.id) {
                QCOMPARE(key.budget->amount, Money::fromNano(2'500'000'000));
                QCOMPARE(key.limits.requestsPerMinute, qint64(5));
            }
        }
    }

    void refusesBadKeys_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QByteArray>("config");
        QTest::addColumn<QString>("message");
        const auto row = [](const char *title, const char *name, const char *config,
                            const char *message) {
            QTest::newRow(title) << QString::fromUtf8(name) << QByteArray(config)
                                 << QString::fromUtf8(message);
        };
        row("no name", "", "{}", "name: ");
        row("spaces", " a", "{}", "name: ");
        row("line break", "a\nb", "{}", "name: ");
        row("unknown key", "a", R"({"modles": []})", "Did you mean \"models\"?");
        row("own key", "a", R"({"key": "tg-0123456789abcdefgh"})", "keys.a.key: Unknown key");
        row("no team", "a", R"({"team": "reserch"})", "Did you mean \"research\"?");
        row("amount", "a", R"({"budget": {"usd": "1.0000000001", "period": "day"}})",
            "nine decimals");
        row("period", "a", R"({"budget": {"usd": "1", "period": "dai"}})", "Did you mean \"day\"?");
        row("zone", "a", R"({"budget": {"usd": "1", "period": "day", "timezone": "Mars/Base"}})",
            "time zone");
        row("limit", "a", R"({"limits": {"requests_per_minute": -1}})", "from 1 to");
        row("address", "a", R"({"allowed_ips": ["10/8"]})", "keys.a.allowed_ips[0]");
        row("variable", "a", R"({"team": "${PATH}"})", "keys.a.team");
    }
    void refusesBadKeys()
    {
        QFETCH(QString, name);
        QFETCH(QByteArray, config);
        QFETCH(QString, message);
        GatewayBench gateway("teams: { research: {} }\n");
        gateway.start();
        const size_t before = gateway->clientKeys().size();
        const auto made = createKey(gateway, name, QJsonDocument::fromJson(config).object());
        QVERIFY(!made);
        QVERIFY2(made.error().contains(message), qPrintable(made.error()));
        QVERIFY(!made.error().contains(qEnvironmentVariable("PATH")));
        QCOMPARE(gateway->clientKeys().size(), before);
    }

    void teamsHoldTheirKeys()
    {
        GatewayBench gateway("teams: { filed: {} }\n"
                             "keys: { inside: { key: inside-0123456789ab, team: filed } }\n");
        gateway.start();
        const auto team =
            saveTeam(gateway, 0, u"research"_s,
                     {{u"budget"_s, QJsonObject{{u"usd"_s, u"500"_s}, {u"period"_s, u"month"_s}}}});
        QVERIFY2(team, team ? "" : qPrintable(team.error()));
        QVERIFY(team->id > 0);
        QCOMPARE(team->budget->period, BudgetPeriod::Month);
        QVERIFY(!saveTeam(gateway, 0, u"research"_s, {}));
        QVERIFY(!saveTeam(gateway, 0, u"with space"_s, {}));
        QVERIFY(!saveTeam(gateway, 0, u"filed"_s, {}));

        const auto key = createKey(gateway, u"app"_s, {{u"team"_s, u"research"_s}});
        QVERIFY2(key, key ? "" : qPrintable(key.error()));
        QCOMPARE(key->record.teamId, team->id);

        // Keys follow a new name.
        const auto renamed = GatewayBench::await<Team>([&](auto reply) {
            gateway->updateTeam(team->id,
                                {{u"name"_s, u"lab"_s},
                                 {u"budget"_s, QJsonValue::Null},
                                 {u"limits"_s, QJsonObject{{u"requests_per_minute"_s, 3}}}},
                                reply);
        });
        QVERIFY2(renamed, renamed ? "" : qPrintable(renamed.error()));
        QCOMPARE(renamed->name, u"lab"_s);
        QVERIFY(!renamed->budget);
        const auto inForce = gateway->config()->keys.find(view(key->plaintext));
        QCOMPARE(inForce->team, u"lab"_s);
        QCOMPARE(gateway->config()->keys.team(inForce->teamId)->limits.requestsPerMinute,
                 qint64(3));

        const auto inUse =
            GatewayBench::await<Done>([&](auto reply) { gateway->removeTeam(team->id, reply); });
        QVERIFY(!inUse);
        QVERIFY2(inUse.error().contains(u"app"_s), qPrintable(inUse.error()));
        QVERIFY(patchKey(gateway, key->record.id, {{u"team"_s, QJsonValue::Null}}));
        QVERIFY(
            GatewayBench::await<Done>([&](auto reply) { gateway->removeTeam(team->id, reply); }));
        QCOMPARE(gateway->teams().size(), size_t(1));

        const Team filed = gateway->teams().front();
        QVERIFY(filed.fromFile);
        const auto refused = saveTeam(gateway, filed.id, u"filed"_s, {});
        QVERIFY(!refused && refused.error().contains(u"configuration file"_s));
        const auto kept =
            GatewayBench::await<Done>([&](auto reply) { gateway->removeTeam(filed.id, reply); });
        QVERIFY(!kept && kept.error().contains(u"configuration file"_s));
        const auto fileKey =
            patchKey(gateway, gateway->config()->keys.find("inside-0123456789ab")->id,
                     {{u"disabled"_s, true}});
        QVERIFY(!fileKey && fileKey.error().contains(u"configuration file"_s));
    }

    void publicModels()
    {
        GatewayBench gateway("backends: { echo: { type: echo } }\n"
                             "models: { filed: { targets: [ { backend: echo } ] } }\n");
        gateway.start();
        const auto config = [](const char *backend) {
            return QJsonObject{{u"targets"_s, QJsonArray{QJsonObject{
                                                  {u"backend"_s, QString::fromLatin1(backend)}}}}};
        };
        const auto save = [&](const QByteArray &name, const QJsonObject &json) {
            return GatewayBench::await<Done>(
                [&](auto reply) { gateway->saveModel(name, json, reply); });
        };
        const auto wrong = save("fast", config("ehco"));
        QVERIFY(!wrong && wrong.error().contains(u"Did you mean \"echo\"?"_s));
        QVERIFY(!save("filed", config("echo")));
        QVERIFY(save("fast", config("echo")));
        QCOMPARE(gateway->config()->models.size(), size_t(2));
        QVERIFY(GatewayBench::await<Done>([&](auto reply) {
            gateway->updateModel(
                "fast",
                {{u"targets"_s,
                  QJsonArray{QJsonObject{{u"backend"_s, u"echo"_s}, {u"model"_s, u"other"_s}}}}},
                reply);
        }));
        QCOMPARE(gateway->config()->models.back().targets.front().model, "other");
        QVERIFY(
            GatewayBench::await<Done>([&](auto reply) { gateway->removeModel("fast", reply); }));
        QCOMPARE(gateway->config()->models.size(), size_t(1));
    }

    void prices()
    {
        GatewayBench gateway;
        gateway.start();
        QVERIFY(gateway->config()->prices);
        QVERIFY(!gateway->config()->prices->find("in-house"));
        const auto save = [&](const QJsonObject &json) {
            return GatewayBench::await<Done>(
                [&](auto reply) { gateway->savePrice("in-house", json, reply); });
        };
        QVERIFY(!save({{u"input"_s, u"-1"_s}}));
        const auto saved =
            save({{u"input"_s, u"0"_s}, {u"output"_s, u"0"_s}, {u"per_request"_s, u"0.10"_s}});
        QVERIFY2(saved, saved ? "" : qPrintable(saved.error()));
        QCOMPARE(gateway->config()->prices->find("in-house")->perRequest,
                 Money::fromNano(100'000'000));
        QVERIFY(GatewayBench::await<Done>([&](auto reply) {
            gateway->updatePrice("in-house", {{u"per_request"_s, u"0.2"_s}}, reply);
        }));
        gateway.restart();
        QCOMPARE(gateway->config()->prices->find("in-house")->perRequest,
                 Money::fromNano(200'000'000));
        QVERIFY(GatewayBench::await<Done>(
            [&](auto reply) { gateway->removePrice("in-house", reply); }));
        QVERIFY(!gateway->config()->prices->find("in-house"));
    }

    void backendsArePatched()
    {
        GatewayBench gateway;
        gateway.start();
        const auto patch = [&](const QByteArray &name, const QJsonObject &json) {
            return GatewayBench::await<Done>(
                [&](auto reply) { gateway->updateBackend(name, json, reply); });
        };
        QVERIFY(!patch("mine", {{u"priority"_s, 7}}));
        QVERIFY(GatewayBench::await<Done>([&](auto reply) {
            gateway->saveBackend("mine", {{u"type"_s, u"noop"_s}, {u"priority"_s, 3}}, reply);
        }));
        QVERIFY(patch("mine", {{u"priority"_s, QJsonValue::Null}, {u"weight"_s, 4}}));
        const auto &backends = gateway->config()->backends;
        const auto mine = std::find_if(backends.begin(), backends.end(),
                                       [](const auto &one) { return one.name == "mine"; });
        QVERIFY(mine != backends.end());
        QCOMPARE(mine->priority, 100);
        QCOMPARE(mine->weight, 4);
        const auto owned = patch("echo", {{u"priority"_s, 1}});
        QVERIFY(!owned && owned.error().contains(u"configuration file"_s));
    }

    // Patches that do not wait for each other must not lose one another's work.
    void patchesBuildOnEachOther()
    {
        GatewayBench gateway;
        gateway.start();
        const auto made = createKey(gateway, u"app"_s, {});
        const QStringList limits{u"requests_per_minute"_s, u"tokens_per_minute"_s,
                                 u"tokens_per_day"_s, u"max_concurrency"_s};
        QStringList answered;
        for (int i = 0; i < 20; ++i) {
            const QString name = limits.at(i % limits.size());
            gateway->updateKey(made->record.id, {{u"limits"_s, QJsonObject{{name, i + 1}}}},
                               [&answered, i](const Result<ClientKey> &key) {
                                   answered.append(key ? QString::number(i) : key.error());
                               });
        }
        QTRY_COMPARE(answered.size(), qsizetype(20));
        for (int i = 0; i < 20; ++i) {
            QCOMPARE(answered.at(i), QString::number(i));
        }
        const auto key = gateway->config()->keys.find(view(made->plaintext));
        QCOMPARE(key->limits.requestsPerMinute, qint64(17));
        QCOMPARE(key->limits.tokensPerMinute, qint64(18));
        QCOMPARE(key->limits.tokensPerDay, qint64(19));
        QCOMPARE(key->limits.maxConcurrency, 20);
    }

    void exportsAndImports()
    {
        GatewayBench from;
        from.start();
        QVERIFY(saveTeam(from, 0, u"research"_s, {}));
        const auto key = createKey(from, u"app"_s, {{u"team"_s, u"research"_s}});
        QVERIFY(GatewayBench::await<Done>([&](auto reply) {
            from->savePrice("m", {{u"input"_s, u"1"_s}, {u"output"_s, u"2"_s}}, reply);
        }));
        QVERIFY(GatewayBench::await<Done>([&](auto reply) {
            from->saveBackend(
                "mine", {{u"type"_s, u"openai"_s}, {u"api_key"_s, u"keychain:mine"_s}}, reply);
        }));
        QVERIFY(GatewayBench::await<Done>([&](auto reply) {
            from->updateRateLimits({{u"per_ip"_s, QJsonObject{{u"max_concurrency"_s, 2}}}}, reply);
        }));
        const QJsonObject exported = from->exportConfig();
        const QByteArray text = QJsonDocument(exported).toJson();
        QVERIFY(!text.contains(key->plaintext));
        QVERIFY(!text.contains(key->record.sha256.toHex()));

        GatewayBench to;
        to.start();
        const auto import = [&to](const QJsonObject &json, bool dryRun) {
            return GatewayBench::await<ImportReport>(
                [&](auto reply) { to->importConfig(json, dryRun, reply); });
        };
        const auto tried = import(exported, true);
        QVERIFY2(tried, tried ? "" : qPrintable(tried.error()));
        QVERIFY(tried->created.contains(u"teams.research"_s));
        QVERIFY(tried->created.contains(u"keys.app"_s));
        QVERIFY(to->teams().empty());

        QJsonObject broken = exported;
        broken.insert(u"prices"_s, QJsonObject{{u"m"_s, QJsonObject{{u"input"_s, u"x"_s}}}});
        broken.insert(u"modles"_s, QJsonObject());
        const auto refused = import(broken, false);
        QVERIFY(!refused);
        QVERIFY(refused.error().contains(u"Did you mean \"models\"?"_s));
        QVERIFY(refused.error().contains(u"prices.m"_s));
        QVERIFY(to->teams().empty());

        const auto done = import(exported, false);
        QVERIFY2(done, done ? "" : qPrintable(done.error()));
        QCOMPARE(done->newKeys.size(), size_t(1)); // "First key" is in both
        QCOMPARE(to->teams().front().name, u"research"_s);
        for (const Store::NewKey &made : done->newKeys) {
            countsNow(to, made.plaintext, 200);
        }
        QVERIFY(to->config()->prices->find("m"));
        QCOMPARE(to->config()->rateLimits.perIp.maxConcurrency, 2);
        const auto again = import(exported, false);
        QVERIFY(again);
        QVERIFY(again->created.isEmpty() && again->changed.isEmpty());
        QJsonObject left = exported;
        QJsonObject right = to->exportConfig();
        left.remove(u"exported_at"_s);
        right.remove(u"exported_at"_s);
        left.remove(u"keys"_s); // in another order
        right.remove(u"keys"_s);
        QCOMPARE(right, left);
    }

private:
    static std::string_view view(const QByteArray &bytes)
    {
        return {bytes.constData(), size_t(bytes.size())};
    }

    static Result<Store::NewKey> createKey(GatewayBench &gateway, const QString &name,
                                           const QJsonObject &config)
    {
        return GatewayBench::await<Store::NewKey>(
            [&](auto reply) { gateway->createKey(name, config, reply); });
    }

    static Result<Store::NewKey> rotateKey(GatewayBench &gateway, qint64 id, int overlap)
    {
        return GatewayBench::await<Store::NewKey>(
            [&](auto reply) { gateway->rotateKey(id, overlap, reply); });
    }

    static Result<ClientKey> patchKey(GatewayBench &gateway, qint64 id, const QJsonObject &patch)
    {
        return GatewayBench::await<ClientKey>(
            [&](auto reply) { gateway->updateKey(id, patch, reply); });
    }

    static Result<Team> saveTeam(GatewayBench &gateway, qint64 id, const QString &name,
                                 const QJsonObject &config)
    {
        return GatewayBench::await<Team>(
            [&](auto reply) { gateway->saveTeam(id, name, config, reply); });
    }

    /// The change that was just answered must hold for requests within 100 ms.
    static void countsNow(GatewayBench &gateway, const QByteArray &key, int status)
    {
        QElapsedTimer sinceReply;
        sinceReply.start();
        int seen = 0;
        do {
            seen = gateway.statusWith(key);
        } while (seen != status && sinceReply.elapsed() < 5'000);
        const qint64 took = sinceReply.elapsed();
        QCOMPARE(seen, status);
        QVERIFY2(took < 100, qPrintable(u"%1 ms"_s.arg(took)));
    }
};

QTEST_GUILESS_MAIN(TestGatewayChanges)
#include "tst_gatewaychanges.moc"
