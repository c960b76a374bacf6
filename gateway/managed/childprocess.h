// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <QTimer>

namespace tidegate {

/// How a command ended.
struct ChildEnd
{
    bool started = true; ///< false: it could not be run at all
    bool crashed = false;
    int code = 0;    ///< exit code; with crashed the signal's number, or 0
    QString message; ///< for people: "ended with exit code 3"

    [[nodiscard]] bool isSuccess() const { return started && !crashed && code == 0; }
};

/// One run of a command, with all processes that it makes.
///
/// Lives in the main thread: on Linux its processes are killed by the kernel when the thread that
/// made them ends, so that they cannot outlive Tidegate even if it crashes. It leads a session of
/// its own, gets nothing on stdin and none of Tidegate's variables; nothing in its arguments is
/// expanded.
class ChildProcess final : public QObject
{
    Q_OBJECT

public:
    explicit ChildProcess(QObject *parent = nullptr);
    /// Kills what still runs.
    ~ChildProcess() override;

    /// Only while none is running. ended() follows, never from within.
    void start(const QStringList &command);
    [[nodiscard]] bool isRunning() const { return m_running; }
    /// 0 when none is running.
    [[nodiscard]] qint64 processId() const { return m_running ? m_group : 0; }

    /// Asks all its processes to end; after @p killAfterMs they are killed. ended() follows when
    /// none is left.
    void terminate(int killAfterMs);
    /// The same at once, waiting for at most @p graceMs before they are killed. No ended() follows.
    void endNow(int graceMs);

    /// Runs @p command so that it outlives Tidegate; nobody hears of its end.
    static void startDetached(const QStringList &command);

Q_SIGNALS:
    /// What it said, on either channel, as it comes.
    void output(const QByteArray &piece);
    void ended(const tidegate::ChildEnd &end);

private:
    void takeOutput();
    void leaderEnded(int code, QProcess::ExitStatus status);
    void failed(QProcess::ProcessError error);
    void waitForGroup();
    void finish();
    void signalGroup(int signal) const;
    [[nodiscard]] bool groupLives() const;

    QProcess m_process;
    QTimer m_groupTimer;   ///< looks whether the others of the group have ended
    qint64 m_group = 0;    ///< the leader's process id, which is the group's
    qint64 m_killAtNs = 0; ///< 0: not asked to end
    ChildEnd m_end;
    bool m_running = false; ///< the leader, or, after terminate(), any of the group
    bool m_leaderEnded = false;
    bool m_killed = false;
};

} // namespace tidegate
