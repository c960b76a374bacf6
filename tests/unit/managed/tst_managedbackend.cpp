// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/base/clock.h"
#include "gateway/managed/managedcommand.h"
#include "tests/unit/managed/managedfixture.h"

#include <QFile>
#include <QSignalSpy>
#include <QTest>

#include <csignal>

using namespace Qt::StringLiterals;
using namespace tidegate;
using State = ManagedState;

/// A backend on demand: start, ready, idle, stop, and everything that goes wrong.
class TestManagedBackend : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { UpstreamClient::initialiseLibrary(); }

    void startsWhenItIsNeeded()
    {
        ManagedFixture f;
        f.manage(f.serverCommand(0.3));
        f.apply();
        QVERIFY(f.status().managed == State::Stopped);
        QVERIFY(f.status().reach == Reach::Asleep);
        QCOMPARE(f.processId(), 0);

        f.supervisor->need("b");
        QVERIFY(f.status().managed == State::Starting);
        QVERIFY(f.status().reach == Reach::Starting);
        QVERIFY(f.reaches(State::Ready));
        QVERIFY(f.status().reach == Reach::Open);
        const qint64 pid = f.processId();
        QVERIFY(ManagedFixture::isAlive(pid));
        // What it says is kept, without its secrets.
        QCOMPARE(f.status().output.size(), 1);
        QVERIFY(f.status().output.constFirst().startsWith(u"listening"_s));
        QVERIFY(!f.status().output.constFirst().contains(u"hunter2"_s));

        f.supervisor->need("b");
        QCOMPARE(f.processId(), pid);
        QVERIFY(f.supervisor->stop("b"));
        QVERIFY(f.status().managed == State::Stopping);
        QVERIFY(f.reaches(State::Stopped));
        QVERIFY(!ManagedFixture::isAlive(pid));
    }

    void runsNothingUnconfirmed()
    {
        ManagedFixture f;
        const QString mark = f.path(u"ran"_s);
        f.manage(u"touch '%1'"_s.arg(mark), u"touch '%1'"_s.arg(mark));
        f.apply(false);
        QVERIFY(f.status().managed == State::Unconfirmed);
        QVERIFY(f.status().reach == Reach::Shut);
        f.supervisor->need("b");
        QVERIFY(!f.supervisor->start("b"));
        (void)f.supervisor->stop("b");
        f.applyNothing();
        QTRY_VERIFY(f.supervisor->isEmpty());
        QVERIFY(!QFile::exists(mark));
    }

    void asksAgainForEveryOtherCommand()
    {
        ManagedFixture f;
        f.manage(u"server --a"_s, u"off"_s);
        const QByteArray hash = commandHash(f.config);
        const auto hashOf = [&f](const QString &start, const QString &stop) {
            f.manage(start, stop);
            return commandHash(f.config);
        };
        QCOMPARE(hashOf(u"server   --a"_s, u"off"_s), hash); // the same words
        QVERIFY(hashOf(u"server --b"_s, u"off"_s) != hash);
        QVERIFY(hashOf(u"server '--a off'"_s, {}) != hash);
        QVERIFY(hashOf(u"server"_s, u"--a off"_s) != hash);
        QVERIFY(hashOf(u"server --a off"_s, {}) != hash);
        f.manage(u"server --a"_s, u"off"_s);
        f.config.ssh.emplace();
        f.config.ssh->host = u"h"_s;
        f.config.ssh->remoteHost = u"r"_s;
        const QByteArray tunnelled = commandHash(f.config);
        QVERIFY(tunnelled != hash);
        f.config.ssh->user = u"root"_s;
        QVERIFY(commandHash(f.config) != tunnelled);

        // A running one with another, unconfirmed command is stopped and waits.
        f.config.ssh.reset();
        f.manage(f.serverCommand());
        f.apply();
        f.supervisor->need("b");
        QVERIFY(f.reaches(State::Ready));
        const qint64 pid = f.processId();
        f.manage(f.serverCommand(0.1));
        f.apply(false);
        QVERIFY(f.reaches(State::Unconfirmed));
        QVERIFY(!ManagedFixture::isAlive(pid));
    }

    void startsAgainAfterAnEdit()
    {
        ManagedFixture f;
        f.manage(f.serverCommand());
        f.apply();
        f.supervisor->need("b");
        QVERIFY(f.reaches(State::Ready));
        const qint64 pid = f.processId();
        // Other numbers change nothing in what runs.
        f.config.managed->idleMinutes = 100;
        f.apply();
        QVERIFY(f.status().managed == State::Ready);
        QCOMPARE(f.processId(), pid);

        f.manage(f.serverCommand(0.05));
        f.load.waiting = 1; // a request came meanwhile
        f.apply();
        QTRY_VERIFY(f.processId() != pid && f.processId() != 0);
        QVERIFY(f.reaches(State::Ready));
        QVERIFY(!ManagedFixture::isAlive(pid));
    }

    void waitsLongerAfterEachFailure()
    {
        ManagedFixture f;
        f.manage(
            u"sh -c 'echo run >> \"%1\"; echo \"no room, api_key=sk-hunter2hunter2\"; exit 3'"_s
                .arg(f.path(u"runs"_s)));
        f.apply();
        std::vector<qint64> delaysMs;
        for (int i = 1; i <= 4; ++i) {
            f.supervisor->need("b");
            QVERIFY(f.status().managed == State::Starting);
            QVERIFY(f.reaches(State::Failed));
            QCOMPARE(f.lineCount(u"runs"_s), i);
            QVERIFY(f.status().reach == Reach::Shut);
            delaysMs.push_back((f.status().retryNs - monotonicNs()) / 1'000'000);
            f.supervisor->need("b"); // too early
            QVERIFY(f.status().managed == State::Failed);
            // Who listens to it hears of it: the gate is only opened by signals.
            QSignalSpy changes(f.supervisor.get(), &ManagedSupervisor::changed);
            QVERIFY(changes.wait());
            QVERIFY(f.status().reach == Reach::Asleep);
        }
        QVERIFY2(f.status().detail.contains(u"exit code 3: no room"_s),
                 qPrintable(f.status().detail));
        QVERIFY(!f.status().detail.contains(u"hunter2"_s));
        QVERIFY(!f.status().why.contains(u"no room"_s)); // clients need not know
        // 100, 200, 400, 800 ms, from half of it to all.
        QVERIFY(delaysMs[0] <= 100 && delaysMs[3] >= 350 && delaysMs[3] <= 800);
        // By hand it need not wait.
        f.supervisor->need("b");
        QVERIFY(f.reaches(State::Failed));
        QVERIFY(f.supervisor->start("b"));
        QVERIFY(f.status().managed == State::Starting);
    }

    void saysWhatCannotBeRun()
    {
        ManagedFixture f;
        f.manage(u"/nonexistent/server"_s);
        f.apply();
        f.supervisor->need("b");
        QVERIFY(f.reaches(State::Failed));
        QVERIFY2(f.status().detail.contains(u"could not be run"_s), qPrintable(f.status().detail));
    }

    void givesUpAStartThatTakesTooLong()
    {
        ManagedFixture f;
        f.timings.secondMs = 100;
        f.manage(f.serverCommand(60)); // answers 503 all the while
        f.config.managed->startTimeoutSeconds = 5;
        f.apply();
        f.supervisor->need("b");
        QTRY_VERIFY(f.processId() > 0);
        const qint64 pid = f.processId();
        QVERIFY(f.reaches(State::Failed));
        QVERIFY2(f.status().detail.contains(u"5 second"_s), qPrintable(f.status().detail));
        QVERIFY(!ManagedFixture::isAlive(pid));
    }

    void stopsWhenNobodyUsesIt()
    {
        ManagedFixture f;
        f.timings.minuteMs = 400;
        f.manage(f.serverCommand());
        f.config.managed->idleMinutes = 1;
        f.apply();
        f.supervisor->need("b");
        QVERIFY(f.reaches(State::Ready));
        f.load.inFlight = 1;
        QTest::qWait(800); // the time itself is what is tested
        QVERIFY(f.status().managed == State::Ready);
        QCOMPARE(f.status().idleStopMs, 0);

        f.load.inFlight = 0;
        QVERIFY(f.reaches(State::Idle));
        QVERIFY(f.status().idleStopMs > wallClockUs() / 1000 - 100);
        f.load.lastUsedNs = monotonicNs(); // a short one, between two looks
        QVERIFY(f.reaches(State::Ready));
        const qint64 usedNs = f.load.lastUsedNs;
        QVERIFY(f.reaches(State::Stopped));
        QVERIFY(monotonicNs() - usedNs >= 400'000'000);
        QVERIFY(f.status().reach == Reach::Asleep);
    }

    void doesNotStopUnderARequest()
    {
        ManagedFixture f;
        f.timings.minuteMs = 200;
        f.timings.quietMs = 150;
        f.manage(f.serverCommand());
        f.config.managed->idleMinutes = 1;
        f.apply();
        f.supervisor->need("b");
        QVERIFY(f.reaches(State::Ready));
        const qint64 pid = f.processId();
        QVERIFY(f.reaches(State::Stopping));
        f.load.inFlight = 1; // it had just been let in
        QVERIFY(f.reaches(State::Ready));
        QCOMPARE(f.processId(), pid);
        QVERIFY(ManagedFixture::isAlive(pid));

        // By hand it waits for what runs, and starts again for what waits.
        QVERIFY(f.supervisor->stop("b"));
        QTest::qWait(300);
        QVERIFY(ManagedFixture::isAlive(pid));
        f.load.inFlight = 0;
        f.supervisor->need("b");
        QTRY_VERIFY(!ManagedFixture::isAlive(pid));
        QVERIFY(f.reaches(State::Ready));
    }

    void noticesThatItCrashed()
    {
        ManagedFixture f;
        f.manage(f.serverCommand());
        f.apply();
        f.supervisor->need("b");
        QVERIFY(f.reaches(State::Ready));
        ::kill(pid_t(f.processId()), SIGKILL);
        QVERIFY(f.reaches(State::Failed));
        QVERIFY(f.status().reach != Reach::Open);
        QTRY_VERIFY(f.status().reach == Reach::Asleep);
        f.supervisor->need("b");
        QVERIFY(f.reaches(State::Ready));
    }

    void looksAfterWhatRunsElsewhere()
    {
        ManagedFixture f;
        f.timings.minuteMs = 300;
        // The command ends, the "host" goes on in a session of its own.
        f.manage(u"sh -c 'setsid %1 >/dev/null 2>&1 & echo $! > \"%2\"'"_s.arg(
                     f.serverCommand(0.2).replace(u'\'', u'"'), f.path(u"pid"_s)),
                 u"sh -c 'kill $(cat \"%1\"); echo off >> \"%2\"'"_s.arg(f.path(u"pid"_s),
                                                                         f.path(u"offs"_s)));
        f.config.managed->idleMinutes = 1;
        f.apply();
        f.load.inFlight = 1;
        f.supervisor->need("b");
        QVERIFY(f.reaches(State::Ready));
        QCOMPARE(f.processId(), 0);
        const qint64 host = f.contents(u"pid"_s).trimmed().toLongLong();
        QVERIFY(ManagedFixture::isAlive(host));

        // It goes away by itself.
        ::kill(pid_t(host), SIGKILL);
        QVERIFY(f.reaches(State::Failed));
        QVERIFY(f.supervisor->start("b"));
        QVERIFY(f.reaches(State::Ready));
        const qint64 second = f.contents(u"pid"_s).trimmed().toLongLong();

        // Another gateway finds it running, and stops it when it is idle: it costs money.
        f.supervisor = nullptr;
        f.load.inFlight = 0;
        QTRY_VERIFY(!ManagedFixture::isAlive(second)); // stopped with the first gateway
        QCOMPARE(f.lineCount(u"offs"_s), 1);
    }

    void adoptsWhatRunsAlready()
    {
        ManagedFixture host;
        host.manage(host.serverCommand());
        host.apply();
        host.supervisor->need("b");
        QVERIFY(host.reaches(State::Ready));

        ManagedFixture f;
        f.timings.minuteMs = 300;
        f.config.baseUrl = host.config.baseUrl;
        f.manage(u"touch '%1'"_s.arg(f.path(u"started"_s)), u"kill %1"_s.arg(host.processId()));
        f.config.managed->idleMinutes = 1;
        f.apply();
        QVERIFY(f.reaches(State::Ready));
        QVERIFY(f.reaches(State::Stopped));
        QVERIFY(!QFile::exists(f.path(u"started"_s)));
        QVERIFY(host.reaches(State::Failed));
    }

    void triesAFailedStopAgain()
    {
        ManagedFixture host;
        host.manage(host.serverCommand());
        host.apply();
        host.supervisor->need("b");
        QVERIFY(host.reaches(State::Ready));

        ManagedFixture f;
        f.timings.minuteMs = 150;
        f.config.baseUrl = host.config.baseUrl;
        f.manage(u"true"_s,
                 u"sh -c 'echo x >> \"%1\"; echo not now; exit 1'"_s.arg(f.path(u"stops"_s)));
        f.config.managed->idleMinutes = 1;
        f.apply();
        QTRY_VERIFY(f.lineCount(u"stops"_s) >= 3);
        QTRY_VERIFY(f.status().detail.contains(u"not now"_s));
    }

    void endsEverythingWithTheGateway()
    {
        ManagedFixture f;
        f.manage(u"sh -c '%1 & echo $! > \"%2\"; wait'"_s.arg(
            f.serverCommand().replace(u'\'', u'"'), f.path(u"pid"_s)));
        f.apply();
        f.supervisor->need("b");
        QVERIFY(f.reaches(State::Ready));
        const qint64 leader = f.processId();
        const qint64 server = f.contents(u"pid"_s).trimmed().toLongLong();
        QVERIFY(ManagedFixture::isAlive(leader) && ManagedFixture::isAlive(server));
        bool done = false;
        f.supervisor->shutDown(5000, [&done] { done = true; });
        QTRY_VERIFY(done);
        QVERIFY(!ManagedFixture::isAlive(leader) && !ManagedFixture::isAlive(server));
        f.supervisor->need("b");
        QVERIFY(f.supervisor->isEmpty());
    }

    void endsAtOnceWhatDoesNotWantTo()
    {
        ManagedFixture f;
        f.manage(u"sh -c 'trap \"\" TERM; %1'"_s.arg(f.serverCommand().replace(u'\'', u'"')));
        f.apply();
        f.supervisor->need("b");
        QVERIFY(f.reaches(State::Ready));
        const qint64 pid = f.processId();
        f.supervisor.reset();
        QVERIFY(!ManagedFixture::isAlive(pid));
    }

    void stopsWhatIsNotConfiguredAnyMore()
    {
        ManagedFixture f;
        f.manage(f.serverCommand());
        f.apply();
        f.supervisor->need("b");
        QVERIFY(f.reaches(State::Ready));
        const qint64 pid = f.processId();
        f.applyNothing();
        QVERIFY(!f.supervisor->find("b"));
        QTRY_VERIFY(f.supervisor->isEmpty());
        QVERIFY(!ManagedFixture::isAlive(pid));
    }
};

QTEST_GUILESS_MAIN(TestManagedBackend)
#include "tst_managedbackend.moc"
