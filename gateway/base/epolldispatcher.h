// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractEventDispatcher>
#include <QList>

#include <atomic>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

namespace tidegate {

class FdWatcher;

#if QT_VERSION >= QT_VERSION_CHECK(6, 8, 0) && QT_VERSION < QT_VERSION_CHECK(7, 0, 0)
using EventDispatcherBase = QAbstractEventDispatcherV2;
#else
using EventDispatcherBase = QAbstractEventDispatcher;
#endif

/// A Qt event dispatcher on epoll: a wake-up costs what is ready, not what is open.
///
/// Lives in the thread that it dispatches for, normally an engine thread; given to
/// QThread::setEventDispatcher() before the thread starts, which then owns it. Behaves as Qt's own
/// Unix dispatcher. Beyond it, watch() delivers readiness by a plain virtual call. Interests are
/// only noted when they change and told to the kernel just before it is asked to wait. Linux only.
class EpollDispatcher final : public EventDispatcherBase
{
    Q_OBJECT

public:
    explicit EpollDispatcher(QObject *parent = nullptr);
    ~EpollDispatcher() override;

    /// Watches @p fd, which must not be watched yet, until unwatch(). Use FdWatch instead where the
    /// thread may run another dispatcher.
    void watch(int fd, FdWatcher *watcher, bool read, bool write);
    /// Changes what is watched of @p fd. @p hangUp asks for fdHungUp() while @p read is false.
    void setInterest(int fd, bool read, bool write, bool hangUp = false);
    /// Call it before @p fd is closed.
    void unwatch(int fd);

    bool processEvents(QEventLoop::ProcessEventsFlags flags) override;
    void registerSocketNotifier(QSocketNotifier *notifier) override;
    void unregisterSocketNotifier(QSocketNotifier *notifier) override;
    bool unregisterTimers(QObject *object) override;
    void wakeUp() override;
    void interrupt() override;

#if QT_VERSION >= QT_VERSION_CHECK(6, 8, 0)
    void registerTimer(Qt::TimerId timerId, Duration interval, Qt::TimerType timerType,
                       QObject *object) override;
    bool unregisterTimer(Qt::TimerId timerId) override;
    QList<TimerInfoV2> timersForObject(QObject *object) const override;
    Duration remainingTime(Qt::TimerId timerId) const override;
#else
    void registerTimer(int timerId, qint64 interval, Qt::TimerType timerType,
                       QObject *object) override;
    bool unregisterTimer(int timerId) override;
    QList<TimerInfo> registeredTimers(QObject *object) const override;
    int remainingTime(int timerId) override;
#endif

private:
    struct Notifiers
    {
        QSocketNotifier *byType[3] = {nullptr, nullptr, nullptr}; ///< by QSocketNotifier::Type
        quint64 bornBatch[3] = {0, 0, 0}; ///< batch during which each was enabled
    };
    struct Entry
    {
        FdWatcher *watcher = nullptr;
        std::unique_ptr<Notifiers> notifiers; ///< null when there never was one
        quint64 watchBatch = 0;               ///< batch during which the watch began or ended
        quint32 watchInterest = 0;            ///< epoll events the watcher wants
        quint32 applied = 0;                  ///< epoll events the kernel was told
        quint32 generation = 0;   ///< told to the kernel with the fd, to know late events
        bool dirty = false;       ///< in m_dirty
        bool suspect = false;     ///< the fd may stand for another file than the kernel watches
        bool hangUp = false;      ///< the watcher wants fdHungUp() while it does not read
        bool alwaysReady = false; ///< a regular file, which epoll refuses and poll finds ready
    };
    struct Timer
    {
        QObject *object = nullptr;
        qint64 intervalNs = 0;
        qint64 exactNs = 0; ///< when it is due, before rounding for coarse timers
        qint64 dueNs = 0;
        quint64 sequence = 0;
        Qt::TimerType type = Qt::CoarseTimer;
        bool active = false; ///< its event is being handled, perhaps in a nested loop
    };
    struct Due
    {
        qint64 dueNs;
        quint64 sequence; ///< first armed, first fired
        int timerId;
        bool operator<(const Due &other) const
        {
            return dueNs != other.dueNs ? dueNs < other.dueNs : sequence < other.sequence;
        }
    };

    Entry &entry(int fd);
    static quint32 wantedEvents(const Entry &entry);
    void markDirty(int fd, Entry &entry);
    void applyChanges();
    void applyChange(int fd);
    bool control(int operation, int fd, quint32 events);
    void rebuild();
    int waitTimeoutMs(bool canWait, bool withTimers) const;
    int deliver(int fd, quint32 events, quint64 batch);
    void drainWakeUps();

    void addTimer(int timerId, qint64 intervalNs, Qt::TimerType type, QObject *object);
    bool removeTimer(int timerId);
    qint64 remainingNs(int timerId) const;
    static qint64 roundedDue(qint64 exactNs, qint64 intervalNs, Qt::TimerType type);
    int activateTimers();

    int m_epollFd = -1;
    int m_wakeFd = -1;
    std::atomic<bool> m_signalled{false}; ///< the eventfd was written and not yet read
    std::atomic<bool> m_interrupted{false};
    std::atomic<Qt::HANDLE> m_owner{nullptr}; ///< the thread inside processEvents()
    bool m_wokenByOwner = false;              ///< wakeUp() from the owner needs no system call
    quint64 m_batch = 1;
    std::vector<Entry> m_entries; ///< by fd
    std::vector<int> m_dirty;
    std::vector<int> m_alwaysReady;

    std::unordered_map<int, Timer> m_timers;
    std::set<Due> m_dues;
    quint64 m_timerSequence = 0;
};

} // namespace tidegate
