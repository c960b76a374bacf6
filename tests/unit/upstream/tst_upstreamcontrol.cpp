// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/upstream/callrecorder.h"
#include "tests/unit/upstream/scriptedupstream.h"
#include "tests/unit/upstream/upstreamtestmain.h"

#include "gateway/base/clock.h"

#include <QTest>

#include <atomic>
#include <deque>
#include <random>

#include <dlfcn.h>
#include <netdb.h>

using namespace tidegate;
using Peer = ScriptedUpstream::Peer;

namespace {

std::atomic<bool> slowLookUpOver = false;

} // namespace

// Takes the place of the C library's in this program: one name is looked up for as long as a test
// wants, every other name as usual.
extern "C" int getaddrinfo(const char *node, const char *service, const addrinfo *hints,
                           addrinfo **result)
{
    if (node && qstrcmp(node, "slow.test") == 0) {
        while (!slowLookUpOver) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return EAI_NONAME;
    }
    using Function = decltype(&getaddrinfo);
    static const auto original = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));
    return original(node, service, hints, result);
}

namespace {

constexpr qint64 kCloseLimitNs = 50'000'000;

} // namespace

/// Pausing, resuming and cancelling in every phase and from within every callback.
class TestUpstreamControl : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void pauseHoldsBackAndResumeGoesOn_data();
    void pauseHoldsBackAndResumeGoesOn();
    void resumeFromWithinBody();
    void stalledReaderCostsNoMemory();
    void pausesAreNotIdle();
    void otherCallsGoOnWhileOneIsPaused();
    void cancel_data();
    void cancel();
    void cancelWhileResolving();
    void cancelFromWithin_data();
    void cancelFromWithin();
    void cancelAnotherFromWithin_data();
    void cancelAnotherFromWithin();
    void cancelOnePausedOfMany();
    void startAndCancelFromTurnEnded();
    void randomStorm();
};

void TestUpstreamControl::pauseHoldsBackAndResumeGoesOn_data()
{
    QTest::addColumn<QByteArray>("fields");
    QTest::addColumn<bool>("chunked");
    QTest::newRow("length") << QByteArray("Content-Length: 3000000\r\n\r\n") << false;
    QTest::newRow("chunked") << QByteArray("Transfer-Encoding: chunked\r\n\r\n") << true;
    QTest::newRow("until close") << QByteArray("\r\n") << false;
}

void TestUpstreamControl::pauseHoldsBackAndResumeGoesOn()
{
    QFETCH(QByteArray, fields);
    QFETCH(bool, chunked);
    QByteArray content;
    for (int i = 0; content.size() < 3'000'000; ++i) {
        content += QByteArray::number(i) + ',';
    }
    content.truncate(3'000'000);
    ScriptedUpstream upstream([&](Peer &peer) {
        peer.readRequest();
        peer.send("HTTP/1.1 200 OK\r\n" + fields);
        if (!chunked) {
            peer.send(content);
        } else {
            // Many chunks to one read, so that pauses fall between them as well.
            QByteArray framed;
            for (qsizetype at = 0; at < content.size(); at += 777) {
                const QByteArray piece = content.mid(at, 777);
                framed += QByteArray::number(piece.size(), 16) + "\r\n" + piece + "\r\n";
            }
            peer.send(framed + "0\r\n\r\n");
        }
        peer.close();
        peer.waitForClose();
    });
    UpstreamClient client;
    CallRecorder recorder;
    bool paused = false;
    int pauses = 0;
    recorder.onBody = [&](std::string_view piece) {
        if (paused) {
            qFatal("a piece came while paused");
        }
        recorder.body.append(piece.data(), qsizetype(piece.size()));
        paused = recorder.pieces % 3 == 0;
        pauses += paused ? 1 : 0;
        return !paused;
    };
    UpstreamCall *call = client.start(postTo(upstream.url()), recorder);
    while (recorder.finishes == 0) {
        QVERIFY(waitUntil([&] { return paused || recorder.finishes == 1; }));
        if (paused) {
            const int pieces = recorder.pieces;
            paused = false;
            client.resume(call);
            QCOMPARE(recorder.pieces, pieces); // later, from the event loop
        }
    }
    QCOMPARE(recorder.result.failure, UpstreamFailure::None);
    QVERIFY(pauses > 20);
    QVERIFY(recorder.body == content);
}

