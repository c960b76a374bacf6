// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/panel/stallwatch.h"

#include <algorithm>
#include <chrono>

namespace tidegate {

namespace {

constexpr std::chrono::milliseconds kPause(2);

qint64 nowNs()
{
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

} // namespace

StallWatch::StallWatch()
    : m_asker([this] { ask(); })
{
}

StallWatch::~StallWatch()
{
    m_ended = true;
    m_asker.join();
}

void StallWatch::ask()
{
    while (!m_ended) {
        if (m_answered.exchange(false)) {
            // Cannot outlive what it captures: the object is gone before this one is.
            QMetaObject::invokeMethod(
                &m_watched,
                [this, askedNs = nowNs()] {
                    const qint64 waitedNs = nowNs() - std::max(askedNs, m_sinceNs.load());
                    m_longestNs = std::max(m_longestNs.load(), waitedNs);
                    m_answered = true;
                },
                Qt::QueuedConnection);
        }
        std::this_thread::sleep_for(kPause);
    }
}

void StallWatch::restart()
{
    m_sinceNs = nowNs();
    m_longestNs = 0;
}

double StallWatch::longestMs() const
{
    return double(m_longestNs) / 1e6;
}

} // namespace tidegate
