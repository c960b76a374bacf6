// SPDX-License-Identifier: GPL-3.0-or-later
#include "dooronthread.h"
#include "rawclient.h"

#include <QElapsedTimer>
#include <QTcpServer>
#include <QTest>

#include <ctime>

#include <sys/resource.h>
#include <unistd.h>

using namespace tidegate;

namespace {

using Engine = DoorOnThread::Engine;

QByteArray get(const QByteArray &path, const QByteArray &fields = {})
{
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

QByteArray post(const QByteArray &path, const QByteArray &body, const QByteArray &fields = {})
{
    return "POST " + path + " HTTP/1.1\r\nHost: a\r\n" + fields +
           "Content-Length: " + QByteArray::number(body.size()) + "\r\n\r\n" + body;
}

} // namespace

/// The front door over real sockets: framing, order, refusals, time-outs, and clients that leave.
class TestFrontDoor : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void answersAndKeepsAlive();
    void saysWhenItIsQuiet();
    void requestSplitAtEveryByte();
    void pipelinedAnswersStayInOrder();
    void pipelinedThousand();
    void head();
    void bodylessStatuses();
    void http10();
    void connectionClose();
    void streams();
    void knownLength_data();
    void knownLength();
    void headDoesNotWaitForTheBody();
    void abortIsSeen();
    void expectContinue();
    void unknownExpectation();
    void refusals_data();
    void refusals();
    void refusedWhileTheBodyIsSent();
    void earlyRefusalKeepsSmallBodies();
    void earlyRefusalOfHugeBodyIsReadable();
    void headerTimeout();
    void bodyTimeout();
    void idleTimeout();
    void clientGone_data();
    void clientGone();
    void clientGoneWhileReadingIsPaused();
    void abortInsideHandlersCallback();
    void halfClosedAfterTheLastRequest();
    void backPressure();
    void pipelinedBytesAreBounded();
    void slowReaderOfPipelinedAnswers();
    void connectionCap();
    void outOfDescriptors();
    void manyConnections();
    void stopAndResume();
    void newLimits();
    void sharedPort();
    void listenFailureNamesTheReason();
    void smuggling_data();
    void smuggling();
    void destroyedWithExchangesInFlight();
};

void TestFrontDoor::answersAndKeepsAlive()
{
    DoorOnThread door;
    QVERIFY(door.port() != 0);
    RawClient client(door.port());
    for (int i = 0; i < 3; ++i) {
        const QByteArray body = "body " + QByteArray::number(i);
        client.send(post("/echo", body));
        const RawClient::Answer answer = client.read();
        QCOMPARE(answer.status, 200);
        QCOMPARE(answer.body, body);
        QCOMPARE(answer.field("content-type"), "text/plain");
        QVERIFY(answer.field("date").endsWith(" GMT"));
        QVERIFY(!answer.has("connection"));
    }
    client.send(get("/nothing"));
    QCOMPARE(client.read().status, 404);
    client.send("BREW /echo HTTP/1.1\r\nHost: a\r\n\r\n");
    QCOMPARE(client.read().status, 200);
    client.send(post("/hold", "x"));
    QVERIFY(door.waitForExchanges(1));
    door.run([](Engine &engine) {
        const HttpRequest &request = engine.exchanges[0]->request;
        QVERIFY(request.peerAddress.isLoopback());
        QVERIFY(request.peerPort != 0);
        QVERIFY(request.firstByteNs > 0);
        QVERIFY(request.completeNs >= request.firstByteNs);
        QCOMPARE(engine.screened, engine.handled);
    });
}

void TestFrontDoor::saysWhenItIsQuiet()
{
    DoorOnThread door;
    const auto quieted = [&door](int times) {
        return door.waitFor([times](Engine &engine) { return engine.quieted == times; });
    };
    {
        RawClient client(door.port());
        for (int times = 1; times <= 2; ++times) {
            QElapsedTimer since;
            since.start();
            client.send(post("/echo", "hello"));
            QCOMPARE(client.read().status, 200);
            QVERIFY(quieted(times));
            QVERIFY(since.elapsed() >= 700); // four ticks of a coarse timer
        }
        QTest::qWait(700);
        QVERIFY(quieted(2)); // once
    }
    {
        RawClient leaves(door.port());
        leaves.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhell");
        QVERIFY(door.waitFor([](Engine &engine) { return engine.screened == 3; }));
    }
    QVERIFY(quieted(3)); // when there is no connection any more, too
}