void TestUpstreamControl::resumeFromWithinBody()
{
    ScriptedUpstream upstream([](Peer &peer) {
        while (peer.readRequest()) {
            peer.send(plainAnswer(QByteArray(200'000, 'x')));
        }
    });
    UpstreamClient client;
    CallRecorder paused;
    CallRecorder resuming;
    UpstreamCall *call = nullptr;
    paused.onBody = [&](std::string_view) { return paused.pieces > 1; };
    resuming.onBody = [&](std::string_view) {
        if (call && paused.pieces == 1) {
            client.resume(call);
        }
        return true;
    };
    call = client.start(postTo(upstream.url()), paused);
    QVERIFY(waitUntil([&] { return paused.pieces == 1; }));
    client.start(postTo(upstream.url()), resuming);
    QVERIFY(waitUntil([&] { return paused.finishes == 1 && resuming.finishes == 1; }));
    QCOMPARE(paused.result.failure, UpstreamFailure::None);
}

void TestUpstreamControl::stalledReaderCostsNoMemory()
{
    const QByteArray megabyte(1'000'000, 'x');
    std::atomic<qint64> sent = 0;
    ScriptedUpstream upstream([&](Peer &peer) {
        peer.readRequest();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n");
        for (int i = 0; i < 50 && peer.send(megabyte); ++i) {
            sent += megabyte.size();
        }
        peer.waitForClose();
    });
    UpstreamClient client;
    qint64 received = 0;
    bool open = false;
    CallRecorder recorder;
    recorder.onBody = [&](std::string_view piece) {
        received += qint64(piece.size());
        return open;
    };
    const qint64 before = residentBytes();
    UpstreamCall *call = client.start(postTo(upstream.url()), recorder);
    QVERIFY(waitUntil([&] { return recorder.pieces == 1; }));
    // Stalled once the upstream cannot send any more.
    qint64 last = -1;
    while (last != sent) {
        last = sent;
        QVERIFY(!waitUntil([&] { return recorder.pieces > 1; }, 200));
    }
    QVERIFY(last < 50'000'000);
    const qint64 growth = residentBytes() - before;
    QVERIFY2(growth < 2'000'000, qPrintable(QString::number(growth)));
    open = true;
    client.resume(call);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.result.failure, UpstreamFailure::None);
    QCOMPARE(received, 50'000'000);
    QVERIFY(residentBytes() - before < 2'000'000);
}

void TestUpstreamControl::pausesAreNotIdle()
{
    ScriptedUpstream upstream([](Peer &peer) {
        peer.readRequest();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        peer.send(QByteArray(999'999, 'x'));
        peer.waitForClose();
    });
    UpstreamClient client;
    CallRecorder recorder;
    recorder.onBody = [&](std::string_view) { return recorder.pieces > 1; };
    UpstreamRequest request = postTo(upstream.url());
    request.timeouts.idleMs = 80;
    UpstreamCall *call = client.start(std::move(request), recorder);
    QVERIFY(waitUntil([&] { return recorder.pieces == 1; }));
    QVERIFY(!waitUntil([&] { return recorder.finishes == 1; }, 250));
    client.resume(call);
    // The last byte never comes, which now counts again.
    const qint64 resumed = monotonicNs();
    QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
    QCOMPARE(recorder.result.failure, UpstreamFailure::IdleTimeout);
    QVERIFY(recorder.finishedNs - resumed >= 79'000'000);
    QVERIFY(recorder.finishedNs - resumed <= 250'000'000);
}

void TestUpstreamControl::otherCallsGoOnWhileOneIsPaused()
{
    ScriptedUpstream upstream([](Peer &peer) {
        while (peer.readRequest()) {
            peer.send(plainAnswer(QByteArray(500'000, 'x')));
        }
    });
    UpstreamClient client;
    CallRecorder stopped;
    stopped.onBody = [](std::string_view) { return false; };
    UpstreamCall *call = client.start(postTo(upstream.url()), stopped);
    QVERIFY(waitUntil([&] { return stopped.pieces == 1; }));
    for (int i = 0; i < 20; ++i) {
        CallRecorder other;
        client.start(postTo(upstream.url()), other);
        QVERIFY(waitUntil([&] { return other.finishes == 1; }));
        QCOMPARE(other.body.size(), 500'000);
    }
    QCOMPARE(stopped.pieces, 1);
    client.cancel(call);
}

void TestUpstreamControl::cancel_data()
{
    QTest::addColumn<QByteArray>("answer");
    QTest::addColumn<bool>("reads");
    QTest::addColumn<bool>("reused");
    QTest::addColumn<bool>("paused");
    const QByteArray head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    const QByteArray large(900'000, 'x');
    for (const bool reused : {false, true}) {
        const char *how = reused ? "reused" : "fresh";
        QTest::addRow("sending, %s", how) << QByteArray() << false << reused << false;
        QTest::addRow("waiting, %s", how) << QByteArray() << true << reused << false;
        QTest::addRow("half a head, %s", how)
            << QByteArray("HTTP/1.1 200 OK\r\nX-A") << true << reused << false;
        QTest::addRow("after the head, %s", how) << head << true << reused << false;
        QTest::addRow("streaming, %s", how) << QByteArray(head + "abc") << true << reused << false;
        QTest::addRow("paused, %s", how) << QByteArray(head + large) << true << reused << true;
    }
}

void TestUpstreamControl::cancel()
{
    QFETCH(QByteArray, answer);
    QFETCH(bool, reads);
    QFETCH(bool, reused);
    QFETCH(bool, paused);
    std::atomic<bool> there = false;
    ScriptedUpstream upstream([&](Peer &peer) {
        if (reused) {
            peer.readRequest();
            peer.send(plainAnswer("ok"));
        }
        reads ? peer.readRequest() : peer.readHead();
        peer.send(answer);
        there = true;
        if (!reads) {
            // With the client's bytes left alone, its close shows only in what we send.
            while (peer.send("HTTP/1.1 100 Continue\r\n\r\n")) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
        }
        peer.waitForClose();
    });
    UpstreamClient client;
    if (reused) {
        CallRecorder warm;
        client.start(postTo(upstream.url()), warm);
        QVERIFY(waitUntil([&] { return warm.finishes == 1; }));
    }
    CallRecorder recorder;
    recorder.onBody = [&](std::string_view) { return !paused; };
    UpstreamCall *call =
        client.start(postTo(upstream.url(), QByteArray(reads ? 100 : 30'000'000, 'x')), recorder);
    const bool hasBody = answer.contains("\r\n\r\n") && !answer.endsWith("\r\n\r\n");
    QVERIFY(waitUntil([&] { return there.load(); }));
    if (hasBody) {
        QVERIFY(waitUntil([&] { return recorder.pieces > 0; }));
    }
    const qint64 begin = monotonicNs();
    const UpstreamTimings timings = client.cancel(call);
    QCOMPARE(timings.reusedConnection, reused);
    QVERIFY(timings.sentUs >= 0);
    QVERIFY(timings.totalUs > 0);
    QVERIFY(timings.firstByteUs >= 0 || recorder.heads == 0);
    QCOMPARE(client.activeCalls(), 0);
    // Without the event loop: it is done when cancel() returns.
    const qint64 limit = monotonicNs() + 1'000'000'000;
    while (upstream.closed() == 0 && monotonicNs() < limit) {
        std::this_thread::yield();
    }
    QCOMPARE(upstream.closed(), 1);
    QVERIFY(upstream.closedNs() - begin < kCloseLimitNs);
    const int pieces = recorder.pieces;
    QVERIFY(!waitUntil([&] { return recorder.finishes > 0 || recorder.pieces > pieces; }, 20));
}

// The look-up goes on in its thread, but nobody waits for it.
void TestUpstreamControl::cancelWhileResolving()
{
    slowLookUpOver = false;
    {
        UpstreamClient client;
        CallRecorder cancelled;
        CallRecorder timedOut;
        CallRecorder left;
        UpstreamCall *call = client.start(postTo("http://slow.test:1/"), cancelled);
        UpstreamRequest request = postTo("http://slow.test:2/");
        request.timeouts.connectMs = 100;
        client.start(std::move(request), timedOut);
        client.start(postTo("http://slow.test:3/"), left);
        QVERIFY(!waitUntil([&] { return cancelled.finishes > 0; }, 30));
        const qint64 begin = monotonicNs();
        const UpstreamTimings timings = client.cancel(call);
        QVERIFY(monotonicNs() - begin < 20'000'000);
        QCOMPARE(timings.resolvedUs, -1);
        QVERIFY(waitUntil([&] { return timedOut.finishes == 1; }));
        QCOMPARE(timedOut.result.failure, UpstreamFailure::ConnectTimeout);
        QVERIFY(timedOut.finishedNs - begin < 120'000'000);
        QCOMPARE(cancelled.finishes, 0);
        QCOMPARE(left.finishes, 0);
    }
    slowLookUpOver = true;
}

void TestUpstreamControl::cancelFromWithin_data()
{
    QTest::addColumn<QString>("where");
    QTest::newRow("head") << QStringLiteral("head");
    QTest::newRow("body") << QStringLiteral("body");
    QTest::newRow("finished") << QStringLiteral("finished");
}

void TestUpstreamControl::cancelFromWithin()
{
    QFETCH(QString, where);
    ScriptedUpstream upstream([](Peer &peer) {
        peer.readRequest();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        peer.send("cd");
        peer.waitForClose();
    });
    UpstreamClient client;
    CallRecorder recorder;
    UpstreamCall *call = nullptr;
    qint64 cancelledNs = 0;
    const auto cancelHere = [&] {
        client.cancel(call);
        cancelledNs = monotonicNs();
    };
    if (where == u"head") {
        recorder.onHead = cancelHere;
    } else if (where == u"body") {
        recorder.onBody = [&](std::string_view) {
            cancelHere();
            return true;
        };
    } else {
        recorder.onFinished = cancelHere;
    }
    call = client.start(postTo(upstream.url()), recorder);
    QVERIFY(waitUntil([&] { return cancelledNs > 0; }));
    QCOMPARE(client.activeCalls(), 0);
    QCOMPARE(recorder.finishes, where == u"finished" ? 1 : 0);
    QCOMPARE(recorder.pieces > 0, where != u"head");
    if (where != u"finished") {
        QVERIFY(waitUntil([&] { return upstream.closed() == 1; }));
        QVERIFY(upstream.closedNs() - cancelledNs < kCloseLimitNs);
        QCOMPARE(recorder.finishes, 0);
    }
}

void TestUpstreamControl::cancelAnotherFromWithin_data()
{
    cancelFromWithin_data();
}

void TestUpstreamControl::cancelAnotherFromWithin()
{
    QFETCH(QString, where);
    std::atomic<int> victims = 0;
    ScriptedUpstream upstream([&](Peer &peer) {
        peer.readRequest();
        if (peer.request().contains("X-Victim")) {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
            ++victims;
        } else {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
        }
        peer.waitForClose();
    });
    UpstreamClient client;
    std::deque<CallRecorder> victim(3);
    std::vector<UpstreamCall *> victimCalls;
    for (CallRecorder &each : victim) {
        UpstreamRequest request = postTo(upstream.url());
        request.fields.push_back("X-Victim: 1");
        victimCalls.push_back(client.start(std::move(request), each));
    }
    QVERIFY(waitUntil([&] { return victims == 3; }));
    CallRecorder recorder;
    CallRecorder fresh;
    qint64 cancelledNs = 0;
    const auto cancelHere = [&] {
        for (UpstreamCall *each : victimCalls) {
            client.cancel(each);
        }
        // One that has just been asked for, too.
        client.cancel(client.start(postTo(upstream.url()), fresh));
        cancelledNs = monotonicNs();
    };
    if (where == u"head") {
        recorder.onHead = cancelHere;
    } else if (where == u"body") {
        recorder.onBody = [&](std::string_view) {
            cancelHere();
            return true;
        };
    } else {
        recorder.onFinished = cancelHere;
    }
    client.start(postTo(upstream.url()), recorder);
    QVERIFY(waitUntil([&] { return recorder.finishes == 1 && upstream.closed() == 3; }));
    QVERIFY(upstream.closedNs() - cancelledNs < kCloseLimitNs);
    QCOMPARE(client.activeCalls(), 0);
    QCOMPARE(fresh.heads + fresh.finishes, 0);
    for (const CallRecorder &each : victim) {
        QCOMPARE(each.finishes, 0);
    }
}

void TestUpstreamControl::cancelOnePausedOfMany()
{
    ScriptedUpstream upstream([](Peer &peer) {
        peer.readRequest();
        peer.send(plainAnswer(QByteArray(300'000, 'x')));
        peer.waitForClose();
    });
    UpstreamClient client;
    std::deque<CallRecorder> recorders(10);
    std::vector<UpstreamCall *> calls;
    for (CallRecorder &each : recorders) {
        each.onBody = [&each](std::string_view) { return each.pieces > 1; };
        calls.push_back(client.start(postTo(upstream.url()), each));
    }
    QVERIFY(waitUntil([&] {
        return std::all_of(recorders.begin(), recorders.end(),
                           [](const auto &each) { return each.pieces == 1; });
    }));
    // Resumed and cancelled before the event loop gets to it.
    for (size_t i = 0; i < calls.size(); ++i) {
        client.resume(calls[i]);
        if (i % 2 == 0) {
            client.cancel(calls[i]);
        }
    }
    QVERIFY(waitUntil([&] { return client.activeCalls() == 0; }));
    for (size_t i = 0; i < recorders.size(); ++i) {
        QCOMPARE(recorders[i].finishes, i % 2 == 0 ? 0 : 1);
        QCOMPARE(recorders[i].pieces > 1, i % 2 != 0);
    }
}

void TestUpstreamControl::startAndCancelFromTurnEnded()
{
    ScriptedUpstream upstream([](Peer &peer) {
        while (peer.readRequest()) {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
            peer.waitForClose();
        }
    });
    UpstreamClient client;
    CallRecorder recorder;
    UpstreamCall *call = nullptr;
    int cancels = 0;
    client.setTurnEnded([&] {
        if (recorder.pieces > cancels && cancels < 20) {
            ++cancels;
            client.cancel(call);
            call = client.start(postTo(upstream.url()), recorder);
        }
    });
    call = client.start(postTo(upstream.url()), recorder);
    QVERIFY(waitUntil([&] { return recorder.pieces == 21; }));
    QCOMPARE(client.activeCalls(), 1);
    QCOMPARE(recorder.finishes, 0);
    QVERIFY(waitUntil([&] { return upstream.closed() == 20; }));
}

// Calls against an upstream with a mind of its own, paused, resumed and cancelled at random.
void TestUpstreamControl::randomStorm()
{
    std::atomic<unsigned> seed = 1;
    ScriptedUpstream upstream([&](Peer &peer) {
        std::minstd_rand random(++seed);
        while (peer.readRequest()) {
            switch (random() % 6) {
            case 0:
                peer.reset();
                return;
            case 1:
                peer.close();
                return;
            case 2:
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc");
                peer.reset();
                return;
            case 3:
                peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
                std::this_thread::sleep_for(std::chrono::milliseconds(random() % 5));
                peer.send("0\r\n\r\n");
                break;
            default:
                peer.send(plainAnswer(QByteArray(qsizetype(random() % 200'000), 'x')));
            }
        }
    });
    UpstreamClient client;
    std::minstd_rand random(42);
    struct Slot
    {
        CallRecorder recorder;
        UpstreamCall *call = nullptr;
        bool paused = false;
        bool doomed = false; ///< cancelled sooner or later; the others may end, however slowly
    };
    std::deque<Slot> slots(30);
    int started = 0;
    int finished = 0;
    int cancelled = 0;
    for (Slot &slot : slots) {
        slot.recorder.onBody = [&](std::string_view) {
            switch (random() % 8) {
            case 0: {
                Slot &other = slots[random() % slots.size()];
                if (other.call) {
                    client.cancel(std::exchange(other.call, nullptr));
                    ++cancelled;
                }
                return true;
            }
            case 1:
            case 2:
                slot.paused = true;
                return false;
            default:
                return true;
            }
        };
        slot.recorder.onFinished = [&] {
            slot.call = nullptr;
            ++finished;
        };
    }
    constexpr int kCalls = 3000;
    const bool done = waitUntil(
        [&] {
            for (Slot &slot : slots) {
                if (!slot.call && started < kCalls) {
                    ++started;
                    slot.paused = false;
                    slot.doomed = random() % 3 == 0;
                    slot.call = client.start(postTo(upstream.url()), slot.recorder);
                } else if (slot.call && slot.doomed && random() % 40 == 0) {
                    client.cancel(std::exchange(slot.call, nullptr));
                    ++cancelled;
                } else if (slot.call && slot.paused && random() % 2 == 0) {
                    slot.paused = false;
                    client.resume(slot.call);
                }
            }
            return started == kCalls && client.activeCalls() == 0;
        },
        30'000);
    QVERIFY(done);
    QCOMPARE(finished + cancelled, kCalls);
    QVERIFY2(finished > 100, qPrintable(QString::number(finished)));
    QVERIFY2(cancelled > 50, qPrintable(QString::number(cancelled)));
}

int main(int argc, char **argv)
{
    return runUpstreamTest<TestUpstreamControl>(argc, argv);
}
#include "tst_upstreamcontrol.moc"
