// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/openairesponse.h"
#include "gateway/protocol/usageblock.h"

#include <QElapsedTimer>
#include <QRandomGenerator>
#include <QTest>

using namespace tidegate;

namespace {

TokenUsage openAi(std::string_view block)
{
    return readUsage(block, UsageStyle::OpenAi);
}

TokenUsage anthropic(std::string_view block)
{
    return readUsage(block, UsageStyle::Anthropic);
}

bool isConsistent(const TokenUsage &usage)
{
    const auto within = [](qint64 part, qint64 whole) {
        return part >= -1 && (whole < 0 || part <= whole);
    };
    return usage.input >= -1 && usage.output >= -1 && within(usage.cachedInput, usage.input) &&
           within(usage.cacheWrite, usage.input) && within(usage.audioInput, usage.input) &&
           within(usage.reasoning, usage.output) && within(usage.audioOutput, usage.output) &&
           (usage.cacheWrite1h < 0 || usage.cacheWrite1h <= usage.cacheWrite);
}

} // namespace

/// Real shapes, and what they cost, are in tests/data/golden-costs.yaml; here is what should not
/// be.
class TestUsageBlock : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void readsNumbersOnly_data();
    void readsNumbersOnly();
    void keepsPartsWithinTheirWhole();
    void givesAnthropicsInputItsCache();
    void takesTheLargerOfTwo();
    void mergesTheReportsOfAStream();
    void findsUsageOnlyInItsPlace();
    void survivesAnything();
    void isCheap();
};

void TestUsageBlock::readsNumbersOnly_data()
{
    QTest::addColumn<QByteArray>("number");
    QTest::addColumn<qint64>("expected");
    QTest::newRow("zero") << QByteArray("0") << qint64(0);
    QTest::newRow("whole number with a point") << QByteArray("12.0") << qint64(12);
    QTest::newRow("whole number with an exponent") << QByteArray("1.2e1") << qint64(12);
    QTest::newRow("2^53") << QByteArray("9007199254740992") << qint64(9007199254740992);
    QTest::newRow("2^53 + 1") << QByteArray("9007199254740993") << qint64(-1);
    QTest::newRow("2^63 - 1") << QByteArray("9223372036854775807") << qint64(-1);
    QTest::newRow("2^64") << QByteArray("18446744073709551616") << qint64(-1);
    QTest::newRow("a hundred digits") << QByteArray(100, '9') << qint64(-1);
    QTest::newRow("1e300") << QByteArray("1e300") << qint64(-1);
    QTest::newRow("1e999") << QByteArray("1e999") << qint64(-1);
    QTest::newRow("negative") << QByteArray("-1") << qint64(-1);
    QTest::newRow("very negative") << QByteArray("-9223372036854775808") << qint64(-1);
    QTest::newRow("fraction") << QByteArray("1.5") << qint64(-1);
    QTest::newRow("string") << QByteArray(R"("12")") << qint64(-1);
    QTest::newRow("null") << QByteArray("null") << qint64(-1);
    QTest::newRow("true") << QByteArray("true") << qint64(-1);
    QTest::newRow("list") << QByteArray("[12]") << qint64(-1);
    QTest::newRow("object") << QByteArray(R"({"prompt_tokens":12})") << qint64(-1);
    QTest::newRow("NaN") << QByteArray("NaN") << qint64(-1);
}

void TestUsageBlock::readsNumbersOnly()
{
    QFETCH(QByteArray, number);
    QFETCH(qint64, expected);
    const QByteArray block = R"({"completion_tokens":7,"prompt_tokens":)" + number + '}';
    const TokenUsage usage = openAi({block.constData(), size_t(block.size())});
    QCOMPARE(usage.input, expected);
    QCOMPARE(usage.output, 7);
}

void TestUsageBlock::keepsPartsWithinTheirWhole()
{
    const TokenUsage usage = openAi(
        R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,)"
        R"("prompt_tokens_details":{"cached_tokens":99,"audio_tokens":99,"cache_write_tokens":99},)"
        R"("completion_tokens_details":{"reasoning_tokens":99,"audio_tokens":99}})");
    QCOMPARE(usage, (TokenUsage{.input = 10,
                                .output = 5,
                                .cachedInput = 10,
                                .reasoning = 5,
                                .cacheWrite = 10,
                                .audioInput = 10,
                                .audioOutput = 5}));
}

void TestUsageBlock::givesAnthropicsInputItsCache()
{
    const std::string_view block =
        R"({"input_tokens":50,"cache_read_input_tokens":1000,"cache_creation_input_tokens":200,)"
        R"("cache_creation":{"ephemeral_5m_input_tokens":150,"ephemeral_1h_input_tokens":50},)"
        R"("output_tokens":3})";
    const TokenUsage expected{
        .input = 1250, .output = 3, .cachedInput = 1000, .cacheWrite = 200, .cacheWrite1h = 50};
    QCOMPARE(anthropic(block), expected);
    // The parts alone tell the sum too.
    const TokenUsage parts =
        anthropic(R"({"input_tokens":1,"output_tokens":1,"cache_creation":)"
                  R"({"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":3}})");
    QCOMPARE(parts.input, 6);
    QCOMPARE(anthropic(R"({"output_tokens":3})"), (TokenUsage{.output = 3}));
}

void TestUsageBlock::takesTheLargerOfTwo()
{
    QCOMPARE(openAi(R"({"prompt_tokens":5,"prompt_tokens":3,"input_tokens":4})").input, 5);
}