void TestFrontDoor::requestSplitAtEveryByte()
{
    DoorOnThread door;
    const QByteArray fixed = post("/echo", "hello");
    const QByteArray chunked =
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: v\r\n\r\n";
    RawClient client(door.port());
    for (const QByteArray &bytes : {fixed, chunked}) {
        for (qsizetype cut = 1; cut < bytes.size(); ++cut) {
            client.send(bytes.left(cut));
            // Makes the engine read the first part on its own.
            door.run([](Engine &) {});
            client.send(bytes.mid(cut));
            QCOMPARE(client.read().body, "hello");
        }
        for (const char byte : bytes) {
            client.send(QByteArray(1, byte));
        }
        QCOMPARE(client.read().body, "hello");
    }
}

void TestFrontDoor::pipelinedAnswersStayInOrder()
{
    DoorOnThread door;
    RawClient client(door.port());
    client.send(get("/hold") + post("/echo", "second") + get("/stream") + post("/echo", "fourth"));
    QVERIFY(door.waitForExchanges(1));
    door.run([](Engine &engine) {
        QCOMPARE(engine.handled, 1); // the others wait for their turn
        engine.exchanges[0]->writer->send(ResponseHead(200), "first");
    });
    QCOMPARE(client.read().body, "first");
    QCOMPARE(client.read().body, "second");
    QVERIFY(door.waitForExchanges(2));
    door.run([](Engine &engine) {
        engine.exchanges[1]->writer->write("thi");
        engine.exchanges[1]->writer->write("rd");
        engine.exchanges[1]->writer->end();
    });
    QCOMPARE(client.read().body, "third");
    QCOMPARE(client.read().body, "fourth");
}

void TestFrontDoor::pipelinedThousand()
{
    DoorOnThread door;
    RawClient client(door.port());
    QByteArray requests;
    for (int i = 0; i < 1000; ++i) {
        requests += post("/echo", QByteArray::number(i));
    }
    client.send(requests);
    for (int i = 0; i < 1000; ++i) {
        QCOMPARE(client.read().body, QByteArray::number(i));
    }
}

void TestFrontDoor::head()
{
    DoorOnThread door;
    RawClient client(door.port());
    client.send("HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n" + get("/nothing"));
    const RawClient::Answer answer = client.read(true);
    QCOMPARE(answer.status, 404);
    QCOMPARE(answer.field("content-length"), "12");
    QCOMPARE(client.read().body, "nothing here"); // not shifted by a body of the first
    client.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    QVERIFY(door.waitForExchanges(1));
    door.run([](Engine &engine) {
        engine.exchanges[0]->writer->write("must not be sent");
        engine.exchanges[0]->writer->end();
    });
    QCOMPARE(client.read(true).status, 200);
    client.send(post("/echo", "in step"));
    QCOMPARE(client.read().body, "in step");
}

void TestFrontDoor::bodylessStatuses()
{
    DoorOnThread door;
    RawClient client(door.port());
    client.send(get("/empty") + get("/hold") + post("/echo", "in step"));
    const RawClient::Answer empty = client.read();
    QCOMPARE(empty.status, 204);
    QVERIFY(!empty.has("content-length") && !empty.has("transfer-encoding"));
    QVERIFY(door.waitForExchanges(1));
    door.run([](Engine &engine) { engine.exchanges[0]->writer->send(ResponseHead(304), "body"); });
    QCOMPARE(client.read().status, 304);
    QCOMPARE(client.read().body, "in step");
}

void TestFrontDoor::http10()
{
    DoorOnThread door;
    {
        RawClient client(door.port());
        client.send("POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi");
        const RawClient::Answer answer = client.read();
        QCOMPARE(answer.body, "hi");
        QCOMPARE(answer.field("connection"), "close");
        QVERIFY(client.atEnd());
    }
    {
        RawClient client(door.port());
        client.send("POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi");
        QCOMPARE(client.read().field("connection"), "keep-alive");
        client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        QVERIFY(door.waitForExchanges(1));
        door.run([](Engine &engine) {
            engine.exchanges[0]->writer->write("to the ");
            engine.exchanges[0]->writer->write("end");
            engine.exchanges[0]->writer->end();
        });
        const RawClient::Answer answer = client.read();
        QCOMPARE(answer.body, "to the end");
        QCOMPARE(answer.field("connection"), "close");
        QVERIFY(!answer.has("transfer-encoding"));
        QVERIFY(answer.complete);
    }
}

void TestFrontDoor::connectionClose()
{
    DoorOnThread door;
    RawClient client(door.port());
    // What comes after a request that closes is not a request.
    client.send(post("/echo", "bye", "Connection: close\r\n") + get("/echo"));
    const RawClient::Answer answer = client.read();
    QCOMPARE(answer.body, "bye");
    QCOMPARE(answer.field("connection"), "close");
    bool reset = true;
    QVERIFY(client.readAll(&reset).isEmpty());
    QVERIFY(!reset);
    QVERIFY(door.waitFor([](Engine &engine) { return engine.door->connectionCount() == 0; }));
    door.run([](Engine &engine) { QCOMPARE(engine.handled, 1); });
}

