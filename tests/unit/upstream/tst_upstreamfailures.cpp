// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/upstream/callrecorder.h"
#include "tests/unit/upstream/scriptedupstream.h"
#include "tests/unit/upstream/upstreamtestmain.h"

#include "gateway/base/clock.h"

#include <QTest>

#include <deque>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace tidegate;
using Peer = ScriptedUpstream::Peer;

Q_DECLARE_METATYPE(tidegate::UpstreamFailure)
Q_DECLARE_METATYPE(tidegate::ScriptedUpstream::Script)

namespace {

constexpr auto kSecret = "Authorization: Bearer sk-very-secret";

void sleepMs(int milliseconds)
{
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

} // namespace

/// Every way in which a call can go wrong, and what is said then. Above all: a request that may
/// have arrived is never sent again.
class TestUpstreamFailures : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void atMostOnce_data();
    void atMostOnce();
    void idleConnectionClosedLongAgo();
    void idleConnectionsAfterABurst();
    void answers_data();
    void answers();
    void refused();
    void addressCheck();
    void unknownHost();
    void badAddress_data();
    void badAddress();
    void connectTimeout();
    void timeouts_data();
    void timeouts();
    void slowButSteadyIsNotIdle();
    void timeoutsOfManyCalls();
};

void TestUpstreamFailures::atMostOnce_data()
{
    QTest::addColumn<QByteArray>("method");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<bool>("reused");
    QTest::addColumn<bool>("hard");
    QTest::addColumn<int>("delayMs");
    QTest::addColumn<bool>("stale");
    const QByteArray small = R"({"model":"m"})";
    const QByteArray medium(100'000, 'x'); // not in one packet with the head
    const QByteArray large(3'000'000, 'x');
    for (const bool hard : {false, true}) {
        const char *how = hard ? "RST" : "FIN";
        const auto row = [&](const char *name, const QByteArray &method, const QByteArray &body,
                             bool reused, int delayMs, bool stale) {
            QTest::addRow("%s, %s", name, how)
                << method << body << reused << hard << delayMs << stale;
        };
        row("reused, small", "POST", small, true, 0, true);
        row("reused, medium", "POST", medium, true, 0, true);
        row("reused, large", "POST", large, true, 0, true);
        row("reused, empty", "POST", {}, true, 0, true);
        row("reused, GET", "GET", {}, true, 0, true);
        row("reused, DELETE", "DELETE", {}, true, 0, true);
        row("reused, PUT", "PUT", small, true, 0, true);
        row("reused, late", "POST", small, true, 1200, false);
        row("fresh, small", "POST", small, false, 0, false);
        row("fresh, large", "POST", large, false, 0, false);
        row("fresh, GET", "GET", {}, false, 0, false);
    }
}

// The upstream reads the whole request and then drops the connection without a byte.
void TestUpstreamFailures::atMostOnce()
{
    QFETCH(QByteArray, method);
    QFETCH(QByteArray, body);
    QFETCH(bool, reused);
    QFETCH(bool, hard);
    QFETCH(int, delayMs);
    QFETCH(bool, stale);
    ScriptedUpstream upstream([=](Peer &peer) {
        while (peer.readRequest()) {
            if (!peer.request().contains("X-Drop")) {
                peer.send(plainAnswer("ok"));
                continue;
            }
            sleepMs(delayMs);
            hard ? peer.reset() : peer.close();
            return;
        }
    });
    UpstreamClient client;
    if (reused) {
        CallRecorder warm;
        client.start(postTo(upstream.url()), warm);
        QVERIFY(waitUntil([&] { return warm.finishes == 1; }));
    }
    CallRecorder recorder;
    UpstreamRequest request = postTo(upstream.url("/v1/x?key=sk-very-secret"), body);
    request.method = method;
    request.authorization = Secret(kSecret);
    request.fields.push_back("X-Drop: 1");
    client.start(std::move(request), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.result.failure, UpstreamFailure::ResetBeforeHead);
    QCOMPARE(recorder.result.staleConnection, stale);
    QCOMPARE(recorder.result.timings.reusedConnection, reused);
    QCOMPARE(recorder.heads, 0);
    QVERIFY(recorder.result.message.contains(QString::number(upstream.port())));
    QVERIFY(!recorder.result.message.contains(u"secret"));
    // A second try would arrive at once; the next call proves that none is still on its way.
    CallRecorder after;
    client.start(postTo(upstream.url()), after);
    QVERIFY(waitUntil([&] { return after.finishes == 1; }));
    QCOMPARE(after.result.failure, UpstreamFailure::None);
    QVERIFY(!after.result.timings.reusedConnection);
    int dropped = 0;
    for (const QByteArray &each : upstream.requests()) {
        dropped += each.contains("X-Drop") ? 1 : 0;
    }
    QCOMPARE(dropped, 1);
    QCOMPARE(upstream.connections(), 2);
}

// When the close has arrived before the call starts, it costs nothing: a fresh connection is used.
void TestUpstreamFailures::idleConnectionClosedLongAgo()
{
    ScriptedUpstream upstream([](Peer &peer) {
        peer.readRequest();
        peer.send(plainAnswer("ok"));
    });
    UpstreamClient client;
    for (int i = 0; i < 5; ++i) {
        CallRecorder recorder;
        client.start(postTo(upstream.url()), recorder);
        QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
        QCOMPARE(recorder.result.failure, UpstreamFailure::None);
        QVERIFY(!recorder.result.timings.reusedConnection);
        QTest::qWait(20); // what matters is that the event loop sees the close
    }
    QCOMPARE(upstream.connections(), 5);
    QCOMPARE(upstream.requests().size(), 5);
}

// Two kept connections die together: the refused repetition must not go out on the other one
// either.
void TestUpstreamFailures::idleConnectionsAfterABurst()
{
    std::atomic<int> warm = 0;
    ScriptedUpstream upstream([&](Peer &peer) {
        while (peer.readRequest()) {
            if (peer.request().contains("X-Drop")) {
                peer.reset();
                return;
            }
            ++warm;
            while (warm < 4) {
                sleepMs(1);
            }
            peer.send(plainAnswer("ok"));
        }
    });
    UpstreamClient client;
    std::deque<CallRecorder> first(4);
    for (CallRecorder &each : first) {
        client.start(postTo(upstream.url()), each);
    }
    QVERIFY(waitUntil([&] { return client.activeCalls() == 0; }));
    QCOMPARE(upstream.connections(), 4);
    CallRecorder recorder;
    UpstreamRequest request = postTo(upstream.url());
    request.fields.push_back("X-Drop: 1");
    client.start(std::move(request), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.result.failure, UpstreamFailure::ResetBeforeHead);
    QVERIFY(recorder.result.staleConnection);
    CallRecorder after;
    client.start(postTo(upstream.url()), after);
    QVERIFY(waitUntil([&] { return after.finishes == 1; }));
    QCOMPARE(after.result.failure, UpstreamFailure::None);
    QCOMPARE(upstream.requests().size(), 6);
}

void TestUpstreamFailures::answers_data()
{
    QTest::addColumn<QByteArray>("answer");
    QTest::addColumn<bool>("hard");
    QTest::addColumn<UpstreamFailure>("failure");
    QTest::addColumn<int>("heads");
    QTest::addColumn<QByteArray>("body");
    const auto row = [](const char *name, const QByteArray &answer, bool hard,
                        UpstreamFailure failure, int heads, const QByteArray &body = {}) {
        QTest::newRow(name) << answer << hard << failure << heads << body;
    };
    using enum UpstreamFailure;
    const QByteArray ok = "HTTP/1.1 200 OK\r\n";
    const QByteArray chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    row("nothing, FIN", "", false, ResetBeforeHead, 0);
    row("nothing, RST", "", true, ResetBeforeHead, 0);
    row("half a status line", "HTTP/1.1 2", false, ResetBeforeHead, 0);
    row("half a head, FIN", ok + "X-A: 1\r\n", false, ResetBeforeHead, 0);
    row("only an interim head", "HTTP/1.1 100 Continue\r\n\r\n", false, ResetBeforeHead, 0);
    row("short length, FIN", ok + "Content-Length: 10\r\n\r\nabcd", false, ResetMidBody, 1, "abcd");
    row("no body at all, FIN", ok + "Content-Length: 10\r\n\r\n", false, ResetMidBody, 1);
    row("no last chunk, FIN", chunked + "4\r\nabcd\r\n", false, ResetMidBody, 1, "abcd");
    row("half a chunk, FIN", chunked + "8\r\nabcd", false, ResetMidBody, 1, "abcd");
    row("no chunk at all, FIN", chunked, false, ResetMidBody, 1);
    row("no end of trailers", chunked + "4\r\nabcd\r\n0\r\n", false, ResetMidBody, 1, "abcd");
    row("bad chunk size", chunked + "4\r\nabcd\r\nxyz\r\n", false, Protocol, 1, "abcd");
    row("huge chunk size", chunked + "fffffffffffffffffff\r\nabcd", false, Protocol, 1);
    row("HTTP/0.9", "hello\r\n", false, Protocol, 0);
    row("another protocol", "220 mail.example.org ESMTP\r\n", false, Protocol, 0);
    row("TLS alert", QByteArray("\x15\x03\x01\x00\x02\x02\x16", 7), false, Protocol, 0);
    row("bad status", "HTTP/1.1 abc OK\r\n\r\n", false, Protocol, 0);
    row("switching protocols", "HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n", false, Protocol, 0);
    row("two lengths", ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", false, Protocol,
        0);
    row("bad length", ok + "Content-Length: 2x\r\n\r\nab", false, Protocol, 0);
    row("negative length", ok + "Content-Length: -2\r\n\r\nab", false, Protocol, 0);
    row("long line", ok + "X-A: " + QByteArray(200'000, 'a') + "\r\n\r\n", false, Protocol, 0);
    row("many fields",
        ok + QByteArray("X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n").repeated(20'000), false,
        Protocol, 0);
}

void TestUpstreamFailures::answers()
{
    QFETCH(QByteArray, answer);
    QFETCH(bool, hard);
    QFETCH(UpstreamFailure, failure);
    QFETCH(int, heads);
    QFETCH(QByteArray, body);
    ScriptedUpstream upstream([=](Peer &peer) {
        peer.readRequest();
        peer.send(answer);
        if (hard) {
            peer.reset();
            return;
        }
        peer.close();
        peer.waitForClose();
    });
    UpstreamClient client;
    CallRecorder recorder;
    client.start(postTo(upstream.url()), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.result.failure, failure);
    QCOMPARE(recorder.heads, heads);
    QCOMPARE(recorder.body, body);
    QVERIFY(!recorder.result.message.isEmpty());
    QVERIFY(!recorder.result.staleConnection);
    QCOMPARE(upstream.requests().size(), 1);
}

void TestUpstreamFailures::refused()
{
    quint16 port = 0;
    {
        const ScriptedUpstream upstream([](Peer &) {});
        port = upstream.port();
    }
    UpstreamClient client;
    CallRecorder recorder;
    const QByteArray place = "127.0.0.1:" + QByteArray::number(port);
    UpstreamRequest request = postTo("http://user:sk-very-secret@" + place + "/v1?key=secret");
    request.authorization = Secret(kSecret);
    client.start(std::move(request), recorder);
    QCOMPARE(recorder.finishes, 0);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.result.failure, UpstreamFailure::Connect);
    QCOMPARE(recorder.result.message, QString::fromLatin1(place + " refused the connection"));
    QCOMPARE(recorder.result.timings.connectedUs, -1);
    QCOMPARE(recorder.result.timings.sentUs, -1);
    QCOMPARE(recorder.result.timings.firstByteUs, -1);
}

// What a name resolves to is judged when it is used, and only then.
void TestUpstreamFailures::addressCheck()
{
    ScriptedUpstream upstream([](Peer &peer) {
        while (peer.readRequest()) {
            peer.send(plainAnswer("ok"));
        }
    });
    UpstreamClient client;
    QStringList asked;
    client.setAddressCheck(
        [&](const QString &host, const QHostAddress &address, bool allow) -> Result<Done> {
            asked.append(host + u' ' + address.toString());
            if (allow) {
                return Done();
            }
            return Error{QStringLiteral("not there")};
        });
    const QByteArray url = "http://localhost:" + QByteArray::number(upstream.port()) + "/?k=secret";
    for (const bool allow : {false, true}) {
        CallRecorder recorder;
        UpstreamRequest request = postTo(url);
        request.allowPrivateNetwork = allow;
        client.start(std::move(request), recorder);
        QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
        QVERIFY(asked.contains(QStringLiteral("localhost 127.0.0.1")));
        if (allow) {
            QCOMPARE(recorder.body, "ok");
        } else {
            QCOMPARE(recorder.result.failure, UpstreamFailure::Connect);
            QCOMPARE(recorder.result.message, QStringLiteral("not there"));
            QCOMPARE(upstream.connections(), 0);
            asked.clear();
        }
    }
    QCOMPARE(upstream.connections(), 1);
}

void TestUpstreamFailures::unknownHost()
{
    UpstreamClient client;
    CallRecorder recorder;
    client.start(postTo("http://nowhere.invalid/v1"), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }, 20'000));
    QCOMPARE(recorder.result.failure, UpstreamFailure::Resolve);
    QCOMPARE(recorder.result.message, QStringLiteral("the host name nowhere.invalid is unknown"));
    QCOMPARE(recorder.result.timings.connectedUs, -1);
}

void TestUpstreamFailures::badAddress_data()
{
    QTest::addColumn<QByteArray>("url");
    QTest::newRow("empty") << QByteArray();
    QTest::newRow("scheme") << QByteArray("ftp://127.0.0.1/");
    QTest::newRow("file") << QByteArray("file:///etc/passwd");
    QTest::newRow("port") << QByteArray("http://127.0.0.1:99999/");
    QTest::newRow("space") << QByteArray("http://127.0.0.1 /");
}

void TestUpstreamFailures::badAddress()
{
    QFETCH(QByteArray, url);
    UpstreamClient client;
    CallRecorder recorder;
    client.start(postTo(url), recorder);
    QCOMPARE(recorder.finishes, 0);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.result.failure, UpstreamFailure::Connect);
    QCOMPARE(recorder.result.message,
             QStringLiteral("the address is not a valid http or https URL"));
}

// A listener whose queue is full drops what knocks.
void TestUpstreamFailures::connectTimeout()
{
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    QCOMPARE(::bind(listener, reinterpret_cast<sockaddr *>(&address), size), 0);
    QCOMPARE(listen(listener, 0), 0);
    getsockname(listener, reinterpret_cast<sockaddr *>(&address), &size);
    std::vector<int> fillers;
    for (int i = 0; i < 3; ++i) {
        fillers.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        ::connect(fillers.back(), reinterpret_cast<sockaddr *>(&address), size);
    }
    const QByteArray place = "127.0.0.1:" + QByteArray::number(ntohs(address.sin_port));
    UpstreamClient client;
    CallRecorder recorder;
    UpstreamRequest request = postTo("http://" + place + "/");
    request.timeouts.connectMs = 100;
    const qint64 begin = monotonicNs();
    client.start(std::move(request), recorder);
    const bool finished = waitUntil([&] { return recorder.finishes == 1; });
    for (const int each : fillers) {
        ::close(each);
    }
    ::close(listener);
    QVERIFY(finished);
    QCOMPARE(recorder.result.failure, UpstreamFailure::ConnectTimeout);
    QCOMPARE(recorder.result.message,
             QString::fromLatin1(place + " did not accept a connection within 0.1 s"));
    const qint64 tookMs = (recorder.finishedNs - begin) / 1'000'000;
    QVERIFY2(tookMs >= 95 && tookMs <= 130, qPrintable(QString::number(tookMs)));
}

void TestUpstreamFailures::timeouts_data()
{
    QTest::addColumn<ScriptedUpstream::Script>("script");
    QTest::addColumn<int>("firstByteMs");
    QTest::addColumn<int>("idleMs");
    QTest::addColumn<int>("totalMs");
    QTest::addColumn<int>("expectedMs");
    QTest::addColumn<UpstreamFailure>("failure");
    using Script = ScriptedUpstream::Script;
    const Script silent = [](Peer &peer) {
        peer.readRequest();
        peer.waitForClose();
    };
    const Script interimOnly = [](Peer &peer) {
        peer.readRequest();
        peer.send("HTTP/1.1 102 Processing\r\n\r\n");
        peer.waitForClose();
    };
    const Script headOnly = [](Peer &peer) {
        peer.readRequest();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        peer.waitForClose();
    };
    const Script stalls = [](Peer &peer) {
        peer.readRequest();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        sleepMs(60);
        peer.send("ab");
        peer.waitForClose();
    };
    const Script drips = [](Peer &peer) {
        peer.readRequest();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
        while (peer.send("a")) {
            sleepMs(10);
        }
    };
    using enum UpstreamFailure;
    QTest::newRow("first byte") << silent << 100 << 0 << 0 << 100 << FirstByteTimeout;
    QTest::newRow("first byte, interim")
        << interimOnly << 100 << 50 << 0 << 100 << FirstByteTimeout;
    QTest::newRow("first byte before total")
        << silent << 100 << 0 << 200 << 100 << FirstByteTimeout;
    QTest::newRow("idle after the head") << headOnly << 5000 << 100 << 0 << 100 << IdleTimeout;
    QTest::newRow("idle after a piece") << stalls << 5000 << 100 << 0 << 160 << IdleTimeout;
    QTest::newRow("total, silent") << silent << 5000 << 0 << 100 << 100 << TotalTimeout;
    QTest::newRow("total, dripping") << drips << 5000 << 100 << 150 << 150 << TotalTimeout;
}

void TestUpstreamFailures::timeouts()
{
    QFETCH(ScriptedUpstream::Script, script);
    QFETCH(int, firstByteMs);
    QFETCH(int, idleMs);
    QFETCH(int, totalMs);
    QFETCH(int, expectedMs);
    QFETCH(UpstreamFailure, failure);
    ScriptedUpstream upstream(script);
    UpstreamClient client;
    CallRecorder recorder;
    UpstreamRequest request = postTo(upstream.url());
    request.timeouts = {10'000, firstByteMs, idleMs, totalMs};
    const qint64 begin = monotonicNs();
    client.start(std::move(request), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.result.failure, failure);
    QVERIFY(!recorder.result.staleConnection);
    const qint64 tookMs = (recorder.finishedNs - begin) / 1'000'000;
    QVERIFY2(qAbs(tookMs - expectedMs) <= 20, qPrintable(QString::number(tookMs)));
    if (failure != UpstreamFailure::TotalTimeout || totalMs == 100) {
        QVERIFY(waitUntil([&] { return upstream.closed() == 1; }));
        QVERIFY(upstream.closedNs() - recorder.finishedNs < 50'000'000);
    }
}

void TestUpstreamFailures::slowButSteadyIsNotIdle()
{
    ScriptedUpstream upstream([](Peer &peer) {
        peer.readRequest();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
        for (int i = 0; i < 10; ++i) {
            sleepMs(40);
            peer.send("a");
        }
        peer.waitForClose();
    });
    UpstreamClient client;
    CallRecorder recorder;
    UpstreamRequest request = postTo(upstream.url());
    request.timeouts = {10'000, 150, 150, 0};
    client.start(std::move(request), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.result.failure, UpstreamFailure::None);
    QCOMPARE(recorder.body, "aaaaaaaaaa");
}

void TestUpstreamFailures::timeoutsOfManyCalls()
{
    ScriptedUpstream upstream([](Peer &peer) {
        peer.readRequest();
        peer.waitForClose();
    });
    UpstreamClient client;
    std::deque<CallRecorder> recorders(40);
    const qint64 begin = monotonicNs();
    for (size_t i = 0; i < recorders.size(); ++i) {
        UpstreamRequest request = postTo(upstream.url());
        // Not in order, so that the timer has to be moved forward as well.
        request.timeouts.firstByteMs = 100 + int((i * 17) % recorders.size()) * 5;
        client.start(std::move(request), recorders[i]);
    }
    QVERIFY(waitUntil([&] { return client.activeCalls() == 0; }));
    for (size_t i = 0; i < recorders.size(); ++i) {
        const int expectedMs = 100 + int((i * 17) % recorders.size()) * 5;
        const qint64 tookMs = (recorders[i].finishedNs - begin) / 1'000'000;
        QCOMPARE(recorders[i].result.failure, UpstreamFailure::FirstByteTimeout);
        QVERIFY2(tookMs >= expectedMs && tookMs <= expectedMs + 40,
                 qPrintable(QString::number(tookMs)));
    }
}

int main(int argc, char **argv)
{
    return runUpstreamTest<TestUpstreamFailures>(argc, argv);
}
#include "tst_upstreamfailures.moc"
