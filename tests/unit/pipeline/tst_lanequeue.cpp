// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/lanequeue.h"

#include <QElapsedTimer>
#include <QSemaphore>
#include <QTest>
#include <QThread>

#include <atomic>
#include <memory>
#include <vector>

using namespace tidegate;

class LaneQueueTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void withoutABoundEverybodyEnters();
    void placesAreKept();
    void firstComeFirstServed();
    void nobodyOvertakes();
    void fullQueueRefuses();
    void waitingTakesAFreePlace();
    void timeOut();
    void leavingTheQueue();
    void leavingWhileThePlaceIsOnItsWay();
    void newBoundsCountAtOnce();
    void releasingInTheCallback();
    void fourThreads();
};

void LaneQueueTest::withoutABoundEverybodyEnters()
{
    LaneQueue queue;
    std::vector<LaneQueue::Slot> slots;
    for (int i = 0; i < 100; ++i) {
        slots.push_back(queue.tryEnter());
        QVERIFY(slots.back().isHeld());
    }
    QCOMPARE(queue.active(), 100);
    slots.clear();
    QCOMPARE(queue.active(), 0);
}

void LaneQueueTest::placesAreKept()
{
    LaneQueue queue;
    queue.setBounds(2, 10);
    LaneQueue::Slot first = queue.tryEnter();
    LaneQueue::Slot second = queue.tryEnter();
    QVERIFY(!queue.tryEnter());
    QVERIFY(queue.isFull());
    LaneQueue::Slot moved = std::move(first);
    QVERIFY(moved.isHeld() && !first);
    QCOMPARE(queue.active(), 2);
    moved.release();
    moved.release();
    QCOMPARE(queue.active(), 1);
    QVERIFY(queue.tryEnter().isHeld());
}

void LaneQueueTest::firstComeFirstServed()
{
    LaneQueue queue;
    queue.setBounds(1, 10);
    LaneQueue::Slot holder = queue.tryEnter();
    QList<int> order;
    std::vector<LaneQueue::Slot> waiting(4);
    for (int i = 0; i < 4; ++i) {
        waiting[size_t(i)] = queue.wait(this, 0, [&order, &waiting, i](bool entered) {
            QVERIFY(entered && waiting[size_t(i)].isHeld());
            order.append(i);
            waiting[size_t(i)].release();
        });
        QVERIFY(waiting[size_t(i)].isWaiting());
    }
    QCOMPARE(queue.waiting(), 4);
    holder.release();
    QTRY_COMPARE(order, QList<int>({0, 1, 2, 3}));
    QCOMPARE(queue.active(), 0);
    QCOMPARE(queue.waiting(), 0);
}

void LaneQueueTest::nobodyOvertakes()
{
    LaneQueue queue;
    queue.setBounds(2, 10);
    LaneQueue::Slot a = queue.tryEnter();
    LaneQueue::Slot b = queue.tryEnter();
    bool entered = false;
    const LaneQueue::Slot waiting = queue.wait(this, 0, [&entered](bool) { entered = true; });
    const LaneQueue::Slot second = queue.wait(this, 0, [](bool) {});
    a.release();
    // The place belongs to the first one that waits, although it has not been told yet.
    QVERIFY(!entered);
    QVERIFY(!queue.tryEnter());
    QCOMPARE(queue.active(), 2);
    QTRY_VERIFY(entered);
}

void LaneQueueTest::fullQueueRefuses()
{
    LaneQueue queue;
    queue.setBounds(1, 1);
    const LaneQueue::Slot holder = queue.tryEnter();
    const LaneQueue::Slot waiting = queue.wait(this, 0, [](bool) {});
    QVERIFY(waiting.isWaiting());
    QVERIFY(!queue.wait(this, 0, [](bool) { QFAIL("refused"); }));
    QCOMPARE(queue.figures().refused, qint64(1));
    QCOMPARE(queue.figures().waiting, 1);
}

void LaneQueueTest::waitingTakesAFreePlace()
{
    LaneQueue queue;
    queue.setBounds(1, 0);
    bool entered = false;
    const LaneQueue::Slot slot = queue.wait(this, 0, [&entered](bool yes) { entered = yes; });
    QVERIFY(bool(slot) && !entered);
    QTRY_VERIFY(entered);
    QVERIFY(slot.isHeld());
}

void LaneQueueTest::timeOut()
{
    LaneQueue queue;
    queue.setBounds(1, 5);
    LaneQueue::Slot holder = queue.tryEnter();
    int told = 0;
    LaneQueue::Slot slot = queue.wait(this, 20, [&told, &slot](bool entered) {
        QVERIFY(!entered);
        ++told;
        slot.release();
    });
    QTRY_COMPARE(told, 1);
    QCOMPARE(queue.waiting(), 0);
    QCOMPARE(queue.figures().timedOut, qint64(1));
    QCOMPARE(queue.active(), 1);
    holder.release();
    QVERIFY(queue.tryEnter().isHeld());
    QCOMPARE(told, 1);
}

void LaneQueueTest::leavingTheQueue()
{
    LaneQueue queue;
    queue.setBounds(1, 5);
    LaneQueue::Slot holder = queue.tryEnter();
    LaneQueue::Slot leaver = queue.wait(this, 1000, [](bool) { QFAIL("left"); });
    bool entered = false;
    const LaneQueue::Slot stayer = queue.wait(this, 1000, [&entered](bool yes) { entered = yes; });
    leaver.release();
    QCOMPARE(queue.waiting(), 1);
    holder.release();
    QTRY_VERIFY(entered);
}

