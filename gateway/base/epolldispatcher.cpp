// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/base/epolldispatcher.h"

#include "gateway/base/clock.h"
#include "gateway/base/fdwatcher.h"

#include <QCoreApplication>
#include <QSocketNotifier>
#include <QThread>

#include <algorithm>
#include <cerrno>
#include <limits>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace tidegate {

namespace {

constexpr int kEventsPerWait = 256;
constexpr qint64 kNsPerMs = 1'000'000;
constexpr quint32 kTrouble = EPOLLHUP | EPOLLERR;
constexpr quint32 kNotifierEvents[3] = {EPOLLIN, EPOLLOUT, EPOLLPRI};
constexpr const char *kNotifierNames[3] = {"Read", "Write", "Exception"};

} // namespace

EpollDispatcher::EpollDispatcher(QObject *parent)
    : EventDispatcherBase(parent)
    , m_epollFd(epoll_create1(EPOLL_CLOEXEC))
    , m_wakeFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    if (m_epollFd < 0 || m_wakeFd < 0) {
        qFatal("EpollDispatcher: no file descriptor for epoll or eventfd: %s",
               qPrintable(qt_error_string(errno)));
    }
    entry(m_wakeFd);
    control(EPOLL_CTL_ADD, m_wakeFd, EPOLLIN);
}

EpollDispatcher::~EpollDispatcher()
{
    close(m_wakeFd);
    close(m_epollFd);
}

// ---- what is watched

EpollDispatcher::Entry &EpollDispatcher::entry(int fd)
{
    if (size_t(fd) >= m_entries.size()) {
        m_entries.resize(std::max(size_t(fd) + 64, m_entries.size() * 2));
    }
    return m_entries[size_t(fd)];
}

quint32 EpollDispatcher::wantedEvents(const Entry &entry)
{
    quint32 events = entry.watchInterest;
    for (int type = 0; entry.notifiers && type < 3; ++type) {
        if (entry.notifiers->byType[type]) {
            events |= kNotifierEvents[type];
        }
    }
    return events;
}

void EpollDispatcher::markDirty(int fd, Entry &entry)
{
    if (!entry.dirty) {
        entry.dirty = true;
        m_dirty.push_back(fd);
    }
}

void EpollDispatcher::watch(int fd, FdWatcher *watcher, bool read, bool write)
{
    Entry &e = entry(fd);
    Q_ASSERT_X(!e.watcher, "EpollDispatcher::watch", "the descriptor is watched already");
    e.watcher = watcher;
    e.watchBatch = m_batch;
    setInterest(fd, read, write);
}

void EpollDispatcher::setInterest(int fd, bool read, bool write, bool hangUp)
{
    Entry &e = m_entries[size_t(fd)];
    quint32 interest = 0;
    interest |= read ? quint32(EPOLLIN) : 0U;
    interest |= write ? quint32(EPOLLOUT) : 0U;
    interest |= hangUp && !read ? quint32(EPOLLRDHUP) : 0U;
    e.hangUp = hangUp;
    if (interest != e.watchInterest) {
        e.watchInterest = interest;
        markDirty(fd, e);
    }
}

void EpollDispatcher::unwatch(int fd)
{
    Entry &e = m_entries[size_t(fd)];
    e.watcher = nullptr;
    e.watchBatch = m_batch;
    e.watchInterest = 0;
    e.hangUp = false;
    if (e.applied == 0 || wantedEvents(e) != 0) {
        e.suspect = true;
        markDirty(fd, e);
        return;
    }
    // Not put off: the descriptor is about to be closed, and another thread may be given its
    // number.
    control(EPOLL_CTL_DEL, fd, 0);
    e.applied = 0;
}

