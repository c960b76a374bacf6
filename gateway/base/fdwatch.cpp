// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/base/fdwatch.h"

#include <QAbstractEventDispatcher>
#include <QSocketNotifier>

#ifdef Q_OS_LINUX
#include "gateway/base/epolldispatcher.h"
#else
namespace tidegate {
// Only completes the type for QPointer: where there is no epoll, nothing makes one.
class EpollDispatcher : public QObject
{
};
} // namespace tidegate
#endif

namespace tidegate {

FdWatch::FdWatch(qintptr fd, FdWatcher &watcher)
    : m_watcher(watcher)
    , m_fd(fd)
{
#ifdef Q_OS_LINUX
    m_dispatcher = qobject_cast<EpollDispatcher *>(QAbstractEventDispatcher::instance());
    if (m_dispatcher) {
        m_direct = true;
        m_dispatcher->watch(int(m_fd), &m_watcher, false, false);
    }
#endif
}

FdWatch::~FdWatch()
{
#ifdef Q_OS_LINUX
    if (m_dispatcher) {
        m_dispatcher->unwatch(int(m_fd));
    }
#endif
    for (QSocketNotifier *each : {m_readNotifier, m_writeNotifier}) {
        if (each) {
            // Not deleted here: this may be running inside its activated().
            each->disconnect();
            each->setEnabled(false);
            each->deleteLater();
        }
    }
}

void FdWatch::setInterest(bool read, bool write)
{
    if (m_read != read || m_write != write) {
        m_read = read;
        m_write = write;
        apply();
    }
}

void FdWatch::setHangUpInterest(bool on)
{
    if (m_hangUp != on) {
        m_hangUp = on;
        apply();
    }
}

void FdWatch::apply()
{
    if (m_direct) {
#ifdef Q_OS_LINUX
        if (m_dispatcher) {
            m_dispatcher->setInterest(int(m_fd), m_read, m_write, m_hangUp);
        }
#endif
        return;
    }
    if (m_read || m_readNotifier) {
        notifier(m_readNotifier, false)->setEnabled(m_read);
    }
    if (m_write || m_writeNotifier) {
        notifier(m_writeNotifier, true)->setEnabled(m_write);
    }
}

QSocketNotifier *FdWatch::notifier(QSocketNotifier *&slot, bool forWrite)
{
    if (!slot) {
        slot = new QSocketNotifier(forWrite ? QSocketNotifier::Write : QSocketNotifier::Read);
        slot->setSocket(m_fd);
        QObject::connect(slot, &QSocketNotifier::activated, slot,
                         [this, forWrite] { m_watcher.fdReady(!forWrite, forWrite); });
    }
    return slot;
}

} // namespace tidegate
