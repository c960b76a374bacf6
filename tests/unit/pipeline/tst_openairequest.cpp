// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/openairequest.h"

#include <QTest>

using namespace tidegate;

class OpenAiRequestTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void reads();
    void refuses_data();
    void refuses();
    void splices_data();
    void splices();
    void leavesEverythingElseAlone();
    void deepNestingIsNoProblem();
    void lastUserText_data();
    void lastUserText();
};

void OpenAiRequestTest::reads()
{
    const auto request = OpenAiRequest::parse(
        R"( {"stream" : true, "mod\u0065l": "gp\u0074-4", "tools":[{}], "encoding_format":"base64",)"
        R"( "stream_options":{"include_usage":true}} )");
    QVERIFY(request);
    QCOMPARE(request->model(), "gpt-4");
    QVERIFY(request->stream());
    QVERIFY(request->hasTools());
    QVERIFY(request->wantsBase64());
    QCOMPARE(request->includeUsage(), OpenAiRequest::IncludeUsage::True);

    const auto plain = OpenAiRequest::parse(R"({"model":"a","stream":null,"tools":[]})");
    QVERIFY(plain);
    QVERIFY(!plain->stream());
    QVERIFY(!plain->hasTools());
    QCOMPARE(plain->includeUsage(), OpenAiRequest::IncludeUsage::Absent);
}

void OpenAiRequestTest::refuses_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::newRow("nothing") << QByteArray();
    QTest::newRow("not JSON") << QByteArray("hello");
    QTest::newRow("an array") << QByteArray("[1]");
    QTest::newRow("a string") << QByteArray("\"x\"");
    QTest::newRow("not closed") << QByteArray(R"({"model":"a")");
    QTest::newRow("string not closed") << QByteArray(R"({"model":"a)");
    QTest::newRow("text behind") << QByteArray(R"({"model":"a"} x)");
    QTest::newRow("second object behind") << QByteArray(R"({"model":"a"}{"model":"b"})");
    QTest::newRow("invalid UTF-8") << QByteArray("{\"model\":\"\xff\"}");
    QTest::newRow("model is a number") << QByteArray(R"({"model":7})");
    QTest::newRow("stream is a string") << QByteArray(R"({"model":"a","stream":"yes"})");
    QTest::newRow("no value") << QByteArray(R"({"model":})");
    QTest::newRow("control character") << QByteArray("{\"model\":\"a\x01\"}");
}

void OpenAiRequestTest::refuses()
{
    QFETCH(QByteArray, body);
    const auto request = OpenAiRequest::parse(body);
    QVERIFY(!request);
    QVERIFY(!request.error().isEmpty());
}

void OpenAiRequestTest::splices_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QByteArray>("model");
    QTest::addColumn<bool>("askForUsage");
    QTest::addColumn<QByteArray>("expected");
    const auto row = [](const char *name, const char *body, const char *model, bool ask,
                        const char *expected) {
        QTest::newRow(name) << QByteArray(body) << QByteArray(model) << ask << QByteArray(expected);
    };
    row("nothing to do", R"({"model":"a"})", "", false, R"({"model":"a"})");
    row("same model", R"({"model":"a"})", "a", false, R"({"model":"a"})");
    row("model", R"({ "model" : "a" , "n":1e400})", "b", false, R"({ "model" : "b" , "n":1e400})");
    row("model with quotes", R"({"model":"a"})", R"(b"c)", false, R"({"model":"b\"c"})");
    row("model twice", R"({"model":"a","model":"b"})", "c", false, R"({"model":"a","model":"c"})");
    row("no options", R"( {"model":"a","stream":true})", "", true,
        R"( {"stream_options":{"include_usage":true},"model":"a","stream":true})");
    row("empty options", R"({"stream_options":{},"model":"a"})", "", true,
        R"({"stream_options":{"include_usage":true},"model":"a"})");
    row("other option", R"({"stream_options":{ "x":{"y":[1]} },"model":"a"})", "", true,
        R"({"stream_options":{"include_usage":true, "x":{"y":[1]} },"model":"a"})");
    row("null options", R"({"stream_options":null ,"model":"a"})", "", true,
        R"({"stream_options":{"include_usage":true} ,"model":"a"})");
    row("said no", R"({"stream_options":{"include_usage": false },"model":"a"})", "", true,
        R"({"stream_options":{"include_usage": true },"model":"a"})");
    row("said yes", R"({"stream_options":{"include_usage":true},"model":"a"})", "", true,
        R"({"stream_options":{"include_usage":true},"model":"a"})");
    row("model before options", R"({"model":"a","stream_options":{}})", "bb", true,
        R"({"model":"bb","stream_options":{"include_usage":true}})");
    row("options before model", R"({"stream_options":{},"model":"a"})", "bb", true,
        R"({"stream_options":{"include_usage":true},"model":"bb"})");
}