void EpollDispatcher::registerSocketNotifier(QSocketNotifier *notifier)
{
    const int fd = int(notifier->socket());
    const int type = notifier->type();
    Entry &e = entry(fd);
    if (!e.notifiers) {
        e.notifiers = std::make_unique<Notifiers>();
    }
    if (e.notifiers->byType[type]) {
        qWarning("QSocketNotifier: Multiple socket notifiers for same socket %d and type %s", fd,
                 kNotifierNames[type]);
    }
    e.notifiers->byType[type] = notifier;
    e.notifiers->bornBatch[type] = m_batch;
    markDirty(fd, e);
}

void EpollDispatcher::unregisterSocketNotifier(QSocketNotifier *notifier)
{
    const int fd = int(notifier->socket());
    const int type = notifier->type();
    if (size_t(fd) >= m_entries.size()) {
        return;
    }
    Entry &e = m_entries[size_t(fd)];
    if (!e.notifiers || e.notifiers->byType[type] != notifier) {
        return;
    }
    e.notifiers->byType[type] = nullptr;
    // Being disabled and being about to be closed look the same from here.
    e.suspect = true;
    markDirty(fd, e);
}

void EpollDispatcher::applyChanges()
{
    // By index: a descriptor that turns out to be bad disables its notifiers, which marks it again.
    for (size_t i = 0; i < m_dirty.size(); ++i) { // NOLINT(modernize-loop-convert)
        applyChange(m_dirty[i]);
    }
    m_dirty.clear();
}

void EpollDispatcher::applyChange(int fd)
{
    Entry &e = m_entries[size_t(fd)];
    e.dirty = false;
    const quint32 wanted = wantedEvents(e);
    if (e.alwaysReady) {
        e.alwaysReady = false;
        m_alwaysReady.erase(std::find(m_alwaysReady.begin(), m_alwaysReady.end(), fd));
    }
    const bool suspect = std::exchange(e.suspect, false);
    if (wanted == e.applied && (!suspect || wanted == 0)) {
        return;
    }
    if (wanted == 0) {
        // Fails when the descriptor is closed already, in which case the kernel has forgotten it.
        control(EPOLL_CTL_DEL, fd, 0);
        e.applied = 0;
        return;
    }
    // A number that was closed and given out again is unknown to the kernel (ENOENT). That is why a
    // suspect is told again even if nothing seems to have changed.
    if (e.applied != 0 && control(EPOLL_CTL_MOD, fd, wanted)) {
        e.applied = wanted;
        return;
    }
    ++e.generation;
    if (control(EPOLL_CTL_ADD, fd, wanted) ||
        (errno == EEXIST && control(EPOLL_CTL_MOD, fd, wanted))) {
        e.applied = wanted;
        return;
    }
    e.applied = 0;
    if (errno == EPERM) {
        e.alwaysReady = true;
        m_alwaysReady.push_back(fd);
        return;
    }
    const QString reason = qt_error_string(errno);
    for (int type = 0; e.notifiers && type < 3; ++type) {
        if (QSocketNotifier *notifier = e.notifiers->byType[type]) {
            qWarning("QSocketNotifier: Invalid socket %d with type %s (%s), disabling...", fd,
                     kNotifierNames[type], qPrintable(reason));
            notifier->setEnabled(false);
        }
    }
    if (m_entries[size_t(fd)].watcher) {
        qWarning("EpollDispatcher: cannot watch descriptor %d: %s", fd, qPrintable(reason));
    }
}

bool EpollDispatcher::control(int operation, int fd, quint32 events)
{
    epoll_event event = {};
    event.events = events;
    event.data.u64 = quint64(m_entries[size_t(fd)].generation) << 32U | quint32(fd);
    return epoll_ctl(m_epollFd, operation, fd, &event) == 0;
}

// A descriptor closed while watched, whose file lives on under a duplicate, stays in the set and
// cannot be removed by its number. A new set is the only way out.
void EpollDispatcher::rebuild()
{
    const int fresh = epoll_create1(EPOLL_CLOEXEC);
    if (fresh < 0) {
        return;
    }
    close(m_epollFd);
    m_epollFd = fresh;
    control(EPOLL_CTL_ADD, m_wakeFd, EPOLLIN);
    for (size_t fd = 0; fd < m_entries.size(); ++fd) {
        Entry &e = m_entries[fd];
        if (e.applied != 0) {
            e.applied = 0;
            markDirty(int(fd), e);
        }
    }
}

