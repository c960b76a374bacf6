// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/pricefile.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QTemporaryDir>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

namespace {

Money usd(const char *text)
{
    return Money::parse(text).value();
}

std::optional<PriceLayer> read(const QByteArray &yaml, QString *reasons = nullptr)
{
    ConfigProblems problems(u"prices.yaml"_s);
    auto layer = readPrices(yaml, PriceOrigin::File, problems);
    if (reasons) {
        for (const ConfigProblem &problem : problems.sorted()) {
            *reasons += problem.toString() + u'\n';
        }
    }
    return layer;
}

} // namespace

class TestPriceFile : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void readsTheDocumentedExample();
    void fillsInDefaults();
    void readsTiers();
    void refuses_data();
    void refuses();
    void refusesEveryCut();
    void refusesMissingFiles();
    void readsJson();
    void refusesJson_data();
    void refusesJson();
    void givesBackWhatItRead();
    void shipsPrices();
};

void TestPriceFile::readsTheDocumentedExample()
{
    const auto layer =
        read("updated: 2026-11-01\n"
             "models:\n"
             "  \"gpt-4o-mini\": { input: 0.15, output: 0.60, cached_input: 0.075 }\n"
             "  \"claude-*\":    { input: 3, output: 15, cached_input: 0.30, cache_write: 3.75, "
             "above: { tokens: 200000, input: 6, output: 22.5 } }\n"
             "  \"in-house\":    { input: 0, output: 0, per_request: 0.10 }\n");
    QVERIFY(layer);
    QCOMPARE(layer->updated, QDate(2026, 11, 1));
    QCOMPARE(layer->entries.size(), size_t(3));
    QCOMPARE(layer->entries[0].price.prices.cachedInput, usd("0.075"));
    QCOMPARE(layer->entries[1].price.tiers.front().prices.output, usd("22.5"));
    QCOMPARE(layer->entries[2].price.perRequest, usd("0.1"));
}

void TestPriceFile::fillsInDefaults()
{
    const auto layer = read("models:\n  m: { input: 2, output: 8, cache_write: 2.5 }\n");
    QVERIFY(layer);
    QVERIFY(!layer->updated.isValid());
    const TokenPrices expected{.input = usd("2"),
                               .output = usd("8"),
                               .cachedInput = usd("2"),
                               .cacheWrite = usd("2.5"),
                               .cacheWrite1h = usd("2.5"),
                               .reasoning = usd("8"),
                               .audioInput = usd("2"),
                               .audioOutput = usd("8")};
    QCOMPARE(layer->entries[0].price.prices, expected);
    QCOMPARE(layer->entries[0].price.maxOutput, 0);
}

void TestPriceFile::readsTiers()
{
    const auto layer = read("models:\n"
                            "  m:\n"
                            "    input: 1\n"
                            "    output: 2\n"
                            "    cached_input: 0.5\n"
                            "    max_output: 4096\n"
                            "    above:\n"
                            "      - { tokens: 200, input: 9 }\n"
                            "      - { tokens: 100, input: 3, output: 4 }\n");
    QVERIFY(layer);
    const ModelPrice &price = layer->entries[0].price;
    QCOMPARE(price.maxOutput, 4096);
    QCOMPARE(price.tiers.size(), size_t(2));
    QCOMPARE(price.tiers[0].above, 100);
    QCOMPARE(price.tiers[1].above, 200);
    // What a step does not name is as below it, and a default follows what it stands for.
    QCOMPARE(price.tiers[0].prices.cachedInput, usd("0.5"));
    QCOMPARE(price.tiers[0].prices.audioInput, usd("3"));
    QCOMPARE(price.tiers[0].prices.reasoning, usd("4"));
    QCOMPARE(price.tiers[1].prices.output, usd("2"));
}

