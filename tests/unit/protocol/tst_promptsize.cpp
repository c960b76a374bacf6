// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/promptsize.h"

#include <QElapsedTimer>
#include <QRandomGenerator>
#include <QTest>

using namespace tidegate;

namespace {

QByteArray text(int bytes)
{
    return QByteArray(bytes, 'a');
}

QByteArray chat(const QByteArray &content)
{
    return R"({"model":"m","messages":[{"role":"user","content":)" + content + "}]}";
}

qint64 tokens(const QByteArray &body)
{
    return PromptSize::of(body).inputTokens;
}

} // namespace

class TestPromptSize : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void countsText_data();
    void countsText();
    void neverCountsBase64();
    void countsTokenNumbersExactly();
    void readsBounds_data();
    void readsBounds();
    void readsOnAfterEverything();
    void countsAnswersAskedFor();
    void survivesHostileBodies();
    void survivesAnything();
    void isCheap();
};

void TestPromptSize::countsText_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<qint64>("expected");
    QTest::newRow("one message") << chat('"' + text(40) + '"') << qint64(10 + 4);
    QTest::newRow("rounded up") << chat('"' + text(41) + '"') << qint64(11 + 4);
    QTest::newRow("two messages") << QByteArray(
                                         R"({"messages":[{"role":"system","content":"aaaaaaaa"},)"
                                         R"({"role":"user","content":"aaaa"}]})")
                                  << qint64(2 + 1 + 8);
    QTest::newRow("parts") << chat(R"([{"type":"text","text":"aaaaaaaa"},)"
                                   R"({"type":"text","text":"aaaaaaaa"}])")
                           << qint64(4 + 4);
    QTest::newRow("six Chinese characters") << chat("\"\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad"
                                                    "\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\"")
                                            << qint64(6 + 4);
    QTest::newRow("completion") << QByteArray(R"({"prompt":"aaaaaaaa"})") << qint64(2);
    QTest::newRow("embedding texts") << QByteArray(R"({"input":["aaaaaaaa","aaaa"]})") << qint64(3);
    QTest::newRow("responses") << QByteArray(
                                      R"({"instructions":"aaaaaaaa","input":[{"role":"user",)"
                                      R"("content":[{"type":"input_text","text":"aaaa"}]}]})")
                               << qint64(2 + 1 + 4);
    QTest::newRow("Anthropic's system")
        << QByteArray(R"({"system":[{"type":"text","text":"aaaaaaaa","cache_control":)"
                      R"({"type":"ephemeral"}}],"messages":[]})")
        << qint64(2);
    QTest::newRow("Gemini")
        << QByteArray(R"({"contents":[{"role":"user","parts":[{"text":"aaaaaaaa"}]}]})")
        << qint64(2 + 4);
    QTest::newRow("tools as they are written")
        << QByteArray(R"({"messages":[],"tools":[{"type":"function"}]})") << qint64(6);
    QTest::newRow("arguments of tool calls")
        << QByteArray(R"({"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":)"
                      R"("call_1","type":"function","function":{"name":"aaaa","arguments":)"
                      R"("aaaaaaaa"}}]}]})")
        << qint64(1 + 2 + 1 + 4);
    QTest::newRow("rerank") << QByteArray(R"({"query":"aaaa","documents":["aaaa","aaaa"]})")
                            << qint64(3);
    QTest::newRow("what no model is shown")
        << QByteArray(R"({"model":"aaaaaaaa","user":"aaaaaaaa","metadata":{"a":"aaaaaaaa"}})")
        << qint64(0);
    QTest::newRow("nothing") << QByteArray("{}") << qint64(0);
}

void TestPromptSize::countsText()
{
    QFETCH(QByteArray, body);
    QFETCH(qint64, expected);
    QCOMPARE(tokens(body), expected);
}

