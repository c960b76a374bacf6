// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/openairesponse.h"

#include <QTest>

using namespace tidegate;

namespace {

TokenUsage usageIn(std::string_view json)
{
    return readChunk(json).usage;
}

} // namespace

class OpenAiResponseTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void chunks();
    void openings_data();
    void openings();
    void usageBlocks();
};

void OpenAiResponseTest::chunks()
{
    QVERIFY(readChunk("[DONE]").done);

    const OpenAiChunk content =
        readChunk(R"({"choices":[{"delta":{"content":"a"},"finish_reason":null}]})");
    QVERIFY(content.content && !content.finish && !content.usageOnly && !content.usage.isKnown());

    const OpenAiChunk last = readChunk(R"({"choices":[{"delta":{},"finish_reason" : "stop"}]})");
    QVERIFY(last.finish);

    const OpenAiChunk second = readChunk(
        R"({"choices":[{"index":0,"finish_reason":null},{"index":1,"finish_reason":"length"}]})");
    QVERIFY(second.finish);

    const OpenAiChunk usage = readChunk(
        R"({"id":"x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}})");
    QVERIFY(usage.usageOnly && !usage.content);
    QCOMPARE(usage.usage, (TokenUsage{.input = 3, .output = 4}));

    const OpenAiChunk both = readChunk(
        R"({"usage":{"prompt_tokens":1,"completion_tokens":2},"choices":[{"delta":{},"finish_reason":"stop"}]})");
    QVERIFY(!both.usageOnly && both.content && both.finish);
    QCOMPARE(both.usage.output, 2);

    const OpenAiChunk nullUsage = readChunk(R"({"choices":[],"usage":null})");
    QVERIFY(!nullUsage.usageOnly && !nullUsage.usage.isKnown());

    QVERIFY(readChunk(R"({"error":{"message":"no"}})").error);
    QVERIFY(!readChunk(R"({"error":null,"choices":[{}]})").error);
    // The word alone, inside of text, is neither an error nor usage.
    const OpenAiChunk quoted = readChunk(
        R"({"choices":[{"delta":{"content":"say \"usage\": and \"error\""},"finish_reason":null}]})");
    QVERIFY(quoted.content && !quoted.error && !quoted.usage.isKnown());
    QVERIFY(readChunk(R"({"choices":[{"del)").content);
}

void OpenAiResponseTest::openings_data()
{
    QTest::addColumn<QByteArray>("data");
    QTest::addColumn<bool>("opening");
    const auto row = [](const char *name, const char *data, bool opening) {
        QTest::newRow(name) << QByteArray(data) << opening;
    };
    row("role", R"({"choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}]})",
        true);
    row("role and empty text",
        R"({"choices":[{"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null}]})",
        true);
    row("role and no tool calls", R"({"choices":[{"delta":{"role":"assistant","tool_calls":[]}}]})",
        true);
    row("empty delta", R"({"id":"x","choices":[{"index":0,"delta":{}}]})", true);
    row("no choices", R"({"choices":[],"prompt_filter_results":[{}]})", true);
    row("two choices", R"({"choices":[{"delta":{"role":"assistant"}},{"delta":{"content":""}}]})",
        true);
    row("completion without text", R"({"choices":[{"index":0,"text":"","finish_reason":null}]})",
        true);
    row("text", R"({"choices":[{"delta":{"role":"assistant","content":"a"}}]})", false);
    row("text of the second choice", R"({"choices":[{"delta":{}},{"delta":{"content":" "}}]})",
        false);
    row("completion", R"({"choices":[{"text":" "}]})", false);
    row("reasoning", R"({"choices":[{"delta":{"content":null,"reasoning_content":"hm"}}]})", false);
    row("tool call", R"({"choices":[{"delta":{"tool_calls":[{"index":0}]}}]})", false);
    row("finish", R"({"choices":[{"delta":{},"finish_reason":"stop"}]})", false);
    row("other form", R"({"type":"response.created"})", false);
    row("choices that are none", R"({"choices":{}})", false);
    row("cut", R"({"choices":[{"delta":{"role":"assi)", false);
    row("done", "[DONE]", false);
    row("nothing", "", false);
}

void OpenAiResponseTest::openings()
{
    QFETCH(QByteArray, data);
    QFETCH(bool, opening);
    QCOMPARE(isOpening({data.constData(), size_t(data.size())}), opening);
}

void OpenAiResponseTest::usageBlocks()
{
    // Raw strings stay out of the macros, which GCC 12 cannot take over several lines.
    const TokenUsage detailed = usageIn(
        R"({"choices":[{"message":{"content":"\"usage\""}}],"usage":{"prompt_tokens":10,)"
        R"("completion_tokens":20,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},)"
        R"("completion_tokens_details":{"reasoning_tokens":6}}})");
    const TokenUsage expected{
        .input = 10, .output = 20, .cachedInput = 4, .reasoning = 6, .audioInput = 0};
    QCOMPARE(detailed, expected);
    const TokenUsage embedding =
        usageIn(R"({"data":[],"usage":{"prompt_tokens":8,"total_tokens":8}})");
    QCOMPARE(embedding, (TokenUsage{.input = 8, .output = 0}));
    QVERIFY(!usageIn(R"({"choices":[]})").isKnown());
    QVERIFY(!usageIn("not json \"usage\"").isKnown());
}

QTEST_APPLESS_MAIN(OpenAiResponseTest)
#include "tst_openairesponse.moc"