void TestFrontDoor::streams()
{
    DoorOnThread door;
    RawClient client(door.port());
    client.send(get("/stream"));
    QVERIFY(door.waitForExchanges(1));
    door.run([](Engine &engine) { QVERIFY(engine.exchanges[0]->writer->write("data: 1\n\n")); });
    QVERIFY(client.readUntil("9\r\ndata: 1\n\n\r\n")); // arrives before there is more
    door.run([](Engine &engine) {
        ResponseWriter *writer = engine.exchanges[0]->writer;
        writer->write("");
        writer->write(std::string(5000, 'x'));
        QVERIFY(writer->bytesWritten() > 5000);
    });
    door.run([](Engine &engine) {
        QCOMPARE(engine.exchanges[0]->writer->backlog(), 0);
        engine.exchanges[0]->writer->end();
    });
    const RawClient::Answer answer = client.read();
    QCOMPARE(answer.body, "data: 1\n\n" + QByteArray(5000, 'x'));
    QCOMPARE(answer.field("transfer-encoding"), "chunked");
    client.send(post("/echo", "again"));
    QCOMPARE(client.read().body, "again");
}

void TestFrontDoor::knownLength_data()
{
    QTest::addColumn<int>("length");
    QTest::addColumn<bool>("complete");
    QTest::newRow("as said") << 6 << true;
    QTest::newRow("less than said") << 7 << false;
    QTest::newRow("more than said") << 5 << true;
}

void TestFrontDoor::knownLength()
{
    QFETCH(int, length);
    QFETCH(bool, complete);
    DoorOnThread door;
    RawClient client(door.port());
    client.send(get("/hold"));
    QVERIFY(door.waitForExchanges(1));
    door.run([length](Engine &engine) {
        ResponseWriter *writer = engine.exchanges[0]->writer;
        writer->begin(ResponseHead(200), length);
        writer->write("abc");
        writer->write("def");
        writer->end();
    });
    const RawClient::Answer answer = client.read();
    QCOMPARE(answer.complete, complete);
    QCOMPARE(answer.body, QByteArray("abcdef").left(length));
    if (complete) {
        client.send(post("/echo", "in step"));
        QCOMPARE(client.read().body, "in step");
    }
}

void TestFrontDoor::headDoesNotWaitForTheBody()
{
    DoorOnThread door;
    RawClient client(door.port());
    client.send(get("/stream") + get("/stream"));
    QVERIFY(door.waitForExchanges(1));
    QVERIFY(client.readUntil("\r\n\r\n"));
    door.run([](Engine &engine) { engine.exchanges[0]->writer->end(); });
    QCOMPARE(client.read().body, "");
    QVERIFY(door.waitForExchanges(2));
    door.run([](Engine &engine) { engine.exchanges[1]->writer->end(); });
    const RawClient::Answer answer = client.read();
    QVERIFY(answer.complete);
    QCOMPARE(answer.body, "");
}

void TestFrontDoor::abortIsSeen()
{
    DoorOnThread door;
    {
        RawClient client(door.port());
        client.send(get("/stream"));
        QVERIFY(door.waitForExchanges(1));
        door.run([](Engine &engine) {
            engine.exchanges[0]->writer->write("event: error\n\n");
            engine.exchanges[0]->writer->abort();
        });
        const RawClient::Answer answer = client.read();
        QCOMPARE(answer.body, "event: error\n\n"); // what was written still arrives
        QVERIFY(!answer.complete);
    }
    {
        RawClient client(door.port());
        client.send("GET /stream HTTP/1.0\r\n\r\n");
        QVERIFY(door.waitForExchanges(2));
        door.run([](Engine &engine) {
            engine.exchanges[1]->writer->write("half");
            engine.exchanges[1]->writer->abort();
        });
        QVERIFY(!client.read().complete); // by a reset: nothing else tells it from the end
    }
    {
        RawClient client(door.port());
        client.send(get("/hold"));
        QVERIFY(door.waitForExchanges(3));
        door.run([](Engine &engine) { engine.exchanges[2]->writer->abort(); });
        QCOMPARE(client.read().status, 0);
    }
    QVERIFY(door.waitFor([](Engine &engine) { return engine.door->connectionCount() == 0; }));
    door.run([](Engine &engine) {
        for (const auto &exchange : engine.exchanges) {
            QVERIFY(!exchange->gone); // it was our doing
        }
    });
}

