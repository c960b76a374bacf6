// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/base/epolldispatcher.h"
#include "gateway/base/fdwatch.h"

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QSocketNotifier>
#include <QTemporaryFile>
#include <QTest>
#include <QThread>
#include <QTimer>

#include <functional>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace tidegate;

namespace {

/// A pair of connected, non-blocking sockets.
struct Pair
{
    Pair() { socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds); }
    ~Pair()
    {
        closeOne(0);
        closeOne(1);
    }
    Pair(const Pair &) = delete;
    Pair &operator=(const Pair &) = delete;
    void closeOne(int i)
    {
        if (fds[i] >= 0) {
            ::close(std::exchange(fds[i], -1));
        }
    }
    void say(int i) const { (void)!::write(fds[i], "x", 1); }
    void hear(int i) const
    {
        char buffer[64];
        (void)!::read(fds[i], buffer, sizeof buffer);
    }
    int fds[2] = {-1, -1};
};

/// A thread on the dispatcher of the test row that runs one body.
class BodyThread final : public QThread
{
public:
    explicit BodyThread(std::function<QByteArray()> body)
        : m_body(std::move(body))
    {
    }
    QByteArray result;

protected:
    void run() override { result = m_body(); }

private:
    std::function<QByteArray()> m_body;
};

QByteArray runBody(bool epoll, std::function<QByteArray()> body)
{
    BodyThread thread(std::move(body));
    if (epoll) {
        thread.setEventDispatcher(new EpollDispatcher);
    }
    thread.start();
    return thread.wait(20'000) ? thread.result : QByteArray("hangs");
}

/// Runs the loop until @p condition or for five seconds.
void spin(const std::function<bool()> &condition)
{
    QElapsedTimer timer;
    timer.start();
    QEventLoop loop;
    QTimer limit;
    limit.start(50); // so that WaitForMoreEvents comes back
    while (!condition() && timer.elapsed() < 5000) {
        loop.processEvents(QEventLoop::WaitForMoreEvents);
    }
}

/// One pass without waiting, repeated because a wake-up may be the only thing in it.
void pass(int times = 3)
{
    QEventLoop loop;
    for (int i = 0; i < times; ++i) {
        loop.processEvents();
    }
}

using Owned = std::unique_ptr<QSocketNotifier>;

Owned notifier(int fd, QSocketNotifier::Type type, std::function<void()> action)
{
    auto made = std::make_unique<QSocketNotifier>(fd, type);
    QObject::connect(made.get(), &QSocketNotifier::activated, made.get(), std::move(action));
    return made;
}

struct Watcher final : public FdWatcher
{
    void fdReady(bool readable, bool writable) override
    {
        reads += readable ? 1 : 0;
        writes += writable ? 1 : 0;
        if (onReady) {
            onReady();
        }
    }
    void fdHungUp() override
    {
        ++hangUps;
        if (onHungUp) {
            onHungUp();
        }
    }
    std::function<void()> onReady;
    std::function<void()> onHungUp;
    int reads = 0;
    int writes = 0;
    int hangUps = 0;
};

} // namespace

/// EpollDispatcher held against Qt's own dispatcher: each body runs on both and must tell the same.
class TestEpollDispatcher : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void semantics_data();
    void semantics();
    void timerAccuracy_data();
    void timerAccuracy();
    void wakesFromOtherThreads_data();
    void wakesFromOtherThreads();
    void fdWatch_data();
    void fdWatch();
    void hangUpWithoutReading();
    void numberReusedAtOnce();
    void duplicateOutlivesItsWatch();
    void thousandsOfDescriptors();

private:
    using Body = std::function<QByteArray()>;
    static QList<std::tuple<const char *, Body, QByteArray>> bodies();
};

