// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/managed/childprocess.h"
#include "gateway/managed/outputring.h"
#include "tests/unit/managed/managedfixture.h"

#include <QElapsedTimer>
#include <QSignalSpy>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

/// One run of a command: how it ends and is ended, what it gets and what it leaves behind.
class TestChildProcess : public QObject
{
    Q_OBJECT

    struct Run
    {
        ChildProcess process;
        QByteArray output;
        QSignalSpy ended{&process, &ChildProcess::ended};

        explicit Run(const QStringList &command)
        {
            QObject::connect(&process, &ChildProcess::output, &process,
                             [this](const QByteArray &piece) { output += piece; });
            process.start(command);
        }
        [[nodiscard]] ChildEnd end()
        {
            return ended.isEmpty() && !ended.wait(10'000)
                       ? ChildEnd{.started = false, .message = u"never"_s}
                       : ended.first().first().value<ChildEnd>();
        }
        [[nodiscard]] QList<qint64> pids()
        {
            QList<qint64> all;
            for (const QByteArray &word : output.simplified().split(' ')) {
                all.append(word.toLongLong());
            }
            return all;
        }
    };
    static QStringList shell(const QString &script) { return {u"sh"_s, u"-c"_s, script}; }

private Q_SLOTS:
    void initTestCase() { qRegisterMetaType<ChildEnd>(); }

    void saysHowItEnded()
    {
        Run fine(shell(u"echo out; echo err >&2"_s));
        QVERIFY(fine.end().isSuccess());
        QVERIFY(fine.output.contains("out") && fine.output.contains("err"));
        QVERIFY(!fine.process.isRunning());

        Run failing(shell(u"exit 3"_s));
        QCOMPARE(failing.end().code, 3);
        QVERIFY(failing.end().message.contains(u'3'));

        Run killed(shell(u"kill -9 $$"_s));
        QVERIFY(killed.end().crashed);

        Run missing({u"/nonexistent/program"_s});
        QVERIFY(!missing.end().started);
        QVERIFY(!missing.end().isSuccess());
    }

    void expandsNothing()
    {
        Run run({u"printf"_s, u"%s|"_s, u"$HOME"_s, u"*"_s, u"a b"_s, u"; echo x"_s});
        QVERIFY(run.end().isSuccess());
        QCOMPARE(run.output, "$HOME|*|a b|; echo x|");
    }

    void getsNothingOfOurs()
    {
        qputenv("TIDEGATE_ADMIN_TOKEN", "hunter2");
        qputenv("SOMETHING_ELSE", "stays");
        Run run(shell(u"env; ls /proc/self/fd | wc -l; cat"_s));
        QVERIFY(run.end().isSuccess()); // stdin is empty, so cat ends
        QVERIFY(!run.output.contains("hunter2"));
        QVERIFY(run.output.contains("SOMETHING_ELSE=stays"));
        // 0, 1, 2 and the one that ls reads.
        QVERIFY2(run.output.endsWith("4\n"), run.output.constData());
    }

    void endsTheWholeGroup()
    {
        Run run(shell(u"sleep 60 & echo $$ $!; wait"_s));
        QTRY_VERIFY(run.output.contains('\n'));
        const auto pids = run.pids();
        QCOMPARE(pids.size(), 2);
        QVERIFY(ManagedFixture::isAlive(pids[0]) && ManagedFixture::isAlive(pids[1]));
        run.process.terminate(10'000);
        (void)run.end();
        QVERIFY(!ManagedFixture::isAlive(pids[0]));
        QVERIFY(!ManagedFixture::isAlive(pids[1]));
    }

    void killsWhatDoesNotWantToEnd()
    {
        Run run(shell(u"trap '' TERM; echo $$; while :; do sleep 0.05; done"_s));
        QTRY_VERIFY(run.output.contains('\n'));
        const qint64 pid = run.pids().constFirst();
        QElapsedTimer timer;
        timer.start();
        run.process.terminate(300);
        QVERIFY(run.end().crashed);
        QVERIFY(timer.elapsed() >= 250);
        QVERIFY(!ManagedFixture::isAlive(pid));
    }

    void leavesNothingBehindAfterAFailure()
    {
        Run run(shell(u"sleep 60 & echo $!; exit 1"_s));
        QCOMPARE(run.end().code, 1);
        QTRY_VERIFY(!ManagedFixture::isAlive(run.pids().constFirst()));
    }

    void leavesWhatASuccessHasStarted()
    {
        Run run(shell(u"sleep 60 >/dev/null 2>&1 & echo $!"_s));
        QVERIFY(run.end().isSuccess());
        const qint64 pid = run.pids().constFirst();
        QVERIFY(ManagedFixture::isAlive(pid));
        QProcess::execute(u"kill"_s, {QString::number(pid)});
    }

    void endsAtOnce()
    {
        qint64 pid = 0;
        {
            Run run(shell(u"trap '' TERM; echo $$; while :; do sleep 0.05; done"_s));
            QTRY_VERIFY(run.output.contains('\n'));
            pid = run.pids().constFirst();
        }
        QVERIFY(!ManagedFixture::isAlive(pid));
    }

    void canRunAgain()
    {
        Run run(shell(u"echo one"_s));
        QVERIFY(run.end().isSuccess());
        run.ended.clear();
        run.process.start(shell(u"echo two; exit 7"_s));
        QCOMPARE(run.end().code, 7);
        QCOMPARE(run.output, "one\ntwo\n");
    }

    void keepsTheLastLines()
    {
        OutputRing ring;
        QByteArray text;
        for (int i = 0; i < 500; ++i) {
            text += "line " + QByteArray::number(i) + '\n';
        }
        ring.append(text.left(700));
        ring.append(text.mid(700) + "\x1b[31mAuthorization: Bearer sk-hunter2hunter2\x07");
        ring.finishLine();
        const QStringList lines = ring.lines();
        QCOMPARE(lines.size(), qsizetype(OutputRing::kLines));
        QVERIFY(lines.contains(u"line 499"_s) && !lines.contains(u"line 0"_s));
        QVERIFY(!ring.lastLine().contains(u"hunter2"_s));
        QVERIFY(!ring.lastLine().contains(QChar(0x1b)));

        ring.append(QByteArray(100'000, 'x'));
        ring.append(QByteArray(100'000, 'y') + '\n');
        QVERIFY(ring.lastLine().size() <= OutputRing::kLineBytes);
    }
};

QTEST_GUILESS_MAIN(TestChildProcess)
#include "tst_childprocess.moc"