void TestFrontDoor::expectContinue()
{
    DoorOnThread door;
    RawClient client(door.port());
    const QByteArray head = "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                            "Content-Length: 4\r\n\r\n";
    client.send(head);
    QCOMPARE(client.read().status, 100);
    client.send("body");
    QCOMPARE(client.read().body, "body");
    client.send(head + "body"); // did not wait, so it is not told either
    QCOMPARE(client.read().body, "body");
    // Refused before the body: the client sees the refusal instead of 100.
    client.send("POST /refuse HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                "Content-Length: 4\r\n\r\n");
    const RawClient::Answer refused = client.read();
    QCOMPARE(refused.status, 401);
    QCOMPARE(refused.field("connection"), "close");
}

void TestFrontDoor::unknownExpectation()
{
    DoorOnThread door;
    RawClient client(door.port());
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: cake\r\nContent-Length: 4\r\n\r\nbody");
    QCOMPARE(client.read().status, 417);
}

void TestFrontDoor::refusals_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<int>("status");
    QTest::addColumn<QByteArray>("code");

    const auto row = [](const char *name, const QByteArray &bytes, int status, const char *code) {
        QTest::newRow(name) << bytes << status << QByteArray(code);
    };
    row("malformed", "nonsense\r\n\r\n", 400, "invalid_request");
    row("body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413,
        "body_too_large");
    row("chunked body", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n",
        413, "body_too_large");
    row("target", "GET /" + QByteArray(2000, 'x'), 414, "uri_too_long");
    row("head", get("/", "X: " + QByteArray(8000, 'x') + "\r\n"), 431, "headers_too_large");
    row("coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501,
        "unsupported_transfer_encoding");
    row("version", "GET / HTTP/3.0\r\n\r\n", 505, "http_version_not_supported");
}

void TestFrontDoor::refusals()
{
    QFETCH(QByteArray, bytes);
    QFETCH(int, status);
    QFETCH(QByteArray, code);
    HttpLimits limits;
    limits.maxBodyBytes = 1000;
    limits.maxTargetBytes = 1000;
    limits.maxHeaderBytes = 4000;
    DoorOnThread door(limits);
    RawClient client(door.port());
    client.send(bytes);
    const RawClient::Answer answer = client.read();
    QCOMPARE(answer.status, status);
    QVERIFY(answer.complete);
    QVERIFY2(answer.body.contains(code), answer.body);
    QCOMPARE(answer.field("connection"), "close");
    bool reset = true;
    QVERIFY(client.readAll(&reset).isEmpty());
    QVERIFY(!reset);
    door.run([](Engine &engine) { QCOMPARE(engine.handled, 0); });
    client.close();
    QVERIFY(door.waitFor([](Engine &engine) { return engine.door->connectionCount() == 0; }));
}

