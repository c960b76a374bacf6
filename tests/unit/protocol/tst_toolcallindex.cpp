// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/toolcallindex.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

#include <algorithm>
#include <map>
#include <random>

using namespace tidegate;
using namespace Qt::StringLiterals;

namespace {

std::string_view view(const QByteArray &bytes)
{
    return {bytes.constData(), size_t(bytes.size())};
}

// What the client gets.
QByteArray passed(ToolCallIndex &stream, const QByteArray &event)
{
    QByteArray repaired = "left over from before";
    return stream.repair(view(event), repaired) ? repaired : event;
}

QByteArray fragment(const QByteArray &index, const QByteArray &id, const QByteArray &name,
                    const QByteArray &arguments)
{
    QByteArray call = "{";
    if (!index.isEmpty()) {
        call += "\"index\":" + index + ',';
    }
    if (!id.isNull()) {
        call += "\"id\":\"" + id + "\",\"type\":\"function\",";
    }
    call += "\"function\":{";
    if (!name.isNull()) {
        call += "\"name\":\"" + name + "\",";
    }
    return call + "\"arguments\":\"" + arguments + "\"}}";
}

QByteArray chunk(const QByteArray &calls, const QByteArray &choice = "0")
{
    return "data: {\"id\":\"x\",\"choices\":[{\"index\":" + choice +
           ",\"delta\":{\"tool_calls\":[" + calls + "]},\"finish_reason\":null}]}\n\n";
}

// Puts the calls together as clients do: by choice and index.
class Client
{
public:
    void hear(const QByteArray &raw)
    {
        const QByteArray json = raw.mid(6).trimmed();
        QJsonParseError error;
        const QJsonObject object = QJsonDocument::fromJson(json, &error).object();
        QVERIFY2(error.error == QJsonParseError::NoError, raw.constData());
        for (const QJsonValue &choice : object[u"choices"].toArray()) {
            for (const QJsonValue &entry : choice[u"delta"][u"tool_calls"].toArray()) {
                QVERIFY2(entry[u"index"].isDouble(), raw.constData());
                auto &call = calls[{choice[u"index"].toInt(), entry[u"index"].toInt()}];
                const QString id = entry[u"id"].toString();
                if (call.id.isEmpty()) {
                    call.id = id;
                }
                call.name += entry[u"function"][u"name"].toString();
                call.arguments += entry[u"function"][u"arguments"].toString();
            }
        }
    }

    struct Call
    {
        QString id;
        QString name;
        QString arguments;
        bool operator==(const Call &) const = default;
    };
    std::map<std::pair<int, int>, Call> calls;
};

} // namespace

/// ToolCallIndex: repairs what is wrong, and not a byte of what is right.
class TestToolCallIndex : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void allZeroById();
    void allZeroInOneEvent();
    void interleavedFragments();
    void withoutAnyIndex();
    void changingIdsAreOneCall();
    void sameIdUnderTwoIndexes();
    void namesWithoutIds();
    void choicesAreApart();
    void keepsEveryOtherByte();
    void leavesOthersAlone_data();
    void leavesOthersAlone();
    void rightUpstreamIsUntouched_data();
    void rightUpstreamIsUntouched();
    void brokenUpstreamIsRepaired_data();
    void brokenUpstreamIsRepaired();
    void manyCalls();
    void anyBytes();
    void textEvent();
    void callEvent();
};

void TestToolCallIndex::allZeroById()
{
    ToolCallIndex stream;
    const QByteArray first = chunk(fragment("0", "a", "one", ""));
    QCOMPARE(passed(stream, first), first);
    const QByteArray arguments = chunk(fragment("0", {}, {}, "{}"));
    QCOMPARE(passed(stream, arguments), arguments);
    QCOMPARE(passed(stream, chunk(fragment("0", "b", "two", ""))),
             chunk(fragment("1", "b", "two", "")));
    QCOMPARE(passed(stream, arguments), chunk(fragment("1", {}, {}, "{}")));
    QCOMPARE(passed(stream, chunk(fragment("0", "c", "one", "{}"))),
             chunk(fragment("2", "c", "one", "{}")));
}