// ---- one iteration

bool EpollDispatcher::processEvents(QEventLoop::ProcessEventsFlags flags)
{
    m_interrupted.store(false, std::memory_order_relaxed);
    m_owner.store(QThread::currentThreadId(), std::memory_order_relaxed);

    Q_EMIT awake();
    QCoreApplication::sendPostedEvents();

    const bool withTimers = !flags.testFlag(QEventLoop::X11ExcludeTimers);
    const bool withSockets = !flags.testFlag(QEventLoop::ExcludeSocketNotifiers);
    const bool mayWait = flags.testFlag(QEventLoop::WaitForMoreEvents);
    // Posted events never get lost here: posting one calls wakeUp().
    bool canWait = mayWait && !m_wokenByOwner && !m_interrupted.load();
    if (canWait) {
        Q_EMIT aboutToBlock();
        canWait = !m_wokenByOwner;
    }
    if (m_interrupted.load()) {
        return false;
    }

    bool active = std::exchange(m_wokenByOwner, false);
    const int timeoutMs = waitTimeoutMs(canWait, withTimers);
    if (!withSockets) {
        // Rare (nested loops that shut input out), so a plain wait on the wake-up and the clock.
        pollfd wake = {m_wakeFd, POLLIN, 0};
        if (poll(&wake, 1, timeoutMs) > 0) {
            drainWakeUps();
            active = true;
        }
    } else {
        applyChanges();
        epoll_event events[kEventsPerWait];
        const int count =
            epoll_wait(m_epollFd, events, kEventsPerWait, m_alwaysReady.empty() ? timeoutMs : 0);
        const quint64 batch = ++m_batch;
        for (int i = 0; i < count; ++i) {
            const int fd = int(quint32(events[i].data.u64));
            if (fd == m_wakeFd) {
                drainWakeUps();
                active = true;
                continue;
            }
            const Entry &e = m_entries[size_t(fd)];
            if (quint32(events[i].data.u64 >> 32U) != e.generation || e.applied == 0) {
                // Of an earlier state. A nested loop changed it, or else the kernel still watches
                // a file that is not ours any more. What matters is reported again.
                if (batch == m_batch && e.watchBatch < batch) {
                    rebuild();
                    break;
                }
                continue;
            }
            active |= deliver(fd, events[i].events, batch) > 0;
        }
        if (!m_alwaysReady.empty()) {
            const std::vector<int> ready = m_alwaysReady;
            for (const int fd : ready) {
                active |= deliver(fd, EPOLLIN | EPOLLOUT | EPOLLPRI, batch) > 0;
            }
        }
    }
    if (withTimers) {
        active |= activateTimers() > 0;
    }
    return active;
}

int EpollDispatcher::waitTimeoutMs(bool canWait, bool withTimers) const
{
    if (!canWait) {
        return 0;
    }
    if (!withTimers) {
        return -1;
    }
    for (const Due &due : m_dues) {
        const auto timer = m_timers.find(due.timerId);
        if (timer->second.active) {
            continue; // its handler runs a nested loop, so it cannot fire now
        }
        const qint64 waitNs = due.dueNs - monotonicNs();
        // Rounded up: a timer must not fire early, and waking before it would only spin.
        return waitNs <= 0 ? 0
                           : int(std::min<qint64>((waitNs + kNsPerMs - 1) / kNsPerMs,
                                                  std::numeric_limits<int>::max()));
    }
    return -1;
}