QList<std::tuple<const char *, TestEpollDispatcher::Body, QByteArray>> TestEpollDispatcher::bodies()
{
    const auto number = [](int n) { return QByteArray::number(n); };
    return {
        {"read notifier is level-triggered",
         [=]() -> QByteArray {
             Pair pair;
             int count = 0;
             Owned n = notifier(pair.fds[0], QSocketNotifier::Read, [&] { ++count; });
             pass();
             const int before = count;
             pair.say(1);
             pass(1);
             pass(1);
             const int unread = count;
             pair.hear(0);
             pass();
             return number(before) + ' ' + number(unread) + ' ' + number(count);
         },
         "0 2 2"},
        {"read and write notifiers of one descriptor",
         [=]() -> QByteArray {
             Pair pair;
             QByteArray trace;
             Owned w = notifier(pair.fds[0], QSocketNotifier::Write, [&] {
                 trace += 'w';
                 w->setEnabled(false);
             });
             Owned r = notifier(pair.fds[0], QSocketNotifier::Read, [&] {
                 trace += 'r';
                 pair.hear(0);
             });
             pair.say(1);
             pass();
             pair.say(1);
             pass();
             w->setEnabled(true);
             pass();
             return trace;
         },
         "rwrw"},
        {"disabled and enabled again in one pass",
         [=]() -> QByteArray {
             Pair pair;
             int count = 0;
             Owned n = notifier(pair.fds[0], QSocketNotifier::Read, [&] {
                 ++count;
                 pair.hear(0);
             });
             pass();
             for (int i = 0; i < 3; ++i) {
                 n->setEnabled(false);
                 n->setEnabled(true);
             }
             pair.say(1);
             pass();
             n->setEnabled(false);
             pair.say(1);
             pass();
             return number(count);
         },
         "1"},
        {"a notifier that deletes another one that is due, too",
         [=]() -> QByteArray {
             Pair a;
             Pair b;
             int count = 0;
             std::unique_ptr<QSocketNotifier> first;
             std::unique_ptr<QSocketNotifier> second;
             first = notifier(a.fds[0], QSocketNotifier::Read, [&] {
                 ++count;
                 first->setEnabled(false);
                 second.reset();
             });
             second = notifier(b.fds[0], QSocketNotifier::Read, [&] {
                 ++count;
                 second->setEnabled(false);
                 first.reset();
             });
             a.say(1);
             b.say(1);
             pass();
             return number(count);
         },
         "1"},
        {"peer closed: read and write are both told",
         [=]() -> QByteArray {
             Pair pair;
             QByteArray trace;
             Owned r = notifier(pair.fds[0], QSocketNotifier::Read, [&] {
                 trace += 'r';
                 r->setEnabled(false);
             });
             pass();
             pair.closeOne(1);
             pass();
             Owned w = notifier(pair.fds[0], QSocketNotifier::Write, [&] {
                 trace += 'w';
                 w->setEnabled(false);
             });
             pass();
             return trace;
         },
         "rw"},
        {"a broken pipe wakes the write notifier",
         [=]() -> QByteArray {
             int fds[2];
             (void)!pipe2(fds, O_NONBLOCK | O_CLOEXEC);
             char block[4096] = {};
             while (::write(fds[1], block, sizeof block) > 0) {
             }
             int count = 0;
             Owned w = notifier(fds[1], QSocketNotifier::Write, [&] {
                 ++count;
                 w->setEnabled(false);
             });
             pass();
             const int full = count;
             ::close(fds[0]);
             pass();
             w.reset();
             ::close(fds[1]);
             return number(full) + ' ' + number(count);
         },
         "0 1"},
        {"a regular file is always ready",
         [=]() -> QByteArray {
             QTemporaryFile file;
             (void)file.open();
             int count = 0;
             Owned n = notifier(file.handle(), QSocketNotifier::Read, [&] {
                 ++count;
                 n->setEnabled(false);
             });
             pass();
             return number(count);
         },
         "1"},
        {"sockets can be left out",
         [=]() -> QByteArray {
             Pair pair;
             int count = 0;
             Owned n = notifier(pair.fds[0], QSocketNotifier::Read, [&] {
                 ++count;
                 pair.hear(0);
             });
             pair.say(1);
             QEventLoop loop;
             for (int i = 0; i < 3; ++i) {
                 loop.processEvents(QEventLoop::ExcludeSocketNotifiers);
             }
             const int without = count;
             bool fired = false;
             QTimer::singleShot(5, [&] { fired = true; });
             while (!fired) {
                 loop.processEvents(QEventLoop::ExcludeSocketNotifiers |
                                    QEventLoop::WaitForMoreEvents);
             }
             const int stillWithout = count;
             pass();
             return number(without) + ' ' + number(stillWithout) + ' ' + number(count);
         },
         "0 0 1"},
        {"posted events come before sockets and timers",
         [=]() -> QByteArray {
             Pair pair;
             QByteArray trace;
             QObject context;
             Owned n = notifier(pair.fds[0], QSocketNotifier::Read, [&] {
                 trace += 's';
                 pair.hear(0);
             });
             QTimer timer;
             timer.setSingleShot(true);
             QObject::connect(&timer, &QTimer::timeout, &context, [&] { trace += 't'; });
             timer.start(0);
             pair.say(1);
             QMetaObject::invokeMethod(
                 &context, [&] { trace += 'p'; }, Qt::QueuedConnection);
             pass();
             return trace;
         },
         "pst"},
        {"an event posted by an event is handled without waiting",
         [=]() -> QByteArray {
             QObject context;
             int depth = 0;
             std::function<void()> again = [&] {
                 if (++depth < 5) {
                     QMetaObject::invokeMethod(&context, again, Qt::QueuedConnection);
                 }
             };
             QMetaObject::invokeMethod(&context, again, Qt::QueuedConnection);
             QElapsedTimer timer;
             timer.start();
             spin([&] { return depth == 5; });
             return number(depth) + (timer.elapsed() < 1000 ? " soon" : " late");
         },
         "5 soon"},
        {"zero timers fire once in each pass",
         [=]() -> QByteArray {
             int count = 0;
             QTimer timer;
             QObject::connect(&timer, &QTimer::timeout, &timer, [&] { ++count; });
             timer.start(0);
             QEventLoop loop;
             for (int i = 0; i < 10; ++i) {
                 loop.processEvents();
             }
             return number(count);
         },
         "10"},
        {"timers fire in order of their time, then of their start",
         [=]() -> QByteArray {
             QByteArray trace;
             QObject context;
             for (const auto &[ms, letter] :
                  {std::pair(30, 'd'), {10, 'a'}, {20, 'c'}, {10, 'b'}}) {
                 QTimer::singleShot(ms, Qt::PreciseTimer, &context,
                                    [&trace, l = letter] { trace += l; });
             }
             QThread::msleep(40); // all are due in one pass
             pass();
             return trace;
         },
         "abcd"},
        {"a late timer does not catch up",
         [=]() -> QByteArray {
             int count = 0;
             QTimer timer;
             timer.setTimerType(Qt::PreciseTimer);
             QObject::connect(&timer, &QTimer::timeout, &timer, [&] { ++count; });
             timer.start(200);
             QThread::msleep(650);
             pass(5);
             return number(count);
         },
         "1"},
        {"a timer killed by another that is due, too",
         [=]() -> QByteArray {
             int count = 0;
             QTimer first;
             QTimer second;
             QObject::connect(&first, &QTimer::timeout, &first, [&] {
                 ++count;
                 second.stop();
                 first.stop();
             });
             QObject::connect(&second, &QTimer::timeout, &second, [&] {
                 ++count;
                 first.stop();
                 second.stop();
             });
             first.start(1);
             second.start(1);
             QThread::msleep(10);
             pass();
             return number(count);
         },
         "1"},
        {"a timer does not fire inside its own handler",
         [=]() -> QByteArray {
             int entered = 0;
             int deepest = 0;
             int depth = 0;
             QTimer timer;
             QObject::connect(&timer, &QTimer::timeout, &timer, [&] {
                 ++entered;
                 deepest = std::max(deepest, ++depth);
                 QThread::msleep(5);
                 pass();
                 --depth;
                 if (entered == 3) {
                     timer.stop();
                 }
             });
             timer.start(1);
             spin([&] { return entered >= 3; });
             return number(entered) + ' ' + number(deepest);
         },
         "3 1"},
        {"another timer does fire in a nested loop",
         [=]() -> QByteArray {
             QByteArray trace;
             QTimer inner;
             QObject::connect(&inner, &QTimer::timeout, &inner, [&] { trace += 'i'; });
             inner.setSingleShot(true);
             bool done = false;
             QTimer::singleShot(1, [&] {
                 trace += '(';
                 inner.start(5);
                 QEventLoop loop;
                 QObject::connect(&inner, &QTimer::timeout, &loop, &QEventLoop::quit);
                 loop.exec();
                 trace += ')';
                 done = true;
             });
             spin([&] { return done; });
             return trace;
         },
         "(i)"},
        {"what is registered of a timer",
         [=]() -> QByteArray {
             QObject object;
             QAbstractEventDispatcher *d = QAbstractEventDispatcher::instance();
             const int id = object.startTimer(5000, Qt::PreciseTimer);
             const int other = object.startTimer(7000, Qt::VeryCoarseTimer);
             QByteArray text;
             auto timers = d->registeredTimers(&object);
             std::sort(timers.begin(), timers.end(),
                       [](const auto &a, const auto &b) { return a.interval < b.interval; });
             for (const auto &each : timers) {
                 text += number(each.interval) + ':' + number(each.timerType) + ' ';
             }
             const int remaining = d->remainingTime(id);
             text += remaining > 4900 && remaining <= 5000 ? "left " : "off ";
             for (const bool gone : {d->unregisterTimer(id), d->unregisterTimer(id)}) {
                 text += number(gone);
             }
             text += number(int(d->registeredTimers(&object).size()));
             text += number(d->unregisterTimers(&object));
             text += number(int(d->registeredTimers(&object).size()));
             (void)other;
             return text;
         },
         "5000:0 7000:2 left 10110"},
        {"wakeUp() ends a wait",
         [=]() -> QByteArray {
             QAbstractEventDispatcher *d = QAbstractEventDispatcher::instance();
             d->wakeUp();
             d->wakeUp();
             QTimer guard; // ends the wait if the wake-up was lost
             guard.start(3000);
             QElapsedTimer timer;
             timer.start();
             d->processEvents(QEventLoop::WaitForMoreEvents);
             return QByteArray(timer.elapsed() < 2000 ? "woke" : "slept");
         },
         "woke"},
        {"awake and aboutToBlock are told",
         [=]() -> QByteArray {
             QByteArray trace;
             QAbstractEventDispatcher *d = QAbstractEventDispatcher::instance();
             pass();
             QObject::connect(d, &QAbstractEventDispatcher::awake, d, [&] { trace += 'a'; });
             QObject::connect(d, &QAbstractEventDispatcher::aboutToBlock, d, [&] { trace += 'b'; });
             QTimer timer;
             timer.start(20);
             d->processEvents(QEventLoop::AllEvents);
             const QByteArray without = std::exchange(trace, {});
             while (!trace.contains('b')) {
                 d->processEvents(QEventLoop::WaitForMoreEvents);
             }
             return without + ' ' + (trace.endsWith("ab") ? "ab" : trace);
         },
         "a ab"},
        {"interrupt() ends a loop from a notifier",
         [=]() -> QByteArray {
             Pair pair;
             QEventLoop loop;
             Owned n = notifier(pair.fds[0], QSocketNotifier::Read, [&] {
                 pair.hear(0);
                 loop.exit(7);
             });
             pair.say(1);
             return number(loop.exec());
         },
         "7"},
        {"deleteLater works",
         [=]() -> QByteArray {
             auto *object = new QObject;
             bool deleted = false;
             QEventLoop loop;
             QObject::connect(object, &QObject::destroyed, &loop, [&] { deleted = true; });
             QTimer::singleShot(0, object, [&] { object->deleteLater(); });
             QTimer::singleShot(20, &loop, &QEventLoop::quit);
             loop.exec();
             return QByteArray(deleted ? "deleted" : "left");
         },
         "deleted"},
    };
}