void TestPriceFile::refuses_data()
{
    QTest::addColumn<QByteArray>("yaml");
    QTest::addColumn<QString>("reason");
    QTest::newRow("empty") << QByteArray() << u"models: This key is missing"_s;
    QTest::newRow("no models") << QByteArray("updated: 2026-01-01\n")
                               << u"models: This key is missing"_s;
    QTest::newRow("empty models") << QByteArray("models:\n")
                                  << u"prices.yaml:1: models: There is no price"_s;
    QTest::newRow("a list") << QByteArray("- a\n- b\n") << u"Expected"_s;
    QTest::newRow("not YAML") << QByteArray("models: { a: { input: 1\n") << u"not valid YAML"_s;
    QTest::newRow("a web page") << QByteArray("<!DOCTYPE html>\n<html></html>\n") << u":1"_s;
    QTest::newRow("binary") << QByteArray("models:\n  \x01\x02\n") << u":2"_s;
    QTest::newRow("unknown key") << QByteArray("models:\n  a: { input: 1, output: 1, cached: 1 }\n")
                                 << u"prices.yaml:2: models.a.cached: Unknown key"_s;
    QTest::newRow("misspelt") << QByteArray("models:\n  a: { input: 1, ouput: 1 }\n")
                              << u"output"_s;
    QTest::newRow("unknown section") << QByteArray("model:\n  a: { input: 1, output: 1 }\n")
                                     << u"prices.yaml:1: model: Unknown key"_s;
    QTest::newRow("no output") << QByteArray("models:\n  a: { input: 1 }\n")
                               << u"models.a.output: This key is missing"_s;
    QTest::newRow("negative") << QByteArray("models:\n  a: { input: -1, output: 1 }\n")
                              << u"prices.yaml:2: models.a.input: Must be an amount"_s;
    QTest::newRow("absurd") << QByteArray("models:\n  a: { input: 10000.000000001, output: 1 }\n")
                            << u"models.a.input: Must be an amount in USD from 0 to 10000"_s;
    QTest::newRow("ten decimals") << QByteArray(
                                         "models:\n  a: { input: 0.0000000001, output: 1 }\n")
                                  << u"nine decimals"_s;
    QTest::newRow("exponent") << QByteArray("models:\n  a: { input: 1e-7, output: 1 }\n")
                              << u"models.a.input"_s;
    QTest::newRow("text") << QByteArray("models:\n  a: { input: cheap, output: 1 }\n")
                          << u"models.a.input"_s;
    QTest::newRow("infinite") << QByteArray("models:\n  a: { input: .inf, output: 1 }\n")
                              << u"models.a.input"_s;
    QTest::newRow("variable") << QByteArray("models:\n  a: { input: \"${HOME}\", output: 1 }\n")
                              << u"models.a.input"_s;
    QTest::newRow("null") << QByteArray("models:\n  a:\n") << u"models.a"_s;
    QTest::newRow("twice") << QByteArray(
                                  "models:\n  a: { input: 1, output: 1 }\n  a: { input: 2, output: "
                                  "1 }\n")
                           << u"prices.yaml:3: models.a: This key is here twice"_s;
    QTest::newRow("name with spaces")
        << QByteArray("models:\n  a b: { input: 1, output: 1 }\n") << u"a b"_s;
    QTest::newRow("bad date") << QByteArray(
                                     "updated: 2026-02-30\nmodels:\n  a: { input: 1, output: 1 }\n")
                              << u"prices.yaml:1: updated"_s;
    QTest::newRow("step without tokens")
        << QByteArray("models:\n  a: { input: 1, output: 1, above: { input: 2 } }\n")
        << u"tokens: This key is missing"_s;
    QTest::newRow("step without a price")
        << QByteArray("models:\n  a: { input: 1, output: 1, above: { tokens: 5 } }\n")
        << u"models.a.above: This step names no price"_s;
    QTest::newRow("two equal steps")
        << QByteArray("models:\n  a: { input: 1, output: 1, above: [ { tokens: 5, input: 1 }, { "
                      "tokens: 5, input: 2 } ] }\n")
        << u"Two steps"_s;
    QTest::newRow("negative step")
        << QByteArray("models:\n  a: { input: 1, output: 1, above: { tokens: -5, input: 1 } }\n")
        << u"tokens"_s;
    QTest::newRow("no longest output")
        << QByteArray("models:\n  a: { input: 1, output: 1, max_output: 0 }\n") << u"max_output"_s;
    QTest::newRow("one bad price among good ones")
        << QByteArray("models:\n  a: { input: 1, output: 1 }\n  b: { input: 1, output: x }\n")
        << u"prices.yaml:3: models.b.output"_s;
}

void TestPriceFile::refuses()
{
    QFETCH(QByteArray, yaml);
    QFETCH(QString, reason);
    QString reasons;
    QVERIFY(!read(yaml, &reasons));
    QVERIFY2(reasons.contains(reason), qPrintable(reasons));
}

void TestPriceFile::refusesEveryCut()
{
    const QByteArray yaml = "models:\n"
                            "  first:\n"
                            "    input: 12.50\n"
                            "    output: 100\n"
                            "  second: { input: 1, output: 2 }\n"
                            "  third:\n"
                            "    output: 30\n"
                            "    input: 3.75\n";
    QVERIFY(read(yaml));
    int accepted = 0;
    for (qsizetype length = 0; length < yaml.size(); ++length) {
        const auto layer = read(yaml.first(length));
        if (!layer) {
            continue;
        }
        // Only a cut between two prices looks complete, and then no price in it is another one.
        ++accepted;
        QCOMPARE(layer->entries[0].price.prices.input, usd("12.5"));
        QCOMPARE(layer->entries[0].price.prices.output, usd("100"));
        QVERIFY(layer->entries.size() < 3);
    }
    // After "first", after "second" with and without its line break.
    QCOMPARE(accepted, 3);
}

