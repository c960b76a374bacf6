// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/config/configsnapshot.h"
#include "gateway/managed/childprocess.h"
#include "gateway/managed/managedstatus.h"
#include "gateway/managed/managedtimings.h"
#include "gateway/managed/outputring.h"
#include "gateway/managed/readycheck.h"
#include "gateway/managed/sshtunnel.h"

#include <QObject>
#include <QTimer>

#include <functional>
#include <memory>
#include <optional>

namespace tidegate {

/// One backend that Tidegate starts and stops, reaches through a tunnel, or both.
///
/// Lives in the main thread, owned by the ManagedSupervisor. Runs nothing before it is told that a
/// person has confirmed the commands. A start command that ends well has started something
/// elsewhere: then only the ready check says how that is, and only the stop command ends it.
class ManagedBackend final : public QObject
{
    Q_OBJECT

public:
    /// How much the backend is used.
    struct Load
    {
        int inFlight = 0;
        int waiting = 0;       ///< for a place, or for its start
        qint64 lastUsedNs = 0; ///< monotonic
    };
    using LoadOf = std::function<Load()>;

    ManagedBackend(QByteArray name, LoadOf load, UpstreamClient &client,
                   const ManagedTimings &timings, QObject *parent = nullptr);

    /// What holds from now on. Other commands than before end what runs by the commands before.
    void setConfig(const BackendConfig &backend, bool confirmed);
    [[nodiscard]] const BackendConfig &config() const { return m_next ? *m_next : m_config; }

    /// A request waits for it.
    void need();
    Result<Done> startByHand();
    Result<Done> stopByHand();
    /// Ends all that runs, for good; retired() follows.
    void retire();
    [[nodiscard]] bool isRetired() const { return m_retired; }
    /// The same at once; a stop command is left to run by itself. Blocks for up to @p graceMs.
    void endNow(int graceMs);

    [[nodiscard]] ManagedStatus status() const;
    /// The process of the start command; 0: none runs.
    [[nodiscard]] qint64 processId() const { return m_process.processId(); }

Q_SIGNALS:
    /// status() has changed in more than times.
    void changed();
    void retired();

private:
    /// Why it is being stopped.
    enum class StopReason : quint8
    {
        Idle,
        Hand,
        Edited,
        Retired,
        NotReady
    };

    void apply(const BackendConfig &backend, bool confirmed);
    void lookWhetherItRuns();
    void begin();
    void runStartCommand();
    void poll();
    void checked(bool ready, const QString &what);
    void becomeReady(const QString &detail);
    void processEnded(const ChildEnd &end);
    void fail(const QString &why);
    void retryDue();
    void tick();
    void watch();
    void tunnelChanged();

    void beginStop(StopReason reason);
    void settleDown();
    void endProcesses();
    void stopCommandEnded(const ChildEnd &end);
    void stoppedPartly();
    void allStopped();

    [[nodiscard]] bool isManaged() const { return m_config.managed.has_value(); }
    [[nodiscard]] bool isUp() const;
    [[nodiscard]] bool canStop() const;
    [[nodiscard]] qint64 idleMs() const;
    [[nodiscard]] qint64 lastUsedNs(const Load &load) const;
    [[nodiscard]] QString said() const;
    void after(int ms, std::function<void(ManagedBackend &)> step);
    void setState(ManagedState state, const QString &detail);

    const QByteArray m_name;
    const LoadOf m_load;
    const ManagedTimings &m_timings;
    BackendConfig m_config;
    std::optional<BackendConfig> m_next; ///< holds once what runs has ended
    bool m_nextConfirmed = false;
    OutputRing m_output;
    ChildProcess m_process;
    ChildProcess m_stopCommand;
    std::unique_ptr<SshTunnel>
        m_tunnel; ///< null without the ssh section, or before it is confirmed
    ReadyCheck m_check;
    QTimer m_timer; ///< of m_step
    std::function<void(ManagedBackend &)> m_step;
    Backoff m_backoff;
    ManagedState m_state = ManagedState::NotManaged;
    StopReason m_stopReason = StopReason::Idle;
    QString m_detail;
    QString m_lastCheck; ///< what the last ready check found
    QString m_failure;   ///< said once all has stopped
    qint64 m_sinceMs = 0;
    qint64 m_deadlineNs = 0; ///< of the start
    qint64 m_readyNs = 0;    ///< since when it is ready, or its stop was last tried
    qint64 m_busyNs = 0;     ///< when a tick last found it in use
    qint64 m_watchedNs = 0;  ///< the last ready check of one that runs elsewhere
    qint64 m_stopBeganNs = 0;
    qint64 m_retryNs = 0;    ///< of Failed
    qint64 m_idleStopNs = 0; ///< 0: none is due
    int m_failures = 0;      ///< in a row
    int m_missed = 0;        ///< ready checks in a row, of one that runs
    bool m_confirmed = false;
    bool m_elsewhere = false; ///< what runs is not a process of ours
    bool m_looking = false;   ///< whether it runs although we have not started it
    bool m_startAgain = false;
    bool m_retired = false;
};

} // namespace tidegate