void TestEpollDispatcher::semantics_data()
{
    QTest::addColumn<bool>("epoll");
    QTest::addColumn<int>("index");
    const auto list = bodies();
    for (int i = 0; i < list.size(); ++i) {
        QTest::addRow("Qt: %s", std::get<0>(list[i])) << false << i;
        QTest::addRow("epoll: %s", std::get<0>(list[i])) << true << i;
    }
}

void TestEpollDispatcher::semantics()
{
    QFETCH(bool, epoll);
    QFETCH(int, index);
    const auto list = bodies();
    QCOMPARE(runBody(epoll, std::get<1>(list[index])), std::get<2>(list[index]));
}

void TestEpollDispatcher::timerAccuracy_data()
{
    QTest::addColumn<bool>("epoll");
    QTest::addColumn<int>("type");
    QTest::addColumn<int>("interval");
    QTest::addColumn<int>("earliest");
    for (const bool epoll : {false, true}) {
        const char *name = epoll ? "epoll" : "Qt";
        QTest::addRow("%s precise", name) << epoll << int(Qt::PreciseTimer) << 53 << 53;
        QTest::addRow("%s coarse", name) << epoll << int(Qt::CoarseTimer) << 400 << 380;
        QTest::addRow("%s short coarse", name) << epoll << int(Qt::CoarseTimer) << 7 << 7;
        QTest::addRow("%s very coarse", name) << epoll << int(Qt::VeryCoarseTimer) << 1000 << 450;
    }
}

