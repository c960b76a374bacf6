// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/fdwatcher.h"

#include <QPointer>
#include <QtGlobal>

QT_FORWARD_DECLARE_CLASS(QSocketNotifier)

namespace tidegate {

class EpollDispatcher;

/// Watches one file descriptor from construction to destruction; starts without any interest.
///
/// Lives in the thread that made it; owned by whoever owns the descriptor, and destroyed before the
/// descriptor is closed. Under an EpollDispatcher it costs no QEvent and no signal, elsewhere it is
/// a pair of QSocketNotifier. At most one FdWatch for a descriptor at a time.
class FdWatch
{
public:
    /// @p watcher must outlive the watch.
    FdWatch(qintptr fd, FdWatcher &watcher);
    ~FdWatch();
    FdWatch(const FdWatch &) = delete;
    FdWatch &operator=(const FdWatch &) = delete;

    /// Level-triggered. Cheap: what changes back before the thread waits again costs no system
    /// call.
    void setInterest(bool read, bool write);
    /// Asks for fdHungUp() while there is no read interest. Without effect where the platform
    /// cannot tell a hang-up from readable data (anything but EpollDispatcher).
    void setHangUpInterest(bool on);

private:
    void apply();
    QSocketNotifier *notifier(QSocketNotifier *&slot, bool forWrite);

    FdWatcher &m_watcher;
    const qintptr m_fd;
    QPointer<EpollDispatcher> m_dispatcher;
    QSocketNotifier *m_readNotifier = nullptr;
    QSocketNotifier *m_writeNotifier = nullptr;
    bool m_direct = false;
    bool m_read = false;
    bool m_write = false;
    bool m_hangUp = false;
};

} // namespace tidegate