void LaneQueueTest::leavingWhileThePlaceIsOnItsWay()
{
    LaneQueue queue;
    queue.setBounds(1, 5);
    LaneQueue::Slot holder = queue.tryEnter();
    LaneQueue::Slot leaver = queue.wait(this, 0, [](bool) { QFAIL("left"); });
    bool entered = false;
    const LaneQueue::Slot stayer = queue.wait(this, 0, [&entered](bool yes) { entered = yes; });
    holder.release(); // grants the leaver's place
    leaver.release();
    QTRY_VERIFY(entered);
    QCOMPARE(queue.active(), 1);
}

void LaneQueueTest::newBoundsCountAtOnce()
{
    LaneQueue queue;
    queue.setBounds(1, 5);
    LaneQueue::Slot holder = queue.tryEnter();
    int entered = 0;
    std::vector<LaneQueue::Slot> waiting;
    for (int i = 0; i < 3; ++i) {
        waiting.push_back(queue.wait(this, 0, [&entered](bool) { ++entered; }));
    }
    queue.setBounds(3, 5);
    QTRY_COMPARE(entered, 2);
    QCOMPARE(queue.active(), 3);
    queue.setBounds(1, 5); // who is in stays in
    holder.release();
    QCOMPARE(queue.active(), 2);
    QCOMPARE(queue.waiting(), 1);
    queue.setBounds(0, 5);
    QTRY_COMPARE(entered, 3);
}

void LaneQueueTest::releasingInTheCallback()
{
    LaneQueue queue;
    queue.setBounds(1, 5);
    LaneQueue::Slot holder = queue.tryEnter();
    auto slot = std::make_unique<LaneQueue::Slot>();
    bool done = false;
    *slot = queue.wait(this, 5, [&slot, &done](bool entered) {
        QVERIFY(!entered);
        slot.reset(); // as an exchange does that ends here
        done = true;
    });
    QTRY_VERIFY(done);
    QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
}

namespace {

/// Requests of one engine thread: each enters, stays for a moment, leaves or gives up.
class Client : public QObject
{
public:
    Client(LaneQueue &queue, std::atomic<int> &inside, std::atomic<int> &most, int count)
        : m_queue(queue)
        , m_inside(inside)
        , m_most(most)
        , m_left(count)
    {
    }

    QSemaphore finished;
    std::atomic<int> served{0};
    std::atomic<int> gaveUp{0};

    void next()
    {
        if (m_left-- == 0) {
            finished.release();
            return;
        }
        auto slot = std::make_shared<LaneQueue::Slot>(m_queue.tryEnter());
        if (*slot) {
            work(slot);
            return;
        }
        *slot = m_queue.wait(this, m_left % 7 == 0 ? 1 : 0, [this, slot](bool entered) mutable {
            const auto mine = slot;
            if (entered) {
                work(mine);
            } else {
                ++gaveUp;
                mine->release();
                next();
            }
        });
        if (!*slot) {
            ++gaveUp;
            QMetaObject::invokeMethod(
                this, [this] { next(); }, Qt::QueuedConnection);
        } else if (m_left % 11 == 0) {
            // The client left.
            slot->release();
            ++gaveUp;
            QMetaObject::invokeMethod(
                this, [this] { next(); }, Qt::QueuedConnection);
        }
    }

private:
    void work(const std::shared_ptr<LaneQueue::Slot> &slot)
    {
        const int now = ++m_inside;
        int most = m_most.load();
        while (now > most && !m_most.compare_exchange_weak(most, now)) {
        }
        QMetaObject::invokeMethod(
            this,
            [this, slot] {
                --m_inside;
                slot->release();
                ++served;
                next();
            },
            Qt::QueuedConnection);
    }

    LaneQueue &m_queue;
    std::atomic<int> &m_inside;
    std::atomic<int> &m_most;
    int m_left;
};

} // namespace

void LaneQueueTest::fourThreads()
{
    constexpr int kThreads = 4;
    constexpr int kClients = 4;
    constexpr int kRequests = 1500;
    LaneQueue queue;
    queue.setBounds(3, 100);
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::vector<std::unique_ptr<QThread>> threads;
    std::vector<Client *> clients;
    for (int t = 0; t < kThreads; ++t) {
        threads.push_back(std::make_unique<QThread>());
        threads.back()->start();
        for (int c = 0; c < kClients; ++c) {
            auto *client = new Client(queue, inside, most, kRequests);
            client->moveToThread(threads.back().get());
            connect(threads.back().get(), &QThread::finished, client, &QObject::deleteLater);
            clients.push_back(client);
            QMetaObject::invokeMethod(
                client, [client] { client->next(); }, Qt::QueuedConnection);
        }
    }
    // A lost wake-up would leave somebody waiting for ever.
    int served = 0;
    int gaveUp = 0;
    for (Client *client : clients) {
        QVERIFY(client->finished.tryAcquire(1, 20'000));
        served += client->served;
        gaveUp += client->gaveUp;
    }
    QCOMPARE(served + gaveUp, kThreads * kClients * kRequests);
    QVERIFY2(most == 3, qPrintable(QString::number(most)));
    QVERIFY(served > kThreads * kClients * kRequests / 2);
    QCOMPARE(queue.active(), 0);
    QCOMPARE(queue.waiting(), 0);
    for (const auto &thread : threads) {
        thread->quit();
        QVERIFY(thread->wait(10'000));
    }
}

QTEST_GUILESS_MAIN(LaneQueueTest)
#include "tst_lanequeue.moc"