void TestEpollDispatcher::timerAccuracy()
{
    QFETCH(bool, epoll);
    QFETCH(int, type);
    QFETCH(int, interval);
    QFETCH(int, earliest);
    const QByteArray elapsed = runBody(epoll, [=]() -> QByteArray {
        QElapsedTimer clock;
        QEventLoop loop;
        QTimer timer;
        timer.setTimerType(Qt::TimerType(type));
        timer.setSingleShot(true);
        QObject::connect(&timer, &QTimer::timeout, &loop, &QEventLoop::quit);
        clock.start();
        timer.start(interval);
        loop.exec();
        return QByteArray::number(clock.nsecsElapsed() / 1000);
    });
    const double ms = elapsed.toDouble() / 1000;
    QVERIFY2(ms >= earliest - 0.5, elapsed);
    QVERIFY2(ms < interval + 1500, elapsed); // generous: the machine may be busy
}

void TestEpollDispatcher::wakesFromOtherThreads_data()
{
    QTest::addColumn<bool>("epoll");
    QTest::newRow("Qt") << false;
    QTest::newRow("epoll") << true;
}

void TestEpollDispatcher::wakesFromOtherThreads()
{
    QFETCH(bool, epoll);
    // Round trips: a lost wake-up would hang one of them.
    constexpr int kTrips = 20'000;
    QThread thread;
    if (epoll) {
        thread.setEventDispatcher(new EpollDispatcher);
    }
    thread.start();
    QObject there;
    there.moveToThread(&thread);
    int seen = 0;
    for (int i = 0; i < kTrips; ++i) {
        const auto count = [&seen] { ++seen; };
        if (i % 4 == 0) {
            QMetaObject::invokeMethod(&there, count, Qt::BlockingQueuedConnection);
        } else {
            QMetaObject::invokeMethod(&there, count, Qt::QueuedConnection);
        }
    }
    QMetaObject::invokeMethod(
        &there, [] {}, Qt::BlockingQueuedConnection);
    QCOMPARE(seen, kTrips);
    thread.quit();
    QVERIFY(thread.wait(5000));
}

