// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/upstream/callrecorder.h"
#include "tests/unit/upstream/scriptedupstream.h"
#include "tests/unit/upstream/upstreamtestmain.h"

#include "gateway/base/clock.h"

#include <QTest>

#include <deque>

using namespace tidegate;
using Peer = ScriptedUpstream::Peer;

/// Calls that go well: what is sent, what is heard, and over which connections.
class TestUpstreamCalls : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void sendsTheRequestAsGiven();
    void methods_data();
    void methods();
    void oneHandleForManyMethods();
    void sendsInTheSameTurn();
    void reusesItsConnection();
    void interimAnswersAreSkipped();
    void anyFraming_data();
    void anyFraming();
    void readsTheHead();
    void largeBodiesBothWays();
    void answerBeforeTheBodyIsSent();
    void timings();
    void manyAtOnce();
    void startFromWithinFinished();
    void startFromWithinBody();
    void environmentProxiesAreIgnored();
    void proxy();
    void ipv6();
    void unusedClient();
};

void TestUpstreamCalls::sendsTheRequestAsGiven()
{
    ScriptedUpstream upstream([](Peer &peer) {
        peer.readRequest();
        peer.send(plainAnswer("ok"));
        peer.waitForClose();
    });
    UpstreamClient client;
    CallRecorder recorder;
    UpstreamRequest request = postTo(upstream.url("/v1/x?q=1"), R"({"a":1})");
    request.fields.push_back("X-Empty:");
    request.fields.push_back("X-Bad: a\r\nX-Smuggled: b");
    request.authorization = Secret("Authorization: Bearer sk-test");
    client.start(std::move(request), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.result.failure, UpstreamFailure::None);
    QVERIFY(recorder.result.message.isEmpty());
    QCOMPARE(recorder.heads, 1);
    QCOMPARE(recorder.status, 200);
    QCOMPARE(recorder.contentLength, 2);
    QCOMPARE(recorder.body, "ok");
    QCOMPARE(upstream.requests().size(), 1);
    const QByteArray expected =
        "POST /v1/x?q=1 HTTP/1.1\r\nHost: 127.0.0.1:" + QByteArray::number(upstream.port()) +
        "\r\nContent-Type: application/json\r\nX-Empty:\r\nAuthorization: Bearer sk-test\r\n"
        "Content-Length: 7\r\n\r\n{\"a\":1}";
    QCOMPARE(upstream.requests().constFirst(), expected);
}

void TestUpstreamCalls::methods_data()
{
    QTest::addColumn<QByteArray>("method");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QByteArray>("length");
    QTest::newRow("GET") << QByteArray("GET") << QByteArray() << QByteArray();
    QTest::newRow("HEAD") << QByteArray("HEAD") << QByteArray() << QByteArray();
    QTest::newRow("DELETE") << QByteArray("DELETE") << QByteArray() << QByteArray();
    QTest::newRow("PUT") << QByteArray("PUT") << QByteArray("abc") << QByteArray("3");
    QTest::newRow("PATCH") << QByteArray("PATCH") << QByteArray("abcd") << QByteArray("4");
    QTest::newRow("POST") << QByteArray("POST") << QByteArray("abcde") << QByteArray("5");
    QTest::newRow("POST, empty") << QByteArray("POST") << QByteArray() << QByteArray("0");
}

void TestUpstreamCalls::methods()
{
    QFETCH(QByteArray, method);
    QFETCH(QByteArray, body);
    QFETCH(QByteArray, length);
    ScriptedUpstream upstream([](Peer &peer) {
        peer.readRequest();
        peer.send(plainAnswer(peer.request().startsWith("HEAD") ? QByteArray() : "ok"));
        peer.waitForClose();
    });
    UpstreamClient client;
    CallRecorder recorder;
    UpstreamRequest request = postTo(upstream.url(), body);
    request.method = method;
    client.start(std::move(request), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.result.failure, UpstreamFailure::None);
    const QByteArray seen = upstream.requests().constFirst();
    QVERIFY2(seen.startsWith(QByteArray(method + " /v1/chat/completions HTTP/1.1\r\n")),
             seen.constData());
    QVERIFY2(seen.endsWith(QByteArray("\r\n\r\n" + body)), seen.constData());
    QCOMPARE(seen.contains(QByteArray("Content-Length: " + length + "\r\n")), !length.isEmpty());
    QCOMPARE(seen.contains("Content-Length"), !length.isEmpty());
}