void TestPriceFile::refusesMissingFiles()
{
    ConfigProblems problems(u"p"_s);
    QVERIFY(!readPriceFile(u"/nonexistent/prices.yaml"_s, problems));
    QVERIFY(problems.hasErrors());

    QTemporaryDir folder;
    const QString path = folder.filePath(u"prices.yaml"_s);
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("models:\n  m: { input: 1, output: 2 }\n");
    file.close();
    ConfigProblems none(path);
    const auto layer = readPriceFile(path, none);
    QVERIFY(layer);
    QCOMPARE(layer->file, path);
    QCOMPARE(layer->entries.front().origin, PriceOrigin::File);
}

void TestPriceFile::readsJson()
{
    const QJsonObject config =
        QJsonDocument::fromJson(R"({"input":0.15,"output":"0.6","cached_input":0.000000001,)"
                                R"("per_request":2,"above":{"tokens":1000,"input":0.3}})")
            .object();
    const auto price = parsePrice("gpt-4o-mini*", config);
    QVERIFY2(price, price ? "" : qPrintable(price.error()));
    QCOMPARE(price->pattern.pattern(), "gpt-4o-mini*"_ba);
    QCOMPARE(price->origin, PriceOrigin::Database);
    QCOMPARE(price->price.prices.input, usd("0.15"));
    QCOMPARE(price->price.prices.output, usd("0.6"));
    QCOMPARE(price->price.prices.cachedInput, usd("0.000000001"));
    QCOMPARE(price->price.perRequest, usd("2"));
    QCOMPARE(price->price.tiers.front().prices.input, usd("0.3"));
}

void TestPriceFile::refusesJson_data()
{
    QTest::addColumn<QByteArray>("pattern");
    QTest::addColumn<QByteArray>("config");
    QTest::addColumn<QString>("reason");
    const QByteArray good = R"({"input":1,"output":1})";
    QTest::newRow("no name") << QByteArray() << good << u"prices"_s;
    QTest::newRow("spaces") << QByteArray("a b") << good << u"a b"_s;
    QTest::newRow("empty") << QByteArray("a") << QByteArray("{}") << u"prices.a.input"_s;
    QTest::newRow("negative") << QByteArray("a") << QByteArray(R"({"input":-1,"output":1})")
                              << u"prices.a.input"_s;
    QTest::newRow("object") << QByteArray("a") << QByteArray(R"({"input":{},"output":1})")
                            << u"prices.a.input"_s;
    QTest::newRow("boolean") << QByteArray("a") << QByteArray(R"({"input":true,"output":1})")
                             << u"prices.a.input"_s;
    QTest::newRow("unknown") << QByteArray("a") << QByteArray(R"({"input":1,"output":1,"x":1})")
                             << u"prices.a.x"_s;
}

void TestPriceFile::refusesJson()
{
    QFETCH(QByteArray, pattern);
    QFETCH(QByteArray, config);
    QFETCH(QString, reason);
    const auto price = parsePrice(pattern, QJsonDocument::fromJson(config).object());
    QVERIFY(!price);
    QVERIFY2(price.error().contains(reason), qPrintable(price.error()));
}

void TestPriceFile::givesBackWhatItRead()
{
    for (const PatternPrice &shipped : shippedPrices().entries) {
        const auto again = parsePrice(shipped.pattern.pattern(), shipped.config);
        QVERIFY2(again, again ? "" : qPrintable(again.error()));
        QCOMPARE(again->price, shipped.price);
    }
}

void TestPriceFile::shipsPrices()
{
    const PriceLayer &layer = shippedPrices();
    QVERIFY(layer.updated.isValid());
    QVERIFY(layer.entries.size() > 80);
    const PriceTable table({layer});
    for (const std::string_view model :
         {"gpt-4o-mini", "gpt-4o-mini-2024-07-18", "gpt-4.1-nano-2025-04-14", "o3",
          "claude-sonnet-4-20250514", "claude-opus-4-1-20250805", "claude-haiku-4-5-20251001",
          "gemini-2.5-pro", "text-embedding-3-large", "deepseek-v4-pro", "grok-4",
          "llama-3.3-70b-versatile", "mistral-embed", "command-r-08-2024"}) {
        QVERIFY2(table.find(model), model.data());
    }
    // Names that say nothing of their price have none.
    for (const std::string_view model : {"gpt-4o-realtime-preview", "gpt-image-1", "qwen2.5-7b",
                                         "local-model", "claude-instant"}) {
        QVERIFY2(!table.find(model), model.data());
    }
    for (const PatternPrice &entry : layer.entries) {
        const TokenPrices &prices = entry.price.prices;
        QVERIFY2(prices.cachedInput <= prices.input && prices.input <= prices.audioInput,
                 entry.pattern.pattern().constData());
    }
}

QTEST_APPLESS_MAIN(TestPriceFile)
#include "tst_pricefile.moc"