void TestUsageBlock::mergesTheReportsOfAStream()
{
    // Anthropic: the start knows the input, the end the output.
    TokenUsage usage = anthropic(
        R"({"input_tokens":10,"cache_read_input_tokens":90,"cache_creation_input_tokens":0,)"
        R"("output_tokens":1})");
    mergeUsage(usage, anthropic(R"({"output_tokens":40})"));
    const TokenUsage expected{.input = 100, .output = 40, .cachedInput = 90, .cacheWrite = 0};
    QCOMPARE(usage, expected);
    // An end that repeats input_tokens, but not the cache, changes nothing.
    mergeUsage(usage, anthropic(R"({"input_tokens":10,"output_tokens":41})"));
    QCOMPARE(usage.input, 100);
    QCOMPARE(usage.output, 41);
    // Counts that grow with each chunk: the last one is right, and it is no estimate.
    TokenUsage growing{.input = 5, .output = 1, .estimated = true};
    mergeUsage(growing, TokenUsage{.input = 5, .output = 2});
    QCOMPARE(growing, (TokenUsage{.input = 5, .output = 2}));
}

void TestUsageBlock::findsUsageOnlyInItsPlace()
{
    const auto usageIn = [](std::string_view json) { return readChunk(json).usage; };
    QCOMPARE(usageIn(R"({"response":{"usage":{"input_tokens":1,"output_tokens":2}}})").output, 2);
    QVERIFY(!usageIn(R"({"metadata":{"usage":{"input_tokens":1,"output_tokens":2}}})").isKnown());
    QVERIFY(!usageIn(R"({"response":{"usage":null}})").isKnown());
    const TokenUsage quoted = usageIn(R"({"response":"usage","x":"\"usage\""})");
    QVERIFY(!quoted.isKnown());
    // A chunk with x_groq is content all the same.
    const OpenAiChunk groq = readChunk(
        R"({"choices":[{"delta":{}}],"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":1}}})");
    QVERIFY(groq.content && !groq.usageOnly && groq.usage.isKnown());
}

void TestUsageBlock::survivesAnything()
{
    const QByteArray seed =
        R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"input_tokens":4,)"
        R"("prompt_tokens_details":{"cached_tokens":3,"audio_tokens":2,"cached_tokens_details":{}},)"
        R"("completion_tokens_details":{"reasoning_tokens":1},"cache_creation":{"ephemeral_1h_input_tokens":2},)"
        R"("promptTokensDetails":[{"modality":"AUDIO","tokenCount":1}],"cache_read_input_tokens":7})";
    QRandomGenerator random(4711);
    const QByteArray alphabet = R"({}[]":,-+.0123456789eE\ntrufalsx)";
    for (int round = 0; round < 20'000; ++round) {
        QByteArray block = seed;
        for (int i = random.bounded(6); i >= 0; --i) {
            const int at = random.bounded(int(block.size()));
            switch (random.bounded(3)) {
            case 0:
                block[at] = alphabet[random.bounded(int(alphabet.size()))];
                break;
            case 1:
                block.insert(at, QByteArray::number(random.generate64()));
                break;
            default:
                block.remove(at, random.bounded(20));
                break;
            }
            if (block.isEmpty()) {
                break;
            }
        }
        for (const UsageStyle style :
             {UsageStyle::OpenAi, UsageStyle::Anthropic, UsageStyle::Gemini}) {
            const TokenUsage usage = readUsage({block.constData(), size_t(block.size())}, style);
            QVERIFY2(isConsistent(usage), block.constData());
        }
    }
    QVERIFY(!openAi("").isKnown());
    QVERIFY(!openAi("[]").isKnown());
    const std::string deep = R"({"prompt_tokens_details":)" + std::string(100'000, '[');
    QVERIFY(!openAi(deep).isKnown());
}

void TestUsageBlock::isCheap()
{
    // Every chunk of every stream passes here, so a slip to another order of magnitude matters. The
    // goal is 2 us optimised; the bound leaves room for a debug build on a busy machine.
    const std::string_view delta =
        R"({"id":"chatcmpl-9xA","object":"chat.completion.chunk","created":1717171717,)"
        R"("model":"gpt-4o-mini-2024-07-18","system_fingerprint":"fp_1","choices":[{"index":0,)"
        R"("delta":{"content":" a few words of text"},"logprobs":null,"finish_reason":null}]})";
    constexpr int kRounds = 20'000;
    QElapsedTimer timer;
    timer.start();
    int content = 0;
    for (int i = 0; i < kRounds; ++i) {
        content += readChunk(delta).content ? 1 : 0;
    }
    const qint64 each = timer.nsecsElapsed() / kRounds;
    qInfo("%lld ns per chunk of text", each);
    QCOMPARE(content, kRounds);
    const std::string_view last =
        R"({"id":"chatcmpl-9xA","choices":[],"usage":{"prompt_tokens":2006,"completion_tokens":300,)"
        R"("total_tokens":2306,"prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":0},)"
        R"("completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}}})";
    timer.restart();
    for (int i = 0; i < kRounds; ++i) {
        content += readChunk(last).usageOnly ? 1 : 0;
    }
    qInfo("%lld ns per chunk of usage", timer.nsecsElapsed() / kRounds);
    QCOMPARE(content, 2 * kRounds);
    QVERIFY(each < 20'000);
}

QTEST_APPLESS_MAIN(TestUsageBlock)
#include "tst_usageblock.moc"
