// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/pricefile.h"
#include "gateway/config/yamlreader.h"
#include "gateway/protocol/openairesponse.h"

#include <QFile>
#include <QTest>

#include <limits>

using namespace Qt::StringLiterals;
using namespace tidegate;

namespace {

QByteArray dataFile(const QString &name)
{
    QFile file(QStringLiteral(TIDEGATE_SOURCE_DIR) + u"/tests/data/"_s + name);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

Money usd(const char *text)
{
    return Money::parse(text).value();
}

/// A price with a different amount for everything, so that no two can be mistaken for each other.
ModelPrice price()
{
    ModelPrice result;
    result.prices = {.input = usd("1"),
                     .output = usd("10"),
                     .cachedInput = usd("0.1"),
                     .cacheWrite = usd("1.25"),
                     .cacheWrite1h = usd("2"),
                     .reasoning = usd("11"),
                     .audioInput = usd("1.5"),
                     .audioOutput = usd("20")};
    return result;
}

ModelPrice tiered()
{
    ModelPrice result = price();
    ModelPrice::Tier tier;
    tier.above = 100'000;
    tier.prices = result.prices;
    tier.prices.input = usd("5");
    tier.prices.output = usd("40");
    result.tiers.push_back(tier);
    tier.above = 200'000;
    tier.prices.input = usd("7");
    result.tiers.push_back(tier);
    return result;
}

} // namespace

class TestCosts : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void golden_data();
    void golden();
    void goldenAgainstTheBlockAlone();
    void millionRowsDoNotDrift();
    void unknownIsUnknown();
    void chargesNoTokenTwice();
    void neverNegative();
    void tiers();
    void holdsAreUpperBounds();
    void holds();

private:
    ConfigNode m_cases;
    PriceTable m_table;
};

void TestCosts::initTestCase()
{
    ConfigProblems problems;
    const auto cases = YamlReader::read(dataFile(u"golden-costs.yaml"_s), problems);
    auto layer = readPrices(dataFile(u"golden-prices.yaml"_s), PriceOrigin::File, problems);
    QVERIFY2(cases && layer && !problems.hasErrors(),
             problems.all().empty() ? "" : qPrintable(problems.all().front().toString()));
    m_cases = *cases;
    m_table = PriceTable({std::move(*layer)});
    QVERIFY(m_cases.items.size() >= 30);
}

void TestCosts::golden_data()
{
    QTest::addColumn<QByteArray>("style");
    QTest::addColumn<QByteArray>("model");
    QTest::addColumn<QByteArray>("answer");
    QTest::addColumn<QByteArray>("cost");
    for (const ConfigNode &item : m_cases.items) {
        const auto text = [&item](QStringView key) { return item.find(key)->raw.toUtf8(); };
        QTest::newRow(text(u"name").constData())
            << text(u"style") << text(u"model") << text(u"answer") << text(u"cost");
    }
}

void TestCosts::golden()
{
    QFETCH(QByteArray, style);
    QFETCH(QByteArray, model);
    QFETCH(QByteArray, answer);
    QFETCH(QByteArray, cost);
    const UsageStyle usageStyle = style == "anthropic" ? UsageStyle::Anthropic
                                  : style == "gemini"  ? UsageStyle::Gemini
                                                       : UsageStyle::OpenAi;
    const TokenUsage usage =
        readChunk({answer.constData(), size_t(answer.size())}, usageStyle).usage;
    const auto result = m_table.cost({model.constData(), size_t(model.size())}, usage);
    QVERIFY(result);
    QCOMPARE(result->toString(), cost);
}

void TestCosts::goldenAgainstTheBlockAlone()
{
    // The styles differ where it matters: Anthropic's block read as OpenAI's costs less.
    constexpr std::string_view kAnswer =
        R"({"usage":{"input_tokens":50,"cache_read_input_tokens":100000,"output_tokens":503}})";
    const auto cost = [this](const TokenUsage &usage) {
        return m_table.cost("claude-sonnet-4-20250514", usage).value();
    };
    QVERIFY(cost(readChunk(kAnswer, UsageStyle::OpenAi).usage) <
            cost(readChunk(kAnswer, UsageStyle::Anthropic).usage));
}

void TestCosts::millionRowsDoNotDrift()
{
    // 0.0000234 USD each, which no binary fraction holds: a sum of doubles is wrong from the
    // second row on.
    ModelPrice cheap;
    cheap.prices.input = usd("0.15");
    cheap.prices.output = usd("0.6");
    const TokenUsage usage{.input = 100, .output = 14};
    const Money each = cheap.cost(usage).value();
    QCOMPARE(each.toString(), "0.000023400"_ba);
    Money sum;
    for (int row = 0; row < 1'000'000; ++row) {
        sum += cheap.cost(usage).value();
    }
    QCOMPARE(sum.toString(), "23.400000000"_ba);
}

void TestCosts::unknownIsUnknown()
{
    const TokenUsage usage{.input = 1, .output = 1};
    QVERIFY(!m_table.cost("no-such-model", usage));
    QVERIFY(!PriceTable().cost("gpt-4o", usage));
    QVERIFY(!m_table.cost("gpt-4o", TokenUsage()));
    QVERIFY(!m_table.cost("gpt-4o", TokenUsage{.input = 5}));
    QVERIFY(!m_table.cost("gpt-4o", TokenUsage{.output = 5}));
    // What costs nothing need not be counted.
    QCOMPARE(m_table.cost("text-embedding-3-small", TokenUsage{.input = 1'000'000}), usd("0.02"));
    QCOMPARE(m_table.cost("in-house", TokenUsage()), usd("0.10"));
}