void OpenAiRequestTest::splices()
{
    QFETCH(QByteArray, body);
    QFETCH(QByteArray, model);
    QFETCH(bool, askForUsage);
    QFETCH(QByteArray, expected);
    const auto request = OpenAiRequest::parse(body);
    QVERIFY(request);
    QCOMPARE(request->spliced(body, {model.constData(), size_t(model.size())}, askForUsage),
             expected);
    // The same with the spare capacity of a real request's body, which is read in place.
    body.reserve(body.size() + 64);
    const auto inPlace = OpenAiRequest::parse(body);
    QVERIFY(inPlace);
    QCOMPARE(inPlace->spliced(body, {model.constData(), size_t(model.size())}, askForUsage),
             expected);
}

void OpenAiRequestTest::leavesEverythingElseAlone()
{
    const QByteArray before =
        R"(  "a" : 9007199254740993, "b":1e-7,"b":1.50,"u":"\u00e9\ud83d\ude00", "deep":{"model":"no","x":[null,{}]},)";
    const QByteArray body = '{' + before + R"("model" :"a","z":-0.0})";
    const auto request = OpenAiRequest::parse(body);
    QVERIFY(request);
    QCOMPARE(request->model(), "a");
    QCOMPARE(request->spliced(body, "b", false), '{' + before + R"("model" :"b","z":-0.0})");
}

void OpenAiRequestTest::deepNestingIsNoProblem()
{
    const int depth = 1'000'000;
    const QByteArray body =
        R"({"model":"a","x":)" + QByteArray(depth, '[') + QByteArray(depth, ']') + '}';
    const auto request = OpenAiRequest::parse(body);
    // Refused or read: what counts is that neither the stack nor the memory suffers.
    QVERIFY(!request || request->model() == "a");
}

void OpenAiRequestTest::lastUserText_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("last of several")
        << QByteArray(
               R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"content":"c","role":"user"},{"role":"tool","content":"d"}]})")
        << QByteArray("c");
    QTest::newRow("parts")
        << QByteArray(
               R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{}},{"type":"text","text":"b"}]}]})")
        << QByteArray("ab");
    QTest::newRow("prompt") << QByteArray(R"({"model":"x","prompt":"p"})") << QByteArray("p");
    QTest::newRow("input") << QByteArray(R"({"input":"i","model":"x"})") << QByteArray("i");
    QTest::newRow("escapes") << QByteArray(
                                    R"({"messages":[{"role":"user","content":"\u00e9\n\""}]})")
                             << QByteArray("\xc3\xa9\n\"");
    QTest::newRow("none") << QByteArray(R"({"messages":[]})") << QByteArray();
}

void OpenAiRequestTest::lastUserText()
{
    QFETCH(QByteArray, body);
    QFETCH(QByteArray, text);
    QCOMPARE(OpenAiRequest::lastUserText(body), text);
}

QTEST_APPLESS_MAIN(OpenAiRequestTest)
#include "tst_openairequest.moc"
