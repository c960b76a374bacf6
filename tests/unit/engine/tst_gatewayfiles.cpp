// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/pricetable.h"
#include "tests/unit/engine/gatewaybench.h"

#include <QJsonDocument>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

/// Files that change while the gateway runs, for better or worse.
class TestGatewayFiles : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aBrokenFileKeepsNobodyFromRevoking()
    {
        GatewayBench gateway;
        gateway.start();
        gateway.writeFile(u"tidegate.yaml"_s, "servr: {}\n");
        const auto reloaded =
            GatewayBench::await<Done>([&](auto reply) { gateway->reloadConfig(reply); });
        QVERIFY(!reloaded);
        QVERIFY(reloaded.error().contains(u"Did you mean \"server\"?"_s));
        const quint64 revision = gateway->config()->revision;

        const auto made = GatewayBench::await<Store::NewKey>(
            [&](auto reply) { gateway->createKey(u"app"_s, reply); });
        QVERIFY2(made, made ? "" : qPrintable(made.error()));
        QCOMPARE(gateway.statusWith(made->plaintext), 200);
        QVERIFY(GatewayBench::await<ClientKey>(
            [&](auto reply) { gateway->revokeKey(made->record.id, reply); }));
        QCOMPARE(gateway.statusWith(made->plaintext), 401);
        QVERIFY(gateway->config()->revision > revision);
        QCOMPARE(gateway->config()->defaultBackend, "echo"); // of the last good file
        QVERIFY(!gateway->problems().empty());               // and the bad one is still shown

        gateway.writeFile(u"tidegate.yaml"_s, {});
        const auto emptied =
            GatewayBench::await<Done>([&](auto reply) { gateway->reloadConfig(reply); });
        QVERIFY(!emptied);
        QCOMPARE(gateway->config()->defaultBackend, "echo");
    }

    void thePriceFileIsReadAgain()
    {
        GatewayBench gateway("prices: { file: prices.yaml, unknown: allow }\n");
        gateway.writeFile(u"prices.yaml"_s, "models: { m: { input: 1, output: 2 } }\n");
        gateway.start();
        QCOMPARE(gateway->config()->unknownPrice, UnknownPrice::Allow);
        QCOMPARE(inputPrice(gateway), Money::fromNano(1'000'000'000));

        gateway.writeFile(u"prices.yaml"_s, "models: { m: { input: 3, output: 2 } }\n");
        QTRY_COMPARE(inputPrice(gateway), Money::fromNano(3'000'000'000));

        gateway.writeFile(u"prices.yaml"_s, "models: { m: { input: -3, output: 2 } }\n");
        QTRY_VERIFY(!gateway->problems().empty());
        QCOMPARE(inputPrice(gateway), Money::fromNano(3'000'000'000));
        // The rest of the configuration, and prices of the database, go on changing.
        QVERIFY(GatewayBench::await<Done>([&](auto reply) {
            gateway->savePrice("n", {{u"input"_s, u"1"_s}, {u"output"_s, u"1"_s}}, reply);
        }));
        QVERIFY(gateway->config()->prices->find("n"));
        QCOMPARE(inputPrice(gateway), Money::fromNano(3'000'000'000));

        gateway.writeFile(u"prices.yaml"_s, "models: { m: { input: 4, output: 2 } }\n");
        QTRY_COMPARE(inputPrice(gateway), Money::fromNano(4'000'000'000));
        QVERIFY(gateway->problems().empty());
    }

    void showsNoSecret()
    {
        qputenv("TST_GATEWAY_SECRET", "canary-in-the-environment");
        GatewayBench gateway(
            "backends:\n"
            "  a: { type: openai, api_key: canary-literal-0123456789 }\n"
            "  b: { type: openai, api_key: '${TST_GATEWAY_SECRET}' }\n"
            "keys:\n"
            "  k: { key: canary-client-0123456789, models: ['gpt-*'], budget: { usd: 1, "
            "period: day } }\n"
            "teams: { t: { limits: { max_concurrency: 2 } } }\n");
        gateway.start();
        const QJsonObject config = gateway->configJson();
        const QByteArray text = QJsonDocument(config).toJson();
        QVERIFY2(!text.contains("canary"), text.constData());
        QVERIFY(text.contains("${TST_GATEWAY_SECRET}"));
        const QJsonObject key = config.value(u"keys"_s).toObject().value(u"k"_s).toObject();
        QCOMPARE(key.value(u"budget"_s).toObject().value(u"usd"_s).toString(), u"1"_s);
        QVERIFY(config.value(u"teams"_s).toObject().contains(u"t"_s));
    }

private:
    static Money inputPrice(GatewayBench &gateway)
    {
        const ModelPrice *price = gateway->config()->prices->find("m");
        return price ? price->prices.input : Money();
    }
};

QTEST_GUILESS_MAIN(TestGatewayFiles)
#include "tst_gatewayfiles.moc"