// The handle behind the calls is the same one, so nothing of one request may show in the next.
void TestUpstreamCalls::oneHandleForManyMethods()
{
    ScriptedUpstream upstream([](Peer &peer) {
        while (peer.readRequest()) {
            peer.send(plainAnswer(peer.request().startsWith("HEAD") ? QByteArray() : "ok"));
        }
    });
    UpstreamClient client;
    const QList<std::pair<QByteArray, QByteArray>> calls = {
        {"POST", "one"}, {"GET", ""}, {"POST", ""},   {"HEAD", ""},   {"POST", "two"},
        {"PUT", "x"},    {"GET", ""}, {"DELETE", ""}, {"POST", "3"},  {"PATCH", "yy"},
        {"HEAD", ""},    {"GET", ""}, {"PUT", "zz"},  {"DELETE", ""}, {"POST", "four"},
    };
    for (const auto &[method, body] : calls) {
        CallRecorder recorder;
        UpstreamRequest request = postTo(upstream.url(), body);
        request.method = method;
        client.start(std::move(request), recorder);
        QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
        QCOMPARE(recorder.result.failure, UpstreamFailure::None);
        const QByteArray seen = upstream.requests().constLast();
        QVERIFY2(seen.startsWith(QByteArray(method + " /")), seen.constData());
        QVERIFY2(seen.endsWith(QByteArray("\r\n\r\n" + body)), seen.constData());
        QCOMPARE(seen.contains("Content-Length"), method == "POST" || !body.isEmpty());
    }
    QCOMPARE(upstream.connections(), 1);
}

// On a connection that is there, the request is on its way when the turn has ended.
void TestUpstreamCalls::sendsInTheSameTurn()
{
    ScriptedUpstream upstream([](Peer &peer) {
        while (peer.readRequest()) {
            peer.send(plainAnswer("ok"));
        }
    });
    UpstreamClient client;
    CallRecorder first;
    client.start(postTo(upstream.url()), first);
    QVERIFY(waitUntil([&] { return first.finishes == 1; }));
    CallRecorder second;
    client.start(postTo(upstream.url()), second);
    QCOMPARE(second.heads, 0);
    QCoreApplication::processEvents();
    const qint64 limit = monotonicNs() + 2'000'000'000;
    while (upstream.requests().size() < 2 && monotonicNs() < limit) {
        std::this_thread::yield(); // without the event loop
    }
    QCOMPARE(upstream.requests().size(), 2);
    QVERIFY(waitUntil([&] { return second.finishes == 1; }));
}

void TestUpstreamCalls::reusesItsConnection()
{
    ScriptedUpstream upstream([](Peer &peer) {
        while (peer.readRequest()) {
            peer.send(plainAnswer("ok"));
        }
    });
    UpstreamClient client;
    for (int i = 0; i < 50; ++i) {
        CallRecorder recorder;
        client.start(postTo(upstream.url()), recorder);
        QCOMPARE(client.activeCalls(), 1);
        QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
        QCOMPARE(recorder.body, "ok");
        QCOMPARE(recorder.result.timings.reusedConnection, i > 0);
        QCOMPARE(client.activeCalls(), 0);
    }
    QCOMPARE(upstream.connections(), 1);
    QCOMPARE(upstream.requests().size(), 50);
}