void TestPromptSize::neverCountsBase64()
{
    constexpr qint64 kImage = PromptSize::kAttachmentTokens;
    const QByteArray data = text(4'000'000);
    // Raw strings stay out of the macros, which moc cannot take over several lines.
    const QByteArray imageUrl =
        chat(R"([{"type":"text","text":"aaaa"},{"type":"image_url","image_url":)"
             R"({"url":"data:image/png;base64,)" +
             data + R"("}}])");
    QCOMPARE(tokens(imageUrl), kImage + 1 + 4);
    const QByteArray audio =
        chat(R"([{"type":"input_audio","input_audio":{"format":"wav","data":")" + data + R"("}}])");
    QCOMPARE(tokens(audio), kImage + 4);
    const QByteArray source =
        chat(R"([{"type":"image","source":{"type":"base64","media_type":"image/png","data":")" +
             data + R"("}}])");
    QCOMPARE(tokens(source), kImage + 4);
    const QByteArray responses =
        R"({"input":[{"role":"user","content":[{"type":"input_image","image_url":)"
        R"("data:image/png;base64,)" +
        data + R"("}]}]})";
    QCOMPARE(tokens(responses), kImage + 4);
    const QByteArray gemini =
        R"({"contents":[{"parts":[{"inline_data":{"mime_type":"image/png","data":")" + data +
        R"("}}]}]})";
    QCOMPARE(tokens(gemini), kImage + 4);
    // A document in plain text is text.
    const QByteArray document =
        chat(R"([{"type":"document","source":{"type":"text","media_type":"text/plain","data":")" +
             text(4000) + R"("}}])");
    QVERIFY(tokens(document) >= 1000);
}

void TestPromptSize::countsTokenNumbersExactly()
{
    QCOMPARE(tokens(R"({"input":[1,22, 333]})"), 3);
    QCOMPARE(tokens(R"({"prompt":[[1,2],[3],[4,5,6]]})"), 6);
    QCOMPARE(tokens(R"({"input":[]})"), 0);
    QByteArray million = R"({"input":[)";
    for (int i = 0; i < 1'000'000; ++i) {
        million += "100257,";
    }
    million.chop(1);
    million += "]}";
    QElapsedTimer timer;
    timer.start();
    QCOMPARE(tokens(million), 1'000'000);
    qInfo("%lld us for a million token numbers", timer.nsecsElapsed() / 1000);
    // Text cannot hide among numbers.
    const QByteArray hidden = R"({"input":[1,")" + text(4000) + R"("]})";
    QVERIFY(tokens(hidden) >= 1000);
}

