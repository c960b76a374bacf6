// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/adminline.h"

#include "gateway/engine/admincalls.h"

#include <QMetaObject>

#include <utility>

namespace tidegate {

namespace {

// Enough to keep a local client busy, little enough for a slow one to cost nothing.
constexpr qint64 kWindowBytes = 256 * 1024;

} // namespace

void AdminLine::post(std::function<void(AdminCalls &)> step)
{
    const std::lock_guard lock(m_mutex);
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
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [this, bytes] {
        return !m_calls || m_onTheWay <= 0 || m_onTheWay + bytes <= kWindowBytes;
    });
    m_onTheWay += bytes;
    return m_calls != nullptr;
}

bool AdminLine::isCut() const
{
    const std::lock_guard lock(m_mutex);
    return m_calls == nullptr;
}

void AdminLine::taken(qint64 bytes)
{
    const std::lock_guard lock(m_mutex);
    m_onTheWay -= bytes;
    m_changed.notify_all();
}

void AdminLine::cut()
{
    const std::lock_guard lock(m_mutex);
    m_calls = nullptr;
    m_changed.notify_all();
}

} // namespace tidegate