void TestToolCallIndex::allZeroInOneEvent()
{
    ToolCallIndex stream;
    QCOMPARE(
        passed(stream, chunk(fragment("0", "a", "f", "1") + " , " + fragment("0", "b", "f", "2") +
                             ',' + fragment("0", "c", "f", "3"))),
        chunk(fragment("0", "a", "f", "1") + " , " + fragment("1", "b", "f", "2") + ',' +
              fragment("2", "c", "f", "3")));
}

void TestToolCallIndex::interleavedFragments()
{
    ToolCallIndex stream;
    Client client;
    for (const auto &[id, name, arguments] : std::vector<std::array<QByteArray, 3>>{
             {"a", "f", "{"},
             {"b", "g", "["},
             {"c", "h", "("},
             {"b", {}, "2"},
             {"a", {}, "1"},
             {"c", {}, "3"},
             {"a", {}, "}"},
             {"c", {}, ")"},
             {"b", {}, "]"},
         }) {
        client.hear(passed(stream, chunk(fragment("0", id, name, arguments))));
    }
    QCOMPARE(client.calls.size(), 3U);
    QCOMPARE((client.calls[{0, 0}]), (Client::Call{u"a"_s, u"f"_s, u"{1}"_s}));
    QCOMPARE((client.calls[{0, 1}]), (Client::Call{u"b"_s, u"g"_s, u"[2]"_s}));
    QCOMPARE((client.calls[{0, 2}]), (Client::Call{u"c"_s, u"h"_s, u"(3)"_s}));
}

void TestToolCallIndex::withoutAnyIndex()
{
    ToolCallIndex stream;
    QCOMPARE(passed(stream, chunk(fragment({}, "a", "f", "{") + ',' + fragment({}, "b", "g", "["))),
             chunk(fragment("0", "a", "f", "{") + ',' + fragment("1", "b", "g", "[")));
    QCOMPARE(passed(stream, chunk(fragment({}, "a", {}, "}"))), chunk(fragment("0", "a", {}, "}")));
    QCOMPARE(passed(stream, chunk(fragment({}, {}, {}, "x"))), chunk(fragment("0", {}, {}, "x")));
}

// Some versions of vLLM make up an id for each fragment; clients keep the first.
void TestToolCallIndex::changingIdsAreOneCall()
{
    ToolCallIndex stream;
    for (const QByteArray &raw :
         {chunk(fragment("0", "r1", "f", "")), chunk(fragment("0", "r2", {}, "{")),
          chunk(fragment("0", "r3", {}, "}")), chunk(fragment("1", "r4", "g", "")),
          chunk(fragment("1", "r5", {}, "[")), chunk(fragment("0", "r6", {}, " ")),
          chunk(fragment("0", "", "", " "))}) {
        QCOMPARE(passed(stream, raw), raw);
    }
}

void TestToolCallIndex::sameIdUnderTwoIndexes()
{
    ToolCallIndex stream;
    for (const QByteArray &raw :
         {chunk(fragment("0", "f", "f", "1")), chunk(fragment("1", "f", "f", "2")),
          chunk(fragment("0", "f", {}, "3")), chunk(fragment("1", "f", {}, "4"))}) {
        QCOMPARE(passed(stream, raw), raw);
    }
}

void TestToolCallIndex::namesWithoutIds()
{
    ToolCallIndex stream;
    QCOMPARE(passed(stream, chunk(fragment("0", {}, "f", "1"))),
             chunk(fragment("0", {}, "f", "1")));
    // The same name again may be a repetition; another one is another call.
    QCOMPARE(passed(stream, chunk(fragment("0", {}, "f", "2"))),
             chunk(fragment("0", {}, "f", "2")));
    QCOMPARE(passed(stream, chunk(fragment("0", {}, "g", "3"))),
             chunk(fragment("1", {}, "g", "3")));
}

void TestToolCallIndex::choicesAreApart()
{
    ToolCallIndex stream;
    const QByteArray a = chunk(fragment("0", "a", "f", ""), "0");
    const QByteArray b = chunk(fragment("0", "b", "f", ""), "1");
    QCOMPARE(passed(stream, a), a);
    QCOMPARE(passed(stream, b), b);
    QCOMPARE(passed(stream, chunk(fragment("0", "c", "f", ""), "1")),
             chunk(fragment("1", "c", "f", ""), "1"));
    // The choice's index after its delta.
    QCOMPARE(passed(stream, "data: {\"choices\":[{\"delta\":{\"tool_calls\":[" +
                                fragment("0", "d", "f", "") + "]},\"index\":1}]}\n\n"),
             "data: {\"choices\":[{\"delta\":{\"tool_calls\":[" + fragment("2", "d", "f", "") +
                 "]},\"index\":1}]}\n\n");
}

