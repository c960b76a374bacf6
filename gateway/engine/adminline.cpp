// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/adminline.h"

#include "gateway/engine/admincalls.h"

#include <QMutexLocker>

#include <utility>

namespace tidegate {

namespace {

// Enough to keep a local client busy, little enough for a slow one to cost nothing.
constexpr qint64 kWindowBytes = 256 * 1024;

} // namespace

void AdminLine::post(std::function<void(AdminCalls &)> step)
{
    const QMutexLocker locker(&m_mutex);
    if (m_calls) {
        // The engine's end cuts the line before it goes, so it is alive as long as the lock is
        // held; afterwards Qt drops what is queued for it.
        QMetaObject::invokeMethod(
            m_calls, [calls = m_calls, step = std::move(step)] { step(*calls); },
            Qt::QueuedConnection);
    }
}

bool AdminLine::waitForRoom(qint64 bytes)
{
    const QMutexLocker locker(&m_mutex);
    while (m_calls && m_onTheWay > 0 && m_onTheWay + bytes > kWindowBytes) {
        m_changed.wait(&m_mutex);
    }
    m_onTheWay += bytes;
    return m_calls != nullptr;
}

bool AdminLine::isCut() const
{
    const QMutexLocker locker(&m_mutex);
    return m_calls == nullptr;
}

void AdminLine::taken(qint64 bytes)
{
    const QMutexLocker locker(&m_mutex);
    m_onTheWay -= bytes;
    m_changed.wakeAll();
}

void AdminLine::cut()
{
    const QMutexLocker locker(&m_mutex);
    m_calls = nullptr;
    m_changed.wakeAll();
}

} // namespace tidegate
