// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/managed/childprocess.h"

#include "gateway/base/clock.h"

#include <QProcessEnvironment>
#include <QThread>

#include <utility>

#ifdef Q_OS_UNIX
#include <csignal>
#include <unistd.h>
#endif
#ifdef Q_OS_LINUX
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

constexpr int kGroupLookMs = 50;
// What is killed is gone soon; what is not then never will be (a zombie that nobody collects).
constexpr qint64 kAfterKillNs = 1'000'000'000;

QProcessEnvironment childEnvironment()
{
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    for (const QString &name : environment.keys()) {
        if (name.startsWith(u"TIDEGATE_"_s)) {
            environment.remove(name); // the admin token is one of them
        }
    }
    return environment;
}

} // namespace

ChildProcess::ChildProcess(QObject *parent)
    : QObject(parent)
{
    m_process.setProcessChannelMode(QProcess::MergedChannels);
    m_process.setStandardInputFile(QProcess::nullDevice());
    connect(&m_process, &QProcess::readyReadStandardOutput, this, &ChildProcess::takeOutput);
    connect(&m_process, &QProcess::finished, this, &ChildProcess::leaderEnded);
    connect(&m_process, &QProcess::errorOccurred, this, &ChildProcess::failed);
    connect(&m_process, &QProcess::started, this, [this] { m_group = m_process.processId(); });
    m_groupTimer.setInterval(kGroupLookMs);
    connect(&m_groupTimer, &QTimer::timeout, this, &ChildProcess::waitForGroup);
#ifdef Q_OS_UNIX
    m_process.setChildProcessModifier([parentId = ::getpid()] {
        // Between fork and exec: only what is safe in a signal handler.
        ::setsid(); // a group of its own, and no terminal to ask for passwords at
        sigset_t none;
        sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
#ifdef Q_OS_LINUX
        ::prctl(PR_SET_PDEATHSIG, SIGKILL); // when the thread that forked ends
        if (::getppid() != parentId) {
            ::_exit(1); // it had ended already
        }
#ifdef SYS_close_range
        constexpr unsigned kCloseOnExec = 1U << 2;         // CLOSE_RANGE_CLOEXEC
        ::syscall(SYS_close_range, 3U, ~0U, kCloseOnExec); // what we inherited ourselves
#endif
#else
        (void)parentId;
#endif
    });
#endif
}

ChildProcess::~ChildProcess()
{
    endNow(0);
}

void ChildProcess::start(const QStringList &command)
{
    Q_ASSERT(!m_running && !command.isEmpty());
    m_running = true;
    m_leaderEnded = false;
    m_killed = false;
    m_group = 0;
    m_killAtNs = 0;
    m_end = {};
    m_process.setProcessEnvironment(childEnvironment());
    m_process.start(command.constFirst(), command.mid(1));
}

void ChildProcess::startDetached(const QStringList &command)
{
    QProcess process;
    process.setProgram(command.constFirst());
    process.setArguments(command.mid(1));
    process.setProcessEnvironment(childEnvironment());
    process.setStandardInputFile(QProcess::nullDevice());
    process.setStandardOutputFile(QProcess::nullDevice());
    process.setStandardErrorFile(QProcess::nullDevice());
    process.startDetached();
}

void ChildProcess::takeOutput()
{
    const QByteArray piece = m_process.readAllStandardOutput();
    if (!piece.isEmpty()) {
        Q_EMIT output(piece);
    }
}

void ChildProcess::failed(QProcess::ProcessError error)
{
    if (error != QProcess::FailedToStart) {
        return; // finished() follows
    }
    m_end.started = false;
    m_end.message = tr("could not be run: %1").arg(m_process.errorString());
    m_leaderEnded = true;
    // It may come from within start().
    QMetaObject::invokeMethod(this, &ChildProcess::finish, Qt::QueuedConnection);
}

void ChildProcess::leaderEnded(int code, QProcess::ExitStatus status)
{
    takeOutput();
    m_leaderEnded = true;
    m_end.crashed = status == QProcess::CrashExit;
    m_end.code = code;
    m_end.message = m_end.crashed ? tr("was ended by signal %1").arg(code)
                                  : tr("ended with exit code %1").arg(code);
    if (m_killAtNs > 0) {
        waitForGroup();
        return;
    }
    if (!m_end.isSuccess()) {
        // What it leaves behind would keep ports and memory. After a success it is meant to stay.
        signalGroup(9);
    }
    finish();
}

void ChildProcess::terminate(int killAfterMs)
{
    if (!m_running || m_killAtNs > 0) {
        return;
    }
    m_killAtNs = monotonicNs() + qint64(killAfterMs) * 1'000'000;
#ifdef Q_OS_UNIX
    signalGroup(SIGTERM);
#else
    m_process.terminate();
#endif
    m_groupTimer.start();
}

void ChildProcess::waitForGroup()
{
    if (!m_running) {
        m_groupTimer.stop();
        return;
    }
    if (m_leaderEnded && !groupLives()) {
        finish();
        return;
    }
    const qint64 now = monotonicNs();
    if (now < m_killAtNs) {
        return;
    }
    if (!std::exchange(m_killed, true)) {
        signalGroup(9);
        m_process.kill();
    } else if (m_leaderEnded && now > m_killAtNs + kAfterKillNs) {
        finish();
    }
}

void ChildProcess::endNow(int graceMs)
{
    if (!m_running) {
        return;
    }
    const QSignalBlocker blocker(this);
    const qint64 killAtNs = monotonicNs() + qint64(graceMs) * 1'000'000;
#ifdef Q_OS_UNIX
    if (graceMs > 0) {
        signalGroup(SIGTERM);
    }
#endif
    while (graceMs > 0 && monotonicNs() < killAtNs && (!m_leaderEnded || groupLives())) {
        if (m_process.state() == QProcess::NotRunning) {
            QThread::msleep(10);
        } else {
            m_process.waitForFinished(10);
        }
    }
    signalGroup(9);
    m_process.kill();
    m_process.waitForFinished(2000);
    m_groupTimer.stop();
    m_running = false;
}

void ChildProcess::finish()
{
    m_groupTimer.stop();
    if (!std::exchange(m_running, false)) {
        return;
    }
    Q_EMIT ended(m_end);
}

void ChildProcess::signalGroup(int signal) const
{
#ifdef Q_OS_UNIX
    const qint64 group = m_group > 0 ? m_group : m_process.processId();
    // 0 and 1 would mean quite different processes.
    if (group > 1) {
        ::kill(-pid_t(group), signal);
    }
#else
    Q_UNUSED(signal)
#endif
}

bool ChildProcess::groupLives() const
{
#ifdef Q_OS_UNIX
    return m_group > 1 && ::kill(-pid_t(m_group), 0) == 0;
#else
    return false;
#endif
}

} // namespace tidegate