void TestToolCallIndex::keepsEveryOtherByte()
{
    ToolCallIndex stream;
    (void)passed(stream, chunk(fragment("0", "a", "f", "")));
    const QByteArray before = "\xEF\xBB\xBFid: 7\r\nevent: chunk\r\ndata:  { \"x\" : 1.0e-7 , "
                              "\"choices\" : [ { \"index\" : "
                              "0 , \"delta\" : { \"content\" : \"\\u00e9 \xF0\x9F\x98\x80\" , "
                              "\"tool_calls\" : [ {\t\"id\" : "
                              "\"b\" , \"function\" : { \"arguments\" : \"\\\"index\\\":0\" , "
                              "\"name\" : \"g\" } , \"index\" : ";
    const QByteArray after = "\t, \"vendor\" : 9007199254740993 } ] } , \"logprobs\" : null } ] , "
                             "\"choices2\" : [ ] }\r\n: "
                             "comment\r\n\r\n";
    QCOMPARE(passed(stream, before + '0' + after), before + '1' + after);
}

void TestToolCallIndex::leavesOthersAlone_data()
{
    QTest::addColumn<QByteArray>("raw");
    const auto row = [](const char *name, const QByteArray &raw) { QTest::newRow(name) << raw; };
    row("empty", "");
    row("no data", "event: tool_calls\n\n");
    row("quoted", "data: \"tool_calls\"\n\n");
    row("text", R"(data: {"choices":[{"index":0,"delta":{"content":"\"tool_calls\""}}]})"
                "\n\n");
    row("null", R"(data: {"choices":[{"index":0,"delta":{"tool_calls":null}}]})"
                "\n\n");
    row("none", R"(data: {"choices":[{"index":0,"delta":{"tool_calls":[]}}]})"
                "\n\n");
    row("no choices", R"(data: {"tool_calls":[{"index":0,"id":"b","function":{"name":"f"}}]})"
                      "\n\n");
    row("finish", R"(data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]})"
                  "\n\n");
    row("index is a text", chunk(R"({"index":"0","id":"b","function":{"name":"g"}})"));
    row("index is null", chunk(R"({"index":null,"id":"b","function":{"name":"g"}})"));
    row("index below 0", chunk(R"({"index":-1,"id":"b","function":{"name":"g"}})"));
    row("index is a fraction", chunk(R"({"index":0.5,"id":"b","function":{"name":"g"}})"));
    row("not objects", chunk(R"(1,"x",null,[])"));
    row("cut", chunk(fragment("0", "b", "g", "")).left(60));
    row("two data lines", "data: {\"choices\":[{\"index\":0,\"delta\":\ndata: {\"tool_calls\":[" +
                              fragment("0", "b", "g", "") + "]}}]}\n\n");
}

void TestToolCallIndex::leavesOthersAlone()
{
    QFETCH(const QByteArray, raw);
    ToolCallIndex stream;
    (void)passed(stream, chunk(fragment("0", "a", "f", "")));
    QCOMPARE(passed(stream, raw), raw);
    // And it says nothing about those that follow.
    QCOMPARE(passed(stream, chunk(fragment("0", "c", "h", ""))),
             chunk(fragment("1", "c", "h", "")));
}

void TestToolCallIndex::rightUpstreamIsUntouched_data()
{
    QTest::addColumn<quint32>("seed");
    for (quint32 seed = 1; seed <= 20; ++seed) {
        QTest::addRow("seed %u", seed) << seed;
    }
}

// Calls with indexes of their own, fragments in any order, ids always, once or never.
void TestToolCallIndex::rightUpstreamIsUntouched()
{
    QFETCH(const quint32, seed);
    std::mt19937 random(seed);
    ToolCallIndex stream;
    const int calls = 1 + int(random() % 8);
    const bool idsAlways = random() % 2 == 0;
    const bool noIds = random() % 4 == 0;
    std::vector<bool> begun(size_t(calls), false);
    for (int i = 0; i < 300; ++i) {
        QByteArray entries;
        for (quint32 n = 0; n <= random() % 3; ++n) {
            const size_t call = random() % size_t(calls);
            const QByteArray number = QByteArray::number(qint64(call));
            const bool first = !begun[call];
            begun[call] = true;
            entries += entries.isEmpty() ? "" : ",";
            entries +=
                fragment(number, !noIds && (first || idsAlways) ? "id-" + number : QByteArray(),
                         first ? "f" + QByteArray::number(qint64(call / 2)) : QByteArray(), "x");
        }
        const QByteArray raw = chunk(entries);
        QCOMPARE(passed(stream, raw), raw);
    }
}

