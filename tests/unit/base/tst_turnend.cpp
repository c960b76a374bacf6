// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/base/turnend.h"

#include <QtGlobal>
#ifdef Q_OS_LINUX
#include "gateway/base/epolldispatcher.h"
#endif

#include <QCoreApplication>
#include <QStringList>
#include <QTest>
#include <QThread>
#include <QTimer>

#include <memory>

using namespace tidegate;

/// Work at the end of a turn, under Qt's own event dispatcher and under ours.
class TestTurnEnd : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void runs_data();
    void runs();
    void inOrderAndOnce();
    void workMakesWork();
    void endlessWorkLetsTheLoopRun();
    void forgottenWithItsOwner();
};

void TestTurnEnd::runs_data()
{
    QTest::addColumn<bool>("ownDispatcher");
    QTest::addColumn<bool>("fromTimer");
    QTest::newRow("Qt's dispatcher, posted event") << false << false;
    QTest::newRow("Qt's dispatcher, timer") << false << true;
    QTest::newRow("our dispatcher, posted event") << true << false;
    QTest::newRow("our dispatcher, timer") << true << true;
}

// Whatever made the work: nothing else may be needed to wake the thread up.
void TestTurnEnd::runs()
{
    QFETCH(bool, ownDispatcher);
    QFETCH(bool, fromTimer);
    QThread thread;
#ifdef Q_OS_LINUX
    if (ownDispatcher) {
        thread.setEventDispatcher(new EpollDispatcher);
    }
#else
    Q_UNUSED(ownDispatcher)
#endif
    TurnEnd work(TurnEnd::Stage::Answers, [&thread] { thread.quit(); });
    QTimer maker; // its event, whether posted or of the clock, is what makes work
    maker.setSingleShot(true);
    maker.callOnTimeout(&maker, [&work] { work.schedule(); });
    maker.moveToThread(&thread);
    thread.start();
    QMetaObject::invokeMethod(
        &maker,
        [&maker, &work, fromTimer] {
            if (fromTimer) {
                maker.start(1);
            } else {
                work.schedule();
            }
        },
        Qt::QueuedConnection);
    QVERIFY2(thread.wait(5000), "the work was not done");
}

void TestTurnEnd::inOrderAndOnce()
{
    QStringList done;
    TurnEnd uploads(TurnEnd::Stage::Uploads, [&done] { done.append(QStringLiteral("uploads")); });
    TurnEnd answers(TurnEnd::Stage::Answers, [&done] { done.append(QStringLiteral("answers")); });
    TurnEnd requests(TurnEnd::Stage::Requests,
                     [&done] { done.append(QStringLiteral("requests")); });
    uploads.schedule();
    answers.schedule();
    requests.schedule();
    answers.schedule();
    QVERIFY(done.isEmpty());
    QCoreApplication::processEvents();
    QCOMPARE(done.join(u' '), QStringLiteral("requests answers uploads"));
    QCoreApplication::processEvents();
    QCOMPARE(done.size(), 3);
}

void TestTurnEnd::workMakesWork()
{
    QStringList done;
    TurnEnd requests(TurnEnd::Stage::Requests,
                     [&done] { done.append(QStringLiteral("requests")); });
    TurnEnd uploads(TurnEnd::Stage::Uploads, [&done] { done.append(QStringLiteral("uploads")); });
    TurnEnd answers(TurnEnd::Stage::Answers, [&] {
        done.append(QStringLiteral("answers"));
        uploads.schedule();
        requests.schedule();
    });
    answers.schedule();
    QCoreApplication::processEvents();
    QCOMPARE(done.join(u' '), QStringLiteral("answers uploads requests"));
}

void TestTurnEnd::endlessWorkLetsTheLoopRun()
{
    int runs = 0;
    std::unique_ptr<TurnEnd> again;
    again = std::make_unique<TurnEnd>(TurnEnd::Stage::Calls, [&] {
        ++runs;
        again->schedule();
    });
    again->schedule();
    bool timer = false;
    QTimer clock;
    clock.setSingleShot(true);
    clock.callOnTimeout(&clock, [&timer] { timer = true; });
    clock.start(5);
    QTRY_VERIFY(timer);
    QVERIFY(runs > 8);
    again.reset();
    const int before = runs;
    QCoreApplication::processEvents();
    QCOMPARE(runs, before);
}

void TestTurnEnd::forgottenWithItsOwner()
{
    int runs = 0;
    auto first = std::make_unique<TurnEnd>(TurnEnd::Stage::Answers, [&runs] { ++runs; });
    std::unique_ptr<TurnEnd> second;
    TurnEnd killer(TurnEnd::Stage::Requests, [&] { second.reset(); });
    second = std::make_unique<TurnEnd>(TurnEnd::Stage::Answers, [&runs] { ++runs; });
    first->schedule();
    second->schedule();
    killer.schedule();
    first.reset();
    QCoreApplication::processEvents();
    QCOMPARE(runs, 0);
}

QTEST_GUILESS_MAIN(TestTurnEnd)
#include "tst_turnend.moc"