void TestUpstreamCalls::interimAnswersAreSkipped()
{
    ScriptedUpstream upstream([](Peer &peer) {
        peer.readRequest();
        peer.send("HTTP/1.1 100 Continue\r\n\r\n"
                  "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n");
        peer.send("HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "2\r\nok\r\n0\r\nX-Trailer: 9\r\n\r\n");
        peer.waitForClose();
    });
    UpstreamClient client;
    CallRecorder recorder;
    client.start(postTo(upstream.url()), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.result.failure, UpstreamFailure::None);
    QCOMPARE(recorder.heads, 1);
    QCOMPARE(recorder.status, 200);
    QCOMPARE(recorder.field("x-a"), "1");
    QVERIFY(recorder.field("link").isNull());
    QVERIFY(recorder.field("x-trailer").isNull());
    QCOMPARE(recorder.body, "ok");
}

void TestUpstreamCalls::anyFraming_data()
{
    QTest::addColumn<QByteArray>("answer");
    QTest::addColumn<bool>("byBytes");
    const QByteArray head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
    const QByteArray length = head + "Content-Length: 22\r\n\r\ndata: one\n\ndata: two\n\n";
    const QByteArray chunked = head + "Transfer-Encoding: chunked\r\n\r\nb;x=y\r\ndata: one\n\n\r\n"
                                      "1\r\nd\r\nA\r\nata: two\n\n\r\n0\r\n\r\n";
    const QByteArray untilClose = head + "\r\ndata: one\n\ndata: two\n\n";
    for (const bool byBytes : {false, true}) {
        const char *how = byBytes ? "byte by byte" : "at once";
        QTest::addRow("length, %s", how) << length << byBytes;
        QTest::addRow("chunked, %s", how) << chunked << byBytes;
        QTest::addRow("until close, %s", how) << untilClose << byBytes;
    }
}

void TestUpstreamCalls::anyFraming()
{
    QFETCH(QByteArray, answer);
    QFETCH(bool, byBytes);
    ScriptedUpstream upstream([=](Peer &peer) {
        peer.readRequest();
        byBytes ? peer.sendByBytes(answer) : peer.send(answer);
        peer.close();
        peer.waitForClose();
    });
    UpstreamClient client;
    CallRecorder recorder;
    client.start(postTo(upstream.url()), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.result.failure, UpstreamFailure::None);
    QCOMPARE(recorder.body, "data: one\n\ndata: two\n\n");
    QCOMPARE(recorder.heads, 1);
    if (byBytes) {
        QVERIFY(recorder.pieces > 10); // passed on as they come
    }
}

void TestUpstreamCalls::readsTheHead()
{
    ScriptedUpstream upstream([](Peer &peer) {
        peer.readRequest();
        peer.send("HTTP/1.1 429 Slow Down\r\nRetry-After:  2 \r\nX-Twice: a\r\nx-twice: b\r\n"
                  "X-Empty:\r\nX-Folded: one\r\n two\r\nContent-Length: 0\r\n\r\n");
        peer.waitForClose();
    });
    UpstreamClient client;
    CallRecorder recorder;
    client.start(postTo(upstream.url()), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.status, 429);
    const QList<std::pair<QByteArray, QByteArray>> expected = {
        {"retry-after", "2"}, {"x-twice", "a"},        {"x-twice", "b"},
        {"x-empty", ""},      {"x-folded", "one two"}, {"content-length", "0"},
    };
    QCOMPARE(recorder.fields, expected);
    QCOMPARE(recorder.contentLength, 0);
    QCOMPARE(recorder.pieces, 0);
}

void TestUpstreamCalls::largeBodiesBothWays()
{
    // More than a megabyte is where libcurl would ask with Expect: 100-continue and wait a second.
    const QByteArray large(5'000'000, 'x');
    ScriptedUpstream upstream([&](Peer &peer) {
        peer.readRequest();
        peer.send(plainAnswer(large));
        peer.waitForClose();
    });
    UpstreamClient client;
    CallRecorder recorder;
    const qint64 begin = monotonicNs();
    client.start(postTo(upstream.url(), large), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QVERIFY(recorder.finishedNs - begin < 900'000'000);
    QCOMPARE(recorder.result.failure, UpstreamFailure::None);
    QVERIFY(recorder.body == large);
    QVERIFY(upstream.requests().constFirst().endsWith(large));
    QVERIFY(!upstream.requests().constFirst().contains("Expect"));
}

// A refusal that comes while the request is still being sent must reach the caller.
void TestUpstreamCalls::answerBeforeTheBodyIsSent()
{
    ScriptedUpstream upstream([](Peer &peer) {
        peer.readHead();
        peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlong");
        peer.waitForClose();
    });
    UpstreamClient client;
    CallRecorder recorder;
    client.start(postTo(upstream.url(), QByteArray(20'000'000, 'x')), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.result.failure, UpstreamFailure::None);
    QCOMPARE(recorder.status, 413);
    QCOMPARE(recorder.body, "long");
}

void TestUpstreamCalls::timings()
{
    ScriptedUpstream upstream([](Peer &peer) {
        while (peer.readRequest()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(30));
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
            // Long beside any stall of this process, so that first byte and end cannot be mixed up.
            std::this_thread::sleep_for(std::chrono::milliseconds(300));
            peer.send("k");
        }
    });
    UpstreamClient client;
    for (const bool reused : {false, true}) {
        CallRecorder recorder;
        client.start(postTo(upstream.url()), recorder);
        QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
        const UpstreamTimings &t = recorder.result.timings;
        QCOMPARE(t.reusedConnection, reused);
        QVERIFY(reused ? t.resolvedUs == 0 : t.resolvedUs > 0);
        QVERIFY(reused ? t.connectedUs == 0 : t.connectedUs >= t.resolvedUs);
        QCOMPARE(t.tlsUs, -1);
        QVERIFY(t.sentUs >= t.connectedUs);
        // libcurl notes the time of sending when it has sent; a stall of this process in between
        // counts as sending, though the upstream works already.
        QVERIFY(t.firstByteUs >= t.connectedUs + 29'999);
        QVERIFY(t.firstByteUs >= t.sentUs);
        QVERIFY(t.firstByteUs < t.sentUs + 300'000);
        QVERIFY(t.totalUs >= t.connectedUs + 329'999);
    }
}

void TestUpstreamCalls::manyAtOnce()
{
    ScriptedUpstream upstream([](Peer &peer) {
        while (peer.readRequest()) {
            const QByteArray body = peer.request().mid(peer.request().indexOf("\r\n\r\n") + 4);
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            peer.send(plainAnswer(body));
        }
    });
    UpstreamClient client;
    std::deque<CallRecorder> recorders(200);
    for (int round = 0; round < 2; ++round) {
        for (size_t i = 0; i < recorders.size(); ++i) {
            client.start(postTo(upstream.url(), QByteArray::number(qulonglong(i))), recorders[i]);
        }
        QCOMPARE(client.activeCalls(), 200);
        QVERIFY(waitUntil([&] { return client.activeCalls() == 0; }, 10'000));
        for (size_t i = 0; i < recorders.size(); ++i) {
            QCOMPARE(recorders[i].finishes, round + 1);
            QCOMPARE(recorders[i].result.failure, UpstreamFailure::None);
            QCOMPARE(recorders[i].body, QByteArray::number(qulonglong(i)));
            recorders[i].body.clear();
        }
    }
    QCOMPARE(upstream.requests().size(), 400);
    QCOMPARE(upstream.connections(), 200);
}

void TestUpstreamCalls::startFromWithinFinished()
{
    ScriptedUpstream upstream([](Peer &peer) {
        while (peer.readRequest()) {
            peer.send(plainAnswer("ok"));
        }
    });
    UpstreamClient client;
    int turns = 0;
    client.setTurnEnded([&] { ++turns; });
    CallRecorder recorder;
    recorder.onFinished = [&] {
        if (recorder.finishes < 20) {
            const int heads = recorder.heads;
            client.start(postTo(upstream.url()), recorder);
            QCOMPARE(recorder.heads, heads);
        }
    };
    client.start(postTo(upstream.url()), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 20; }));
    QCOMPARE(upstream.connections(), 1);
    QCOMPARE(client.activeCalls(), 0);
    QVERIFY(turns >= 1);
    QVERIFY(turns <= 20); // several calls may fit into one
}

void TestUpstreamCalls::startFromWithinBody()
{
    ScriptedUpstream upstream([](Peer &peer) {
        while (peer.readRequest()) {
            peer.send(plainAnswer("ok"));
        }
    });
    UpstreamClient client;
    CallRecorder inner;
    CallRecorder outer;
    outer.onBody = [&](std::string_view) {
        client.start(postTo(upstream.url()), inner);
        return true;
    };
    client.start(postTo(upstream.url()), outer);
    QVERIFY(waitUntil([&] { return inner.finishes == 1 && outer.finishes == 1; }));
    QCOMPARE(inner.body, "ok");
}

void TestUpstreamCalls::environmentProxiesAreIgnored()
{
    qputenv("http_proxy", "http://127.0.0.1:9");
    qputenv("all_proxy", "http://127.0.0.1:9");
    ScriptedUpstream upstream([](Peer &peer) {
        peer.readRequest();
        peer.send(plainAnswer("ok"));
        peer.waitForClose();
    });
    UpstreamClient client;
    CallRecorder recorder;
    client.start(postTo(upstream.url()), recorder);
    const bool finished = waitUntil([&] { return recorder.finishes == 1; });
    qunsetenv("http_proxy");
    qunsetenv("all_proxy");
    QVERIFY(finished);
    QCOMPARE(recorder.body, "ok");
}

void TestUpstreamCalls::proxy()
{
    ScriptedUpstream proxy([](Peer &peer) {
        while (peer.readRequest()) {
            peer.send(plainAnswer("by proxy"));
        }
    });
    ScriptedUpstream upstream([](Peer &peer) {
        while (peer.readRequest()) {
            peer.send(plainAnswer("direct"));
        }
    });
    UpstreamClient client;
    for (const bool throughProxy : {true, false, true, false}) {
        CallRecorder recorder;
        UpstreamRequest request = postTo(upstream.url());
        if (throughProxy) {
            request.proxy = proxy.url("");
        }
        client.start(std::move(request), recorder);
        QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
        QCOMPARE(recorder.body, throughProxy ? "by proxy" : "direct");
    }
    const QByteArray absolute = "POST " + upstream.url() + " HTTP/1.1\r\n";
    QVERIFY(proxy.requests().constFirst().startsWith(absolute));
}

void TestUpstreamCalls::ipv6()
{
    ScriptedUpstream upstream(
        [](Peer &peer) {
            peer.readRequest();
            peer.send(plainAnswer("six"));
            peer.waitForClose();
        },
        true);
    if (!upstream.isListening()) {
        QSKIP("no IPv6 loopback here");
    }
    UpstreamClient client;
    CallRecorder recorder;
    client.start(postTo(upstream.url()), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.body, "six");
}

// With calls in every state, and with none at all.
void TestUpstreamCalls::unusedClient()
{
    {
        const UpstreamClient client;
        QCOMPARE(client.activeCalls(), 0);
    }
    ScriptedUpstream upstream([](Peer &peer) {
        while (peer.readRequest()) {
            if (peer.number() == 1) {
                peer.send(plainAnswer("ok"));
            } else {
                peer.send("HTTP/1.1 200 OK\r\n\r\npart");
                peer.waitForClose();
            }
        }
    });
    CallRecorder done;
    CallRecorder streaming;
    CallRecorder fresh;
    {
        UpstreamClient client;
        client.start(postTo(upstream.url()), done);
        client.start(postTo(upstream.url()), streaming);
        QVERIFY(waitUntil([&] { return done.finishes + streaming.pieces == 2; }));
        client.start(postTo(upstream.url()), fresh);
    }
    QCOMPARE(streaming.finishes, 0);
    QCOMPARE(fresh.finishes, 0);
    QVERIFY(waitUntil([&] { return upstream.closed() >= 1; }));
}

int main(int argc, char **argv)
{
    return runUpstreamTest<TestUpstreamCalls>(argc, argv);
}
#include "tst_upstreamcalls.moc"
