// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/upstream/deadlinequeue.h"

#include <QTest>

#include <algorithm>
#include <random>
#include <vector>

using namespace tidegate;

class TestDeadlineQueue : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void emptyQueueHasNoFirst();
    void firstIsAlwaysTheEarliest();
    void removingTwiceIsHarmless();
};

void TestDeadlineQueue::emptyQueueHasNoFirst()
{
    DeadlineQueue queue;
    QVERIFY(!queue.first());
    Deadline one;
    queue.set(one, 5);
    QCOMPARE(queue.first(), &one);
    queue.remove(one);
    QVERIFY(!queue.first());
}

// Adds, moves and removes at random and compares with a plain search after each step.
void TestDeadlineQueue::firstIsAlwaysTheEarliest()
{
    std::mt19937 random(7);
    DeadlineQueue queue;
    std::vector<Deadline> all(200);
    for (int step = 0; step < 20'000; ++step) {
        Deadline &each = all[random() % all.size()];
        if (random() % 3 == 0) {
            queue.remove(each);
        } else {
            queue.set(each, qint64(random() % 1000));
        }
        qint64 earliest = -1;
        for (const Deadline &other : all) {
            if (other.slot != Deadline::kNotQueued && (earliest < 0 || other.dueNs < earliest)) {
                earliest = other.dueNs;
            }
        }
        QCOMPARE(queue.first() ? queue.first()->dueNs : -1, earliest);
    }
}

void TestDeadlineQueue::removingTwiceIsHarmless()
{
    DeadlineQueue queue;
    Deadline one;
    Deadline two;
    queue.set(one, 1);
    queue.set(two, 2);
    queue.remove(one);
    queue.remove(one);
    QCOMPARE(queue.first(), &two);
}

QTEST_GUILESS_MAIN(TestDeadlineQueue)
#include "tst_deadlinequeue.moc"
