// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/lanegate.h"

#include <QTest>
#include <QThread>

#include <atomic>
#include <memory>
#include <vector>

using namespace Qt::StringLiterals;
using namespace tidegate;
using State = LaneGate::State;

/// Waiting for a backend that is being started, from several threads.
class TestLaneGate : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void isOpenForEverybodyElse()
    {
        LaneGate gate;
        QVERIFY(gate.isOpen());
        QCOMPARE(gate.localPort(), quint16(0));
        gate.wake(); // nobody to wake
    }

    void wakesOnce()
    {
        LaneGate gate;
        int woken = 0;
        gate.setWaker([&woken] { ++woken; });
        gate.wake();
        QCOMPARE(woken, 0); // it is awake
        gate.set(State::Asleep, 0, 0, u"is stopped"_s);
        gate.wake();
        gate.wake();
        const auto wait = gate.wait(this, 0, [] {});
        QCOMPARE(woken, 1);
        gate.set(State::Asleep, 0, 0, u"is stopped"_s); // it fell asleep again
        gate.wake();
        QCOMPARE(woken, 2);
        QCOMPARE(gate.reason(), u"is stopped"_s);
    }

    void tellsWhoWaits_data()
    {
        QTest::addColumn<int>("end");
        QTest::newRow("open") << int(State::Open);
        QTest::newRow("shut") << int(State::Shut);
    }
    void tellsWhoWaits()
    {
        QFETCH(int, end);
        LaneGate gate;
        gate.set(State::Starting, 0, 0, {});
        int told = 0;
        auto wait = gate.wait(this, 0, [&told] { ++told; });
        QCOMPARE(gate.waiting(), 1);
        gate.set(State::Asleep, 0, 0, {});
        gate.set(State::Starting, 0, 0, {});
        QCoreApplication::processEvents();
        QCOMPARE(told, 0);
        gate.set(State(end), 1234, 0, {});
        QCOMPARE(told, 0); // never from within
        QCOMPARE(gate.waiting(), 0);
        QTRY_COMPARE(told, 1);
        gate.set(State::Open, 1234, 0, {});
        QCoreApplication::processEvents();
        QCOMPARE(told, 1);
    }

    void tellsWhoComesTooLate()
    {
        LaneGate gate;
        int told = 0;
        const auto wait = gate.wait(this, 0, [&told] { ++told; });
        QCOMPARE(told, 0);
        QTRY_COMPARE(told, 1);
    }

    void forgetsWhoLeaves()
    {
        LaneGate gate;
        gate.set(State::Starting, 0, 0, {});
        const auto held = std::make_shared<int>(0);
        auto wait = gate.wait(this, 20, [held] { ++*held; });
        auto second = gate.wait(this, 0, [held] { ++*held; });
        wait.release();
        QCOMPARE(gate.waiting(), 1);
        gate.set(State::Open, 0, 0, {});
        second.release(); // its call was on its way
        QTest::qWait(50);
        QCOMPARE(*held, 0);
        QCOMPARE(held.use_count(), 1L);
    }

    void hasPatience()
    {
        LaneGate gate;
        gate.set(State::Starting, 0, 0, {});
        int told = 0;
        const auto wait = gate.wait(this, 20, [&told] { ++told; });
        QTRY_COMPARE(told, 1);
        QCOMPARE(gate.waiting(), 0);
        gate.set(State::Open, 0, 0, {});
        QCoreApplication::processEvents();
        QCOMPARE(told, 1);
    }

    void isSharedByThreads()
    {
        LaneGate gate;
        gate.setWaker([] {});
        gate.set(State::Asleep, 0, 0, {});
        constexpr int kThreads = 4;
        constexpr int kRounds = 200;
        std::atomic<int> told{0};
        std::vector<std::unique_ptr<QThread>> threads;
        for (int i = 0; i < kThreads; ++i) {
            threads.emplace_back(QThread::create([&gate, &told, i] {
                QObject context;
                for (int round = 0; round < kRounds; ++round) {
                    bool mine = false;
                    auto wait = gate.wait(&context, 0, [&mine] { mine = true; });
                    if ((round + i) % 3 == 0) {
                        wait.release();
                        ++told;
                        continue;
                    }
                    while (!mine) {
                        QCoreApplication::processEvents(QEventLoop::AllEvents, 1);
                    }
                    ++told;
                }
            }));
            threads.back()->start();
        }
        while (told.load() < kThreads * kRounds) {
            gate.set(State::Open, 1, 0, u"a"_s);
            gate.set(State::Asleep, 0, 0, u"b"_s);
            gate.set(State::Shut, 0, 1, u"c"_s);
            gate.set(State::Starting, 0, 0, u"d"_s);
            QThread::usleep(50);
        }
        for (const auto &thread : threads) {
            QVERIFY(thread->wait(10'000));
        }
        QCOMPARE(gate.waiting(), 0);
    }
};

QTEST_GUILESS_MAIN(TestLaneGate)
#include "tst_lanegate.moc"