int EpollDispatcher::deliver(int fd, quint32 events, quint64 batch)
{
    int delivered = 0;
    // Looked up again for each call, because calls may change everything. A watch that began after
    // this batch was fetched may be of another file: what is true of it will be reported again.
    for (int type = 0; m_entries[size_t(fd)].notifiers && type < 3; ++type) {
        const Notifiers &notifiers = *m_entries[size_t(fd)].notifiers;
        if ((events & (kNotifierEvents[type] | kTrouble)) != 0 && notifiers.byType[type] &&
            notifiers.bornBatch[type] < batch) {
            QEvent activation(QEvent::SockAct);
            QCoreApplication::sendEvent(notifiers.byType[type], &activation);
            ++delivered;
        }
    }
    const Entry &e = m_entries[size_t(fd)];
    if (!e.watcher || e.watchBatch >= batch) {
        return delivered;
    }
    const bool reads = (e.watchInterest & EPOLLIN) != 0;
    const bool readable = reads && (events & (EPOLLIN | kTrouble)) != 0;
    const bool writable =
        (e.watchInterest & EPOLLOUT) != 0 && (events & (EPOLLOUT | kTrouble)) != 0;
    if (e.hangUp && !reads && (events & (EPOLLRDHUP | kTrouble)) != 0) {
        e.watcher->fdHungUp();
        ++delivered;
    } else if (readable || writable) {
        e.watcher->fdReady(readable, writable);
        ++delivered;
    }
    return delivered;
}

void EpollDispatcher::drainWakeUps()
{
    quint64 count = 0;
    // Read first, then allow the next write: the other order could swallow a wake-up.
    while (read(m_wakeFd, &count, sizeof count) < 0 && errno == EINTR) {
    }
    m_signalled.store(false);
}

void EpollDispatcher::wakeUp()
{
    if (m_owner.load(std::memory_order_relaxed) == QThread::currentThreadId()) {
        m_wokenByOwner = true;
        return;
    }
    if (!m_signalled.exchange(true)) {
        const quint64 one = 1;
        while (write(m_wakeFd, &one, sizeof one) < 0 && errno == EINTR) {
        }
    }
}

void EpollDispatcher::interrupt()
{
    m_interrupted.store(true);
    wakeUp();
}

// ---- timers

void EpollDispatcher::addTimer(int timerId, qint64 intervalNs, Qt::TimerType type, QObject *object)
{
    Timer timer;
    timer.object = object;
    timer.intervalNs = intervalNs;
    timer.type = type;
    timer.exactNs = monotonicNs() + intervalNs;
    timer.dueNs = roundedDue(timer.exactNs, intervalNs, type);
    timer.sequence = ++m_timerSequence;
    m_dues.insert({timer.dueNs, timer.sequence, timerId});
    m_timers.insert_or_assign(timerId, timer);
}

bool EpollDispatcher::removeTimer(int timerId)
{
    const auto it = m_timers.find(timerId);
    if (it == m_timers.end()) {
        return false;
    }
    m_dues.erase({it->second.dueNs, it->second.sequence, timerId});
    m_timers.erase(it);
    return true;
}

bool EpollDispatcher::unregisterTimers(QObject *object)
{
    std::vector<int> ids;
    for (const auto &[id, timer] : m_timers) {
        if (timer.object == object) {
            ids.push_back(id);
        }
    }
    for (const int id : ids) {
        removeTimer(id);
    }
    return !ids.empty();
}

qint64 EpollDispatcher::remainingNs(int timerId) const
{
    const auto it = m_timers.find(timerId);
    return it == m_timers.end() ? -1 : std::max<qint64>(0, it->second.dueNs - monotonicNs());
}

// Coarse timers may be 5 % off and very coarse ones half a second, so that several of them share
// one wake-up. Rounding to a grid makes them meet.
qint64 EpollDispatcher::roundedDue(qint64 exactNs, qint64 intervalNs, Qt::TimerType type)
{
    constexpr qint64 kShortNs = 20 * kNsPerMs;
    constexpr qint64 kLongNs = 20'000 * kNsPerMs;
    if (type == Qt::PreciseTimer || intervalNs <= kShortNs) {
        return exactNs;
    }
    qint64 gridNs = 1'000 * kNsPerMs;
    if (type == Qt::CoarseTimer && intervalNs < kLongNs) {
        gridNs = kNsPerMs;
        while (gridNs * 2 <= intervalNs / 10) {
            gridNs *= 2;
        }
    } else if (intervalNs < 2 * gridNs) {
        gridNs = intervalNs / 2; // a very coarse timer of little more than a second
    }
    return (exactNs + gridNs / 2) / gridNs * gridNs;
}