void TestEpollDispatcher::fdWatch_data()
{
    wakesFromOtherThreads_data();
}

void TestEpollDispatcher::fdWatch()
{
    QFETCH(bool, epoll);
    const QByteArray trace = runBody(epoll, []() -> QByteArray {
        QByteArray text;
        const auto note = [&text](const Watcher &w) {
            text += QByteArray::number(w.reads) + '/' + QByteArray::number(w.writes) + ' ';
        };
        Pair pair;
        Watcher watcher;
        auto watch = std::make_unique<FdWatch>(pair.fds[0], watcher);
        pair.say(1);
        pass();
        note(watcher); // no interest yet
        watch->setInterest(true, false);
        watcher.onReady = [&] { pair.hear(0); };
        pass();
        note(watcher);
        watch->setInterest(false, true);
        watcher.onReady = [&] { watch->setInterest(false, false); };
        pass();
        note(watcher);
        // Changes that cancel out, and then the watch is destroyed by its own call.
        watch->setInterest(true, true);
        watch->setInterest(false, false);
        pass();
        note(watcher);
        pair.say(1);
        watch->setInterest(true, false);
        watcher.onReady = [&] { watch.reset(); };
        pass();
        note(watcher);
        // Two that are due: whichever is first destroys the other.
        Pair other;
        Watcher second;
        std::unique_ptr<FdWatch> secondWatch;
        watch = std::make_unique<FdWatch>(pair.fds[0], watcher);
        secondWatch = std::make_unique<FdWatch>(other.fds[0], second);
        watcher.reads = 0;
        watch->setInterest(true, false);
        secondWatch->setInterest(true, false);
        watcher.onReady = [&] {
            watch->setInterest(false, false);
            secondWatch.reset();
        };
        second.onReady = [&] {
            secondWatch->setInterest(false, false);
            watch.reset();
        };
        other.say(1);
        pass();
        text += QByteArray::number(watcher.reads + second.reads);
        return text;
    });
    QCOMPARE(trace, "0/0 1/0 1/1 1/1 2/1 1");
}

void TestEpollDispatcher::hangUpWithoutReading()
{
    QCOMPARE(runBody(true,
                     []() -> QByteArray {
                         Pair pair;
                         Watcher watcher;
                         FdWatch watch(pair.fds[0], watcher);
                         watch.setHangUpInterest(true);
                         watcher.onHungUp = [&] { watch.setHangUpInterest(false); };
                         pair.say(1);
                         pass();
                         const QByteArray before = QByteArray::number(watcher.hangUps);
                         shutdown(pair.fds[1], SHUT_WR);
                         pass();
                         return before + ' ' + QByteArray::number(watcher.hangUps) + ' ' +
                                QByteArray::number(watcher.reads);
                     }),
             "0 1 0");
}