void TestFrontDoor::refusedWhileTheBodyIsSent()
{
    HttpLimits limits;
    limits.maxBodyBytes = 1000;
    DoorOnThread door(limits);
    RawClient client(door.port());
    // The client only reads after it has sent everything: a reset would cost it the answer.
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
    client.send(QByteArray(200'000, 'x'));
    const RawClient::Answer answer = client.read();
    QCOMPARE(answer.status, 413);
    QVERIFY(answer.complete);
}

void TestFrontDoor::earlyRefusalKeepsSmallBodies()
{
    DoorOnThread door;
    RawClient client(door.port());
    client.send(get("/refuse") + post("/echo", "1"));
    QCOMPARE(client.read().status, 401);
    QCOMPARE(client.read().body, "1");
    client.send(post("/refuse", QByteArray(100'000, 'x')) + post("/echo", "2"));
    const RawClient::Answer answer = client.read();
    QCOMPARE(answer.status, 401);
    QVERIFY(!answer.has("connection"));
    QCOMPARE(client.read().body, "2");
    client.send("POST /refuse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                "5\r\nhello\r\n0\r\n\r\n" +
                post("/echo", "3"));
    QCOMPARE(client.read().status, 401);
    QCOMPARE(client.read().body, "3");
    door.run([](Engine &engine) { QCOMPARE(engine.handled, 3); });
}

void TestFrontDoor::earlyRefusalOfHugeBodyIsReadable()
{
    DoorOnThread door;
    RawClient client(door.port());
    client.send("POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n\r\n");
    const RawClient::Answer answer = client.read();
    QCOMPARE(answer.status, 401);
    QCOMPARE(answer.field("connection"), "close");
    client.send(QByteArray(100'000, 'x'));
    // An endless chunked body ends the connection, too.
    RawClient endless(door.port());
    endless.send("POST /refuse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    QCOMPARE(endless.read().status, 401);
    const QByteArray chunk = "8000\r\n" + QByteArray(0x8000, 'x') + "\r\n";
    for (int i = 0; i < 1000 && endless.send(chunk); ++i) {
    }
    QVERIFY(endless.readAll().isEmpty());
    client.close();
    QVERIFY(door.waitFor([](Engine &engine) { return engine.door->connectionCount() == 0; }));
}

void TestFrontDoor::headerTimeout()
{
    HttpLimits limits;
    limits.headerTimeoutMs = 300;
    DoorOnThread door(limits);
    RawClient client(door.port());
    client.send(post("/echo", "first is in time"));
    QCOMPARE(client.read().status, 200);
    QElapsedTimer timer;
    timer.start();
    // A byte now and then does not put it off.
    client.send("GET / HTTP/1.1\r\nX: ");
    while (timer.elapsed() < 5000 && client.send("x")) {
        QThread::msleep(50);
        if (door.waitFor([](Engine &engine) { return engine.screened == 1; }) &&
            timer.elapsed() > 700) {
            break;
        }
    }
    const RawClient::Answer answer = client.read();
    QCOMPARE(answer.status, 408);
    QVERIFY(answer.body.contains("request_timeout"));
    QVERIFY(timer.elapsed() >= 300);
    client.close();
    QVERIFY(door.waitFor([](Engine &engine) { return engine.door->connectionCount() == 0; }));
}

void TestFrontDoor::bodyTimeout()
{
    HttpLimits limits;
    limits.bodyTimeoutMs = 600;
    DoorOnThread door(limits);
    RawClient client(door.port());
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
    QElapsedTimer timer;
    timer.start();
    // Progress puts it off.
    while (timer.elapsed() < 1500) {
        client.send("x");
        QThread::msleep(100);
    }
    const RawClient::Answer answer = client.read();
    QCOMPARE(answer.status, 408);
    QVERIFY(timer.elapsed() >= 2000);
}

void TestFrontDoor::idleTimeout()
{
    HttpLimits limits;
    limits.idleTimeoutMs = 300;
    DoorOnThread door(limits);
    RawClient fresh(door.port());
    RawClient used(door.port());
    used.send(post("/echo", "x"));
    QCOMPARE(used.read().status, 200);
    RawClient busy(door.port());
    busy.send(get("/hold"));
    QVERIFY(door.waitForExchanges(1));
    QVERIFY(fresh.atEnd()); // without a word
    QVERIFY(used.atEnd());
    QVERIFY(door.waitFor([](Engine &engine) { return engine.door->connectionCount() == 1; }));
    door.run([](Engine &engine) {
        QVERIFY(!engine.exchanges[0]->gone); // a long answer is not idle
        engine.exchanges[0]->writer->send(ResponseHead(200), "late");
    });
    QCOMPARE(busy.read().body, "late");
}

void TestFrontDoor::clientGone_data()
{
    QTest::addColumn<QByteArray>("path");
    QTest::addColumn<int>("writes");
    QTest::addColumn<bool>("reset");
    for (const bool reset : {false, true}) {
        const char *how = reset ? "reset" : "closed";
        QTest::addRow("before the answer, %s", how) << QByteArray("/hold") << 0 << reset;
        QTest::addRow("with the head held, %s", how) << QByteArray("/stream") << 0 << reset;
        QTest::addRow("after the first event, %s", how) << QByteArray("/stream") << 1 << reset;
        QTest::addRow("mid-stream, %s", how) << QByteArray("/stream") << 5 << reset;
    }
}

void TestFrontDoor::clientGone()
{
    QFETCH(QByteArray, path);
    QFETCH(int, writes);
    QFETCH(bool, reset);
    DoorOnThread door;
    RawClient client(door.port());
    client.send(get(path) + get("/echo")); // a pipelined request must not hide the end
    QVERIFY(door.waitForExchanges(1));
    for (int i = 0; i < writes; ++i) {
        door.run([](Engine &engine) { engine.exchanges[0]->writer->write("event\n"); });
        QVERIFY(client.readUntil("event\n"));
    }
    QElapsedTimer timer;
    timer.start();
    client.close(reset);
    QVERIFY(door.waitFor([](Engine &engine) { return engine.exchanges[0]->gone; }));
    QVERIFY2(timer.elapsed() < 1000, qPrintable(QString::number(timer.elapsed())));
    QVERIFY(door.waitFor([](Engine &engine) { return engine.door->connectionCount() == 0; }));
    door.run([](Engine &engine) { QCOMPARE(engine.handled, 1); });
    RawClient next(door.port());
    next.send(post("/echo", "well"));
    QCOMPARE(next.read().body, "well");
}

void TestFrontDoor::clientGoneWhileReadingIsPaused()
{
    if (qEnvironmentVariableIsSet("TIDEGATE_TEST_QT_DISPATCHER")) {
        QSKIP("Only EpollDispatcher tells a hang-up without reading.");
    }
    DoorOnThread door;
    RawClient client(door.port());
    client.send(get("/hold"));
    QVERIFY(door.waitForExchanges(1));
    client.send(QByteArray(100'000, 'x')); // more than is read ahead
    client.close();
    QVERIFY(door.waitFor([](Engine &engine) { return engine.exchanges[0]->gone; }));
}

void TestFrontDoor::abortInsideHandlersCallback()
{
    // An exchange that ends another one from within clientGone().
    struct Ender final : public ResponseListener
    {
        void clientGone() override { other->abort(); }
        void clientWritable() override {}
        ResponseWriter *other = nullptr;
    };
    DoorOnThread door;
    auto ender = std::make_shared<Ender>();
    RawClient first(door.port());
    first.send(get("/hold"));
    QVERIFY(door.waitForExchanges(1));
    RawClient second(door.port());
    second.send(get("/stream") + get("/echo"));
    QVERIFY(door.waitForExchanges(2));
    door.run([ender](Engine &engine) {
        ender->other = engine.exchanges[1]->writer;
        engine.exchanges[0]->writer->setListener(ender.get());
    });
    first.close(true);
    QVERIFY(!second.read().complete);
    QVERIFY(door.waitFor([](Engine &engine) { return engine.door->connectionCount() == 0; }));
}

void TestFrontDoor::halfClosedAfterTheLastRequest()
{
    DoorOnThread door;
    RawClient client(door.port(), 4096);
    const QByteArray body(3'000'000, 'b');
    client.send(post("/echo", body));
    client.finish();
    // The answer was given at once, so all of it arrives although the client said goodbye.
    const RawClient::Answer answer = client.read();
    QCOMPARE(answer.body.size(), body.size());
    QVERIFY(client.atEnd());
}

void TestFrontDoor::backPressure()
{
    HttpLimits limits;
    limits.highWaterBytes = 100'000;
    limits.lowWaterBytes = 20'000;
    DoorOnThread door(limits);
    RawClient client(door.port(), 4096);
    client.send(get("/stream"));
    QVERIFY(door.waitForExchanges(1));
    qint64 written = 0;
    door.run([&written](Engine &engine) {
        ResponseWriter *writer = engine.exchanges[0]->writer;
        const std::string piece(10'000, 'p');
        bool more = true;
        while (more && written < 100'000'000) {
            more = writer->write(piece);
            written += qint64(piece.size());
        }
        QVERIFY(!more);
        QVERIFY(writer->backlog() > 100'000);
        QVERIFY(writer->backlog() < 130'000);
        QCOMPARE(engine.exchanges[0]->writable, 0);
    });
    QVERIFY(written < 100'000'000);
    // Nobody reads, so nothing may happen; then reading sets it going again.
    door.run([](Engine &engine) { QCOMPARE(engine.exchanges[0]->writable, 0); });
    qint64 readBack = 0;
    RawClient::Answer answer;
    std::unique_ptr<QThread> reader(
        QThread::create([&client, &answer] { answer = client.read(); }));
    reader->start();
    QVERIFY(door.waitFor([](Engine &engine) { return engine.exchanges[0]->writable == 1; }));
    door.run([](Engine &engine) {
        QVERIFY(engine.exchanges[0]->writer->backlog() <= 20'000);
        engine.exchanges[0]->writer->end();
    });
    QVERIFY(reader->wait(10'000));
    readBack = answer.body.size();
    QVERIFY(answer.complete);
    QCOMPARE(readBack, written);
}

void TestFrontDoor::pipelinedBytesAreBounded()
{
    DoorOnThread door;
    RawClient client(door.port());
    client.send(get("/hold"));
    QVERIFY(door.waitForExchanges(1));
    // More than the sockets' own buffers can swallow: sending has to stop.
    std::unique_ptr<QThread> sender(QThread::create([&client] {
        for (int i = 0; i < 200'000; ++i) {
            client.send(post("/echo", "0123456789"));
        }
    }));
    sender->start();
    QVERIFY(!sender->wait(300));
    door.run([](Engine &engine) { engine.exchanges[0]->writer->send(ResponseHead(200), "go"); });
    QCOMPARE(client.read().body, "go");
    for (int i = 0; i < 200'000; ++i) {
        if (client.read().body != "0123456789") {
            QFAIL("an answer is missing or wrong");
        }
    }
    QVERIFY(sender->wait(10'000));
}

void TestFrontDoor::slowReaderOfPipelinedAnswers()
{
    DoorOnThread door;
    RawClient client(door.port(), 4096);
    constexpr int kRequests = 20; // more than the sockets' own buffers hold
    const QByteArray body(2'000'000, 'y');
    std::unique_ptr<QThread> sender(QThread::create([&client, &body] {
        for (int i = 0; i < kRequests; ++i) {
            client.send(post("/echo", body));
        }
    }));
    sender->start();
    // Answers that nobody takes hold up the requests behind them.
    QVERIFY(!sender->wait(300));
    door.run([](Engine &engine) { QVERIFY(engine.handled < kRequests); });
    for (int i = 0; i < kRequests; ++i) {
        QCOMPARE(client.read().body.size(), body.size());
    }
    QVERIFY(sender->wait(10'000));
}

void TestFrontDoor::connectionCap()
{
    HttpLimits limits;
    limits.maxConnections = 3;
    DoorOnThread door(limits);
    std::vector<RawClient> clients;
    for (int i = 0; i < 3; ++i) {
        clients.emplace_back(door.port());
        clients.back().send(post("/echo", "in"));
        QCOMPARE(clients.back().read().status, 200);
    }
    for (int i = 0; i < 400; ++i) {
        RawClient refused(door.port());
        refused.send(get("/echo"));
        if (i < 50) {
            const RawClient::Answer answer = refused.read();
            QCOMPARE(answer.status, 503);
            QCOMPARE(answer.field("retry-after"), "1");
            QCOMPARE(answer.field("connection"), "close");
            QVERIFY(answer.body.contains("too_many_connections"));
        }
    }
    door.run([](Engine &engine) { QCOMPARE(engine.door->connectionCount(), 3); });
    clients.pop_back();
    QVERIFY(door.waitFor([](Engine &engine) { return engine.door->connectionCount() == 2; }));
    RawClient next(door.port());
    next.send(post("/echo", "in"));
    QCOMPARE(next.read().status, 200);
    clients.front().send(post("/echo", "still in"));
    QCOMPARE(clients.front().read().body, "still in");
}

void TestFrontDoor::outOfDescriptors()
{
    DoorOnThread door;
    rlimit before = {};
    QCOMPARE(getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit few = before;
    few.rlim_cur = 256;
    QCOMPARE(setrlimit(RLIMIT_NOFILE, &few), 0);
    std::vector<int> hoard;
    for (int fd = dup(0); fd >= 0; fd = dup(0)) {
        hoard.push_back(fd);
    }
    ::close(hoard.back()); // for the client's side; the door's side gets none
    hoard.pop_back();
    RawClient client(door.port());
    client.send(post("/echo", "patience"));
    const std::clock_t busyBefore = std::clock();
    QThread::msleep(400);
    const double busyMs = 1000.0 * double(std::clock() - busyBefore) / CLOCKS_PER_SEC;
    int handled = -1;
    door.run([&handled](Engine &engine) { handled = engine.handled; });
    for (const int fd : hoard) {
        ::close(fd);
    }
    setrlimit(RLIMIT_NOFILE, &before);
    QCOMPARE(handled, 0);
    QVERIFY2(busyMs < 100, qPrintable(QString::number(busyMs)));
    QCOMPARE(client.read().body, "patience");
}

void TestFrontDoor::manyConnections()
{
    DoorOnThread door;
    constexpr int kCount = 5000;
    std::vector<RawClient> clients;
    clients.reserve(kCount);
    for (int i = 0; i < kCount; ++i) {
        clients.emplace_back(door.port());
        QVERIFY(clients.back().isConnected());
        clients.back().send(i % 3 == 0 ? get("/hold") : post("/echo", "x"));
    }
    QVERIFY(door.waitFor([](Engine &engine) { return engine.handled == kCount; }));
    door.run([](Engine &engine) { QCOMPARE(engine.door->connectionCount(), kCount); });
    QCOMPARE(clients[1].read().body, "x");
    for (int i = 0; i < kCount; ++i) {
        clients[size_t(i)].close(i % 2 == 0);
    }
    QVERIFY(door.waitFor([](Engine &engine) { return engine.door->connectionCount() == 0; }));
    door.run([](Engine &engine) {
        for (const auto &exchange : engine.exchanges) {
            QVERIFY(exchange->gone);
        }
    });
}

void TestFrontDoor::stopAndResume()
{
    DoorOnThread door;
    RawClient idle(door.port());
    idle.send(post("/echo", "x"));
    QCOMPARE(idle.read().status, 200);
    RawClient busy(door.port());
    busy.send(get("/hold"));
    QVERIFY(door.waitForExchanges(1));
    door.run([](Engine &engine) { engine.door->stopListening(); });
    QVERIFY(idle.atEnd());
    QVERIFY(!RawClient(door.port()).isConnected());
    door.run([](Engine &engine) { engine.exchanges[0]->writer->send(ResponseHead(200), "done"); });
    const RawClient::Answer answer = busy.read();
    QCOMPARE(answer.body, "done");
    QCOMPARE(answer.field("connection"), "close");
    QVERIFY(busy.atEnd());
    door.run([&door](Engine &engine) {
        const Result<quint16> port = engine.door->resumeListening();
        QVERIFY(bool(port));
        QCOMPARE(*port, door.port());
    });
    RawClient again(door.port());
    again.send(post("/echo", "back"));
    const RawClient::Answer back = again.read();
    QCOMPARE(back.body, "back");
    QVERIFY(!back.has("connection"));
}

void TestFrontDoor::newLimits()
{
    DoorOnThread door;
    RawClient client(door.port());
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n0123456789");
    QVERIFY(door.waitFor([](Engine &engine) { return engine.screened == 1; }));
    door.run([](Engine &engine) {
        HttpLimits limits;
        limits.maxBodyBytes = 10;
        engine.door->setLimits(limits);
    });
    client.send("0123456789"); // began under the old ones
    QCOMPARE(client.read().status, 200);
    client.send(post("/echo", "0123456789"));
    QCOMPARE(client.read().status, 200);
    client.send(post("/echo", "0123456789x"));
    QCOMPARE(client.read().status, 413);
}

void TestFrontDoor::sharedPort()
{
    DoorOnThread door;
    door.run([](Engine &engine) {
        FrontDoor one(engine, {});
        const Result<quint16> port = one.listen(QHostAddress::LocalHost, 0, true);
        QVERIFY(bool(port));
        FrontDoor two(engine, {});
        QVERIFY(bool(two.listen(QHostAddress::LocalHost, *port, true)));
        FrontDoor any(engine, {});
        QVERIFY(bool(any.listen(QHostAddress::Any, 0, false)));
    });
}

void TestFrontDoor::listenFailureNamesTheReason()
{
    QTcpServer taken;
    QVERIFY(taken.listen(QHostAddress::LocalHost));
    DoorOnThread door;
    door.run([port = taken.serverPort()](Engine &engine) {
        FrontDoor other(engine, {});
        const Result<quint16> result = other.listen(QHostAddress::LocalHost, port, false);
        QVERIFY(!result);
        QVERIFY(result.error().contains(QString::number(port)));
        QVERIFY(result.error().contains(QStringLiteral("127.0.0.1")));
    });
}

void TestFrontDoor::smuggling_data()
{
    QTest::addColumn<QByteArray>("bytes");
    const QByteArray hidden = "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n";
    const QByteArray start = "POST /echo HTTP/1.1\r\nHost: a\r\n";
    const auto row = [&](const char *name, const QByteArray &fields, const QByteArray &body) {
        QTest::newRow(name) << start + fields + "\r\n" + body + hidden;
    };
    row("CL.TE", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n");
    row("TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n");
    row("TE.TE", "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n", "0\r\n\r\n");
    row("TE space", "Transfer-Encoding : chunked\r\n", "0\r\n\r\n");
    row("TE tab", "Transfer-Encoding:\tchunked\t\r\nContent-Length: 3\r\n", "0\r\n\r\n");
    row("TE vertical tab", "Transfer-Encoding: \vchunked\r\n", "0\r\n\r\n");
    row("TE folded", "Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n");
    row("TE after LF", "X: y\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n");
    row("TE after CR", "X: y\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n");
    row("CL.CL", "Content-Length: 0\r\nContent-Length: 44\r\n", "");
    row("CL list", "Content-Length: 0, 44\r\n", "");
    row("CL plus", "Content-Length: +0\r\n", "");
    row("CL NUL", QByteArray("Content-Length: 0\0\r\n", 20), "");
    row("negative chunk", "Transfer-Encoding: chunked\r\n", "-1\r\n\r\n0\r\n\r\n");
    row("chunk wraps", "Transfer-Encoding: chunked\r\n", "10000000000000000\r\n\r\n");
    row("chunk end missing", "Transfer-Encoding: chunked\r\n", "1\r\nab\r\n0\r\n\r\n");
    row("chunk LF", "Transfer-Encoding: chunked\r\n", "0\n\n");
}

void TestFrontDoor::smuggling()
{
    QFETCH(QByteArray, bytes);
    DoorOnThread door;
    RawClient client(door.port());
    client.send(bytes);
    QVERIFY(client.read().status >= 400);
    QVERIFY(client.atEnd()); // exactly one answer
    door.run([](Engine &engine) { QCOMPARE(engine.handled, 0); });
}

void TestFrontDoor::destroyedWithExchangesInFlight()
{
    DoorOnThread door;
    RawClient client(door.port());
    client.send(get("/stream") + get("/echo"));
    QVERIFY(door.waitForExchanges(1));
    door.run([](Engine &engine) {
        engine.exchanges[0]->writer->write("x");
        engine.door.reset();
        QVERIFY(engine.exchanges[0]->gone);
    });
    QVERIFY(!client.read().complete);
}

QTEST_GUILESS_MAIN(TestFrontDoor)
#include "tst_frontdoor.moc"