int EpollDispatcher::activateTimers()
{
    if (m_dues.empty()) {
        return 0;
    }
    const qint64 now = monotonicNs();
    // Only those due now, each once: one that is started or re-armed by a handler waits its turn.
    std::vector<int> ready;
    for (const Due &due : m_dues) {
        if (due.dueNs > now) {
            break;
        }
        ready.push_back(due.timerId);
    }
    const quint64 lastSequence = m_timerSequence;
    int fired = 0;
    for (const int id : ready) {
        const auto it = m_timers.find(id);
        if (it == m_timers.end() || it->second.active || it->second.sequence > lastSequence) {
            continue;
        }
        Timer &timer = it->second;
        auto node = m_dues.extract({timer.dueNs, timer.sequence, id});
        // What was missed is skipped, as Qt does: no burst after a stall.
        timer.exactNs += timer.intervalNs;
        if (timer.exactNs < now) {
            timer.exactNs = now + timer.intervalNs;
        }
        timer.dueNs = roundedDue(timer.exactNs, timer.intervalNs, timer.type);
        timer.sequence = ++m_timerSequence;
        node.value() = {timer.dueNs, timer.sequence, id};
        m_dues.insert(std::move(node));

        const quint64 armed = timer.sequence;
        timer.active = true;
        QTimerEvent event(id);
        QCoreApplication::sendEvent(timer.object, &event);
        ++fired;
        // The handler may have killed it, and its number may be another timer's by now.
        if (const auto after = m_timers.find(id);
            after != m_timers.end() && after->second.sequence == armed) {
            after->second.active = false;
        }
    }
    return fired;
}

#if QT_VERSION >= QT_VERSION_CHECK(6, 8, 0)

void EpollDispatcher::registerTimer(Qt::TimerId timerId, Duration interval, Qt::TimerType timerType,
                                    QObject *object)
{
    addTimer(int(timerId), interval.count(), timerType, object);
}

bool EpollDispatcher::unregisterTimer(Qt::TimerId timerId)
{
    return removeTimer(int(timerId));
}

QList<QAbstractEventDispatcher::TimerInfoV2> EpollDispatcher::timersForObject(QObject *object) const
{
    QList<TimerInfoV2> list;
    for (const auto &[id, timer] : m_timers) {
        if (timer.object == object) {
            list.append({Duration(timer.intervalNs), Qt::TimerId(id), timer.type});
        }
    }
    return list;
}

QAbstractEventDispatcher::Duration EpollDispatcher::remainingTime(Qt::TimerId timerId) const
{
    const qint64 remaining = remainingNs(int(timerId));
    return remaining < 0 ? Duration::min() : Duration(remaining);
}

#else

void EpollDispatcher::registerTimer(int timerId, qint64 interval, Qt::TimerType timerType,
                                    QObject *object)
{
    addTimer(timerId, interval * kNsPerMs, timerType, object);
}

bool EpollDispatcher::unregisterTimer(int timerId)
{
    return removeTimer(timerId);
}

QList<QAbstractEventDispatcher::TimerInfo> EpollDispatcher::registeredTimers(QObject *object) const
{
    QList<TimerInfo> list;
    for (const auto &[id, timer] : m_timers) {
        if (timer.object == object) {
            list.append(TimerInfo(id, int(timer.intervalNs / kNsPerMs), timer.type));
        }
    }
    return list;
}

int EpollDispatcher::remainingTime(int timerId)
{
    const qint64 remaining = remainingNs(timerId);
    return remaining < 0 ? -1 : int((remaining + kNsPerMs - 1) / kNsPerMs);
}

#endif

} // namespace tidegate