void TestToolCallIndex::brokenUpstreamIsRepaired_data()
{
    rightUpstreamIsUntouched_data();
}

// All 0 or no index at all, in two choices: the client puts together what was meant.
void TestToolCallIndex::brokenUpstreamIsRepaired()
{
    QFETCH(const quint32, seed);
    std::mt19937 random(seed);
    ToolCallIndex stream;
    Client client;
    std::map<std::pair<int, int>, Client::Call> meant;
    const QByteArray index = seed % 2 == 0 ? "0" : "";
    const bool interleaved = seed % 3 != 0; // then each fragment has its id
    for (int i = 0; i < 400; ++i) {
        const int choice = int(random() % 2);
        const int call = interleaved ? int(random() % 6) : i / 80;
        auto &target = meant[{choice, call}];
        const bool first = target.id.isEmpty();
        const QByteArray id = "call_" + QByteArray::number(choice) + QByteArray::number(call);
        const QByteArray name = "f" + QByteArray::number(call % 2);
        const QByteArray text = QByteArray::number(i) + ' ';
        target.id = QString::fromLatin1(id);
        target.name = QString::fromLatin1(name);
        target.arguments += QString::fromLatin1(text);
        client.hear(passed(stream, chunk(fragment(index, first || interleaved ? id : QByteArray(),
                                                  first ? name : QByteArray(), text),
                                         QByteArray::number(choice))));
    }
    const auto contents = [](const auto &calls) {
        QStringList texts;
        for (const auto &[place, call] : calls) {
            texts.append(QString::number(place.first) + call.id + call.name + call.arguments);
        }
        texts.sort();
        return texts;
    };
    QCOMPARE(contents(client.calls), contents(meant));
}

void TestToolCallIndex::manyCalls()
{
    ToolCallIndex stream;
    for (int i = 0; i < 10'000; ++i) {
        const QByteArray id = QByteArray::number(i);
        const QByteArray raw = chunk(fragment("0", id, "f", ""));
        const bool known = i < int(ToolCallIndex::kMaxCalls);
        QCOMPARE(passed(stream, raw), chunk(fragment(known ? id : "0", id, "f", "")));
    }
}

void TestToolCallIndex::anyBytes()
{
    std::mt19937 random(31);
    const QByteArray good = chunk(fragment("0", "b", "g", "x"));
    for (int i = 0; i < 20'000; ++i) {
        ToolCallIndex stream;
        (void)passed(stream, chunk(fragment("0", "a", "f", "")));
        QByteArray bad = good;
        for (quint32 n = 0; n <= random() % 3; ++n) {
            bad[qsizetype(random() % quint32(bad.size()))] = char(random());
        }
        bad.truncate(qsizetype(random() % quint32(bad.size() + 1)));
        const QByteArray out = passed(stream, bad);
        QVERIFY(out.size() >= bad.size() && out.size() <= bad.size() + 12);
    }
}

void TestToolCallIndex::textEvent()
{
    ToolCallIndex stream;
    const QByteArray raw =
        R"(data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1700000000,)"
        R"("model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,)"
        R"("delta":{"content":" word"},"logprobs":null,"finish_reason":null}]})"
        "\n\n";
    QByteArray repaired;
    QBENCHMARK
    {
        (void)stream.repair(view(raw), repaired);
    }
}

void TestToolCallIndex::callEvent()
{
    ToolCallIndex stream;
    (void)passed(stream, chunk(fragment("0", "a", "f", "")));
    (void)passed(stream, chunk(fragment("0", "b", "g", "")));
    const QByteArray raw = chunk(fragment("0", {}, {}, "{\\\"city\\\":"));
    QByteArray repaired;
    QBENCHMARK
    {
        (void)stream.repair(view(raw), repaired);
    }
    QVERIFY(!repaired.isEmpty());
}

QTEST_APPLESS_MAIN(TestToolCallIndex)
#include "tst_toolcallindex.moc"