void TestPromptSize::readsBounds_data()
{
    QTest::addColumn<QByteArray>("members");
    QTest::addColumn<qint64>("expected");
    QTest::newRow("none") << QByteArray(R"("a":1)") << qint64(-1);
    QTest::newRow("chat") << QByteArray(R"("max_tokens":16)") << qint64(16);
    QTest::newRow("newer chat") << QByteArray(R"("max_completion_tokens":17)") << qint64(17);
    QTest::newRow("responses") << QByteArray(R"("max_output_tokens":18)") << qint64(18);
    QTest::newRow("both: the larger")
        << QByteArray(R"("max_completion_tokens":9,"max_tokens":5)") << qint64(9);
    QTest::newRow("zero") << QByteArray(R"("max_tokens":0)") << qint64(0);
    QTest::newRow("null") << QByteArray(R"("max_tokens":null)") << qint64(-1);
    QTest::newRow("negative") << QByteArray(R"("max_tokens":-5)") << qint64(-1);
    QTest::newRow("string") << QByteArray(R"("max_tokens":"5")") << qint64(-1);
    QTest::newRow("fraction") << QByteArray(R"("max_tokens":5.5)") << qint64(-1);
    QTest::newRow("huge") << QByteArray(R"("max_tokens":9223372036854775807)")
                          << qint64(1'000'000'000);
    QTest::newRow("too huge") << QByteArray(R"("max_tokens":1e300)") << qint64(-1);
}

void TestPromptSize::readsBounds()
{
    QFETCH(QByteArray, members);
    QFETCH(qint64, expected);
    QCOMPARE(PromptSize::of('{' + members + '}').maxOutputTokens, expected);
}

void TestPromptSize::readsOnAfterEverything()
{
    // What was looked at in part, or passed over, must not keep from what stands behind it.
    for (const QByteArray &member :
         {QByteArray(R"("prompt":[1,2])"), QByteArray(R"("input":[[1],[2]])"),
          QByteArray(R"("input":["a",{"b":[1]},3])"), QByteArray(R"("input":[])"),
          QByteArray(R"("tools":[{"a":{}}])"), QByteArray(R"("tools":{})"),
          QByteArray(R"("tools":"a")"), QByteArray(R"("messages":{})"),
          QByteArray(R"("messages":[{"role":{"a":[1]},"content":[{"image_url":{"a":{}}}]}])"),
          QByteArray(R"("messages":[{"content":[{"source":{"type":{"a":1},"data":[2]}}]}])"),
          QByteArray(R"("messages":[{"content":[{"source":[1,{"a":2}]}]}])"),
          QByteArray(R"("max_tokens":{"a":1})"), QByteArray(R"("n":[1,2])"),
          QByteArray(R"("metadata":{"a":{"b":[1]}})"), QByteArray(R"("system":null)")}) {
        const RequestSize size = PromptSize::of('{' + member + R"(,"max_tokens":5,"n":7})");
        QVERIFY2(size.maxOutputTokens == 5 && size.choices >= 7 && size.inputTokens < 4000,
                 member.constData());
    }
}

void TestPromptSize::countsAnswersAskedFor()
{
    const auto choices = [](const QByteArray &body) { return PromptSize::of(body).choices; };
    QCOMPARE(choices("{}"), 1);
    QCOMPARE(choices(R"({"n":3})"), 3);
    QCOMPARE(choices(R"({"n":0})"), 1);
    QCOMPARE(choices(R"({"n":-7})"), 1);
    QCOMPARE(choices(R"({"n":2,"best_of":5,"prompt":"a"})"), 5);
    QCOMPARE(choices(R"({"n":2,"prompt":["a","b","c"]})"), 6);
    QCOMPARE(choices(R"({"prompt":[[1,2],[3]]})"), 2);
    QCOMPARE(choices(R"({"prompt":[1,2,3]})"), 1);
    // Embeddings answer once however many texts there are.
    QCOMPARE(choices(R"({"input":["a","b","c"]})"), 1);
    QVERIFY(choices(R"({"n":9223372036854775807,"prompt":["a","b"]})") > 1'000'000'000);
}

void TestPromptSize::survivesHostileBodies()
{
    for (const char *opening : {"[", R"({"content":)", R"([{"text":)"}) {
        const QByteArray deep = R"({"messages":)" + QByteArray(opening).repeated(100'000);
        QVERIFY(tokens(deep) >= deep.size() / 4);
        const QByteArray asTools = R"({"tools":)" + QByteArray(opening).repeated(100'000);
        QVERIFY(tokens(asTools) >= asTools.size() / 4);
    }
    // Deep and well-formed: below some depth all of it is text.
    const QByteArray nested = chat(QByteArray("[").repeated(900) + '"' + text(4000) + '"' +
                                   QByteArray("]").repeated(900));
    QVERIFY(tokens(nested) >= 1000);
    QByteArray many = R"({"messages":[)";
    for (int i = 0; i < 100'000; ++i) {
        many += R"({"role":"user","content":"a"},)";
    }
    many.chop(1);
    QCOMPARE(tokens(many + "]}"), 400'000 + 25'000);
    const QByteArray cut = R"({"messages":[{"role":"user","content":")" + text(4000);
    QVERIFY(tokens(cut) >= 1000);
    QVERIFY(tokens("") == 0);
    QVERIFY(tokens(text(4000)) >= 1000);
    QVERIFY(tokens("\xff\xfe{") >= 0);
}

void TestPromptSize::survivesAnything()
{
    const QByteArray seed =
        R"({"model":"m","n":2,"max_tokens":5,"messages":[{"role":"user","content":[{"type":"text",)"
        R"("text":"abc"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}],)"
        R"("prompt":[[1,2],[3]],"tools":[{"a":{"b":[1]}}],"system":"x","input":["a",{"b":"c"}]})";
    const QByteArray alphabet = R"({}[]":,-+.0123456789eE\ntrufalsx)";
    QRandomGenerator random(815);
    for (int round = 0; round < 20'000; ++round) {
        QByteArray body = seed;
        for (int i = random.bounded(6); i >= 0 && !body.isEmpty(); --i) {
            const int at = random.bounded(int(body.size()));
            if (random.bounded(2) == 0) {
                body[at] = alphabet[random.bounded(int(alphabet.size()))];
            } else {
                body.remove(at, random.bounded(20));
            }
        }
        const RequestSize size = PromptSize::of(body);
        QVERIFY2(size.inputTokens >= 0 && size.inputTokens < 10'000 && size.maxOutputTokens >= -1 &&
                     size.choices >= 1,
                 body.constData());
    }
}

void TestPromptSize::isCheap()
{
    QByteArray body = chat('"' + text(900) + '"');
    body.reserve(body.size() + 64);
    constexpr int kRounds = 20'000;
    QElapsedTimer timer;
    timer.start();
    qint64 sum = 0;
    for (int i = 0; i < kRounds; ++i) {
        sum += tokens(body);
    }
    const qint64 each = timer.nsecsElapsed() / kRounds;
    qInfo("%lld ns for a body of %lld bytes", each, qint64(body.size()));
    QCOMPARE(sum, kRounds * qint64(225 + 4));
    // Well below 10 us optimised; the bound leaves room for a debug build on a busy machine.
    QVERIFY(each < 100'000);
}

QTEST_APPLESS_MAIN(TestPromptSize)
#include "tst_promptsize.moc"
