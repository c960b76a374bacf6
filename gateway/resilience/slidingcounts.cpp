// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/slidingcounts.h"

#include <algorithm>

namespace tidegate {

namespace {

qint64 slotNsFor(qint64 windowMs)
{
    return std::max<qint64>(1, windowMs) * 1'000'000 / SlidingCounts::kSlots;
}

} // namespace

SlidingCounts::SlidingCounts(qint64 windowMs)
    : m_slotNs(slotNsFor(windowMs))
{
}

void SlidingCounts::setWindow(qint64 windowMs, qint64 nowNs)
{
    const qint64 slotNs = slotNsFor(windowMs);
    if (slotNs == m_slotNs) {
        return;
    }
    advance(nowNs);
    SlidingCounts moved(windowMs);
    moved.m_tick = nowNs / slotNs;
    for (int age = 0; age < int(m_slots.size()); ++age) {
        const qint64 tick = m_tick - age;
        if (tick < 0) {
            break;
        }
        const Slot &slot = m_slots[size_t(tick) % m_slots.size()];
        const qint64 movedTick = std::min(tick * m_slotNs / slotNs, moved.m_tick);
        if (moved.m_tick - movedTick <= kSlots) {
            Slot &target = moved.m_slots[size_t(movedTick) % m_slots.size()];
            target.first += slot.first;
            target.second += slot.second;
            moved.m_first += slot.first;
            moved.m_second += slot.second;
        }
    }
    *this = moved;
}

void SlidingCounts::add(qint64 first, qint64 second, qint64 nowNs)
{
    advance(nowNs);
    Slot &slot = m_slots[size_t(m_tick) % m_slots.size()];
    slot.first += first;
    slot.second += second;
    m_first += first;
    m_second += second;
}

void SlidingCounts::clear()
{
    m_slots = {};
    m_first = 0;
    m_second = 0;
}

void SlidingCounts::advance(qint64 nowNs)
{
    const qint64 tick = nowNs / m_slotNs;
    // Threads take the time before they take the lock, so it may seem to go back a little.
    if (tick <= m_tick) {
        return;
    }
    if (tick - m_tick >= qint64(m_slots.size())) {
        clear();
        m_tick = tick;
        return;
    }
    while (m_tick < tick) {
        ++m_tick;
        Slot &slot = m_slots[size_t(m_tick) % m_slots.size()];
        m_first -= slot.first;
        m_second -= slot.second;
        slot = {};
    }
}

} // namespace tidegate
