// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/http/httprequest.h"
#include "gateway/pipeline/affinity.h"

#include <QTest>

using namespace tidegate;

class AffinityTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void promptStarts_data();
    void promptStarts();
    void staysWhileAConversationGrows();
    void survivesBrokenBodies();
    void hashIsTheSameEverywhere();
};

namespace {

QByteArray start(const QByteArray &body, size_t most = 1024)
{
    const std::string_view found = promptStart({body.constData(), size_t(body.size())}, most);
    return {found.data(), qsizetype(found.size())};
}

} // namespace

void AffinityTest::promptStarts_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QByteArray>("expected");
    QTest::newRow("to the first user message")
        << QByteArray(R"({"model":"m","messages":[{"role":"system","content":"a]}"},)"
                      R"({"content":["b",{"x":1}],"role":"user"},{"role":"user"}],"n":1})")
        << QByteArray(R"([{"role":"system","content":"a]}"},)"
                      R"({"content":["b",{"x":1}],"role":"user"})");
    QTest::newRow("no user") << QByteArray(R"({"messages": [{"role":"system"}], "n":1})")
                             << QByteArray(R"([{"role":"system"}])");
    QTest::newRow("prompt") << QByteArray(R"({"a":{"prompt":"no"},"prompt":"yes \"x\"","b":1})")
                            << QByteArray(R"("yes \"x\"")");
    QTest::newRow("input list") << QByteArray(R"({"input":["a","b"],"b":1})")
                                << QByteArray(R"(["a","b"])");
    QTest::newRow("number before")
        << QByteArray(R"({"n": 12, "t":null,"prompt":"x"})") << QByteArray(R"("x")");
    QTest::newRow("none") << QByteArray(R"({"model":"messages"})") << QByteArray();
    QTest::newRow("empty") << QByteArray() << QByteArray();
}

void AffinityTest::promptStarts()
{
    QFETCH(QByteArray, body);
    QFETCH(QByteArray, expected);
    QCOMPARE(start(body), expected);
    QCOMPARE(start(body, 5), expected.left(5));
}

void AffinityTest::staysWhileAConversationGrows()
{
    AffinityRule rule;
    rule.by = AffinityRule::By::PromptPrefix;
    const auto session = [&rule](const QByteArray &more) {
        HttpRequest request;
        request.body = R"({"model":"m","messages":[{"role":"system","content":"s"},)"
                       R"({"role":"user","content":"hello"})" +
                       more + "]}";
        return sessionOf(rule, request);
    };
    QVERIFY(session({}));
    QCOMPARE(session(R"(,{"role":"assistant","content":"x"},{"role":"user","content":"y"})"),
             session({}));
    HttpRequest none;
    none.body = R"({"model":"m"})";
    QVERIFY(!sessionOf(rule, none));
    QVERIFY(!sessionOf(AffinityRule(), none));
}

void AffinityTest::survivesBrokenBodies()
{
    const QByteArray body = R"({"model":"m","tools":[{"a":"\\"}],"messages":[{"role":"user"}]})";
    for (qsizetype length = 0; length <= body.size(); ++length) {
        start(body.left(length));
        for (const char c : {'{', '"', '\\', ']'}) {
            QByteArray changed = body;
            changed.insert(length, c);
            start(changed, 20);
        }
    }
}

void AffinityTest::hashIsTheSameEverywhere()
{
    // Written down, because a restart must not move every session.
    QCOMPARE(hashOf("session-1"), hashOf(QByteArray("session-1").constData()));
    QVERIFY(hashOf("session-1") != hashOf("session-2"));
    QVERIFY(hashOf("ab", 1) != hashOf("ab", 2));
    QVERIFY(hashOf(std::string_view("a\0", 2)) != hashOf("a"));
    QCOMPARE(hashOf("session-1"), quint64(13'016'451'959'777'789'326U));
    QCOMPARE(rendezvousScore(1, 2, 0), 0.0);
}

QTEST_APPLESS_MAIN(AffinityTest)
#include "tst_affinity.moc"