void TestEpollDispatcher::numberReusedAtOnce()
{
    // Unwatched, closed, and the same number watched again before the kernel is told anything.
    QCOMPARE(runBody(true,
                     []() -> QByteArray {
                         QByteArray text;
                         auto first = std::make_unique<Pair>();
                         const int fd = first->fds[0];
                         Watcher watcher;
                         std::optional<FdWatch> watch(std::in_place, fd, watcher);
                         watch->setInterest(true, false);
                         pass();
                         watch.reset();
                         first.reset();
                         Pair second;
                         if (second.fds[0] != fd) {
                             return QByteArray("another number");
                         }
                         watch.emplace(fd, watcher);
                         watch->setInterest(true, false);
                         watcher.onReady = [&] { second.hear(0); };
                         second.say(1);
                         pass();
                         text += QByteArray::number(watcher.reads) + ' ';
                         watch.reset();
                         // The same with notifiers.
                         int count = 0;
                         Owned n = notifier(fd, QSocketNotifier::Read, [] {});
                         pass();
                         n.reset();
                         second.closeOne(0);
                         second.closeOne(1);
                         Pair third;
                         n = notifier(third.fds[0], QSocketNotifier::Read, [&] {
                             ++count;
                             third.hear(0);
                         });
                         third.say(1);
                         pass();
                         return text + (third.fds[0] == fd ? "" : "another number ") +
                                QByteArray::number(count);
                     }),
             "1 1");
}

void TestEpollDispatcher::duplicateOutlivesItsWatch()
{
    // Closed while watched, but the file lives on: the kernel goes on telling, for ever.
    QCOMPARE(runBody(true,
                     []() -> QByteArray {
                         Pair pair;
                         Pair live;
                         const int duplicate = fcntl(pair.fds[0], F_DUPFD_CLOEXEC, 0);
                         Watcher watcher;
                         Watcher liveWatcher;
                         std::optional<FdWatch> watch(std::in_place, pair.fds[0], watcher);
                         FdWatch liveWatch(live.fds[0], liveWatcher);
                         liveWatcher.onReady = [&] { live.hear(0); };
                         liveWatch.setInterest(true, false);
                         watch->setInterest(true, false);
                         pass();
                         pair.closeOne(0);
                         watch.reset();
                         pair.say(1);
                         pass();
                         // A wait that such a descriptor would end at once.
                         QTimer guard;
                         guard.setTimerType(Qt::PreciseTimer);
                         guard.start(100);
                         QElapsedTimer timer;
                         timer.start();
                         QEventLoop().processEvents(QEventLoop::WaitForMoreEvents);
                         const bool waited = timer.elapsed() >= 90;
                         live.say(1);
                         pass();
                         ::close(duplicate);
                         return QByteArray(waited ? "waits " : "spins ") +
                                QByteArray::number(watcher.reads) + ' ' +
                                QByteArray::number(liveWatcher.reads);
                     }),
             "waits 0 1");
}

void TestEpollDispatcher::thousandsOfDescriptors()
{
    QCOMPARE(runBody(true,
                     []() -> QByteArray {
                         constexpr int kCount = 1500;
                         std::vector<Pair> pairs(kCount);
                         std::vector<Watcher> watchers(kCount);
                         std::vector<std::unique_ptr<FdWatch>> watches;
                         for (size_t i = 0; i < kCount; ++i) {
                             watchers[i].onReady = [&pairs, i] { pairs[i].hear(0); };
                             watches.push_back(
                                 std::make_unique<FdWatch>(pairs[i].fds[0], watchers[i]));
                             watches.back()->setInterest(true, false);
                             pairs[i].say(1);
                         }
                         pass(2 + kCount / 256);
                         int once = 0;
                         for (const Watcher &each : watchers) {
                             once += each.reads == 1 ? 1 : 0;
                         }
                         return QByteArray::number(once);
                     }),
             "1500");
}

int main(int argc, char **argv)
{
    // Without this Qt takes GLib's loop, whose order of things is another.
    qputenv("QT_NO_GLIB", "1");
    const QCoreApplication app(argc, argv);
    TestEpollDispatcher test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_epolldispatcher.moc"