void TestCosts::chargesNoTokenTwice()
{
    // Parts that add up to more than the whole: cached first, then written, then sound.
    const TokenUsage contradictory{.input = 100,
                                   .output = 10,
                                   .cachedInput = 60,
                                   .reasoning = 8,
                                   .cacheWrite = 60,
                                   .cacheWrite1h = 50,
                                   .audioInput = 60,
                                   .audioOutput = 8};
    // 60 * 0.1 + 40 * 2 + 8 * 11 + 2 * 20 = 214
    QCOMPARE(price().cost(contradictory), usd("0.000214"));
    QCOMPARE(price().cost(TokenUsage{.input = 100, .output = 0, .cachedInput = 1'000'000}),
             usd("0.00001"));
}

void TestCosts::neverNegative()
{
    constexpr qint64 kHuge = std::numeric_limits<qint64>::max();
    const std::vector<qint64> hostile{-kHuge - 1, -1, 0, 1, (qint64(1) << 53) + 1, kHuge};
    for (const qint64 input : hostile) {
        for (const qint64 output : hostile) {
            for (const qint64 part : hostile) {
                const TokenUsage usage{.input = input,
                                       .output = output,
                                       .cachedInput = part,
                                       .reasoning = part,
                                       .cacheWrite = part,
                                       .cacheWrite1h = part,
                                       .audioInput = part,
                                       .audioOutput = part};
                const auto cost = tiered().cost(usage);
                QCOMPARE(cost.has_value(), input >= 0 && output >= 0);
                QVERIFY(!cost || *cost >= Money());
            }
        }
    }
    // More than Money can hold is its bound, not its opposite.
    ModelPrice dear;
    dear.prices.input = usd("10000");
    dear.prices.output = usd("10000");
    QCOMPARE(dear.cost(TokenUsage{.input = kHuge, .output = kHuge}), Money::fromNano(kHuge));
}

void TestCosts::tiers()
{
    const auto cost = [](qint64 input) {
        return tiered().cost(TokenUsage{.input = input, .output = 0}).value();
    };
    QCOMPARE(cost(100'000), usd("0.1"));
    QCOMPARE(cost(100'001), usd("0.500005"));
    QCOMPARE(cost(200'000), usd("1"));
    QCOMPARE(cost(200'001), usd("1.400007"));
}

void TestCosts::holdsAreUpperBounds()
{
    const ModelPrice model = tiered();
    for (const qint64 input :
         {qint64(0), qint64(1), qint64(999), qint64(100'001), qint64(250'000)}) {
        for (const qint64 output : {qint64(0), qint64(1), qint64(5000)}) {
            const Money hold =
                model.holdFor({.inputTokens = input, .maxOutputTokens = output, .choices = 2});
            for (const qint64 part : {qint64(-1), qint64(0), input / 3, input}) {
                for (const qint64 outputPart : {qint64(-1), output, 2 * output}) {
                    const TokenUsage usage{.input = input,
                                           .output = 2 * output,
                                           .cachedInput = part / 2,
                                           .reasoning = outputPart / 2,
                                           .cacheWrite = part,
                                           .cacheWrite1h = part,
                                           .audioInput = part,
                                           .audioOutput = outputPart};
                    QVERIFY(model.cost(usage).value() <= hold);
                }
            }
        }
    }
}

void TestCosts::holds()
{
    ModelPrice perRequest;
    perRequest.perRequest = usd("0.10");
    QCOMPARE(perRequest.holdFor({.inputTokens = 1'000'000}), usd("0.10"));

    ModelPrice model = price();
    // The dearest input is the hour's cache write, the dearest output sound.
    QCOMPARE(model.holdFor({.inputTokens = 1000, .maxOutputTokens = 100}), usd("0.004"));
    QCOMPARE(model.holdFor({.inputTokens = 1000, .maxOutputTokens = 100, .choices = 3}),
             usd("0.008"));
    QCOMPARE(model.holdFor({.inputTokens = 0}), usd("0.32768")); // 16,384 tokens of output
    model.maxOutput = 1000;
    QCOMPARE(model.holdFor({.inputTokens = 0}), usd("0.02"));
    QCOMPARE(model.holdFor({.inputTokens = 0, .maxOutputTokens = 1'000'000}), usd("0.02"));
    QCOMPARE(model.holdFor({.inputTokens = 0, .maxOutputTokens = 10}), usd("0.0002"));

    // An estimate of a quarter of the threshold may be wrong enough to get there; less is not.
    QCOMPARE(tiered().holdFor({.inputTokens = 25'000, .maxOutputTokens = 0}), usd("0.05"));
    QCOMPARE(tiered().holdFor({.inputTokens = 25'001, .maxOutputTokens = 0}), usd("0.125005"));

    constexpr qint64 kHuge = std::numeric_limits<qint64>::max();
    const Money everything =
        tiered().holdFor({.inputTokens = kHuge, .maxOutputTokens = kHuge, .choices = kHuge});
    QVERIFY(everything > usd("1000000000"));
}

QTEST_APPLESS_MAIN(TestCosts)
#include "tst_costs.moc"
