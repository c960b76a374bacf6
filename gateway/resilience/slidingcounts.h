// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <array>

namespace tidegate {

/// Two counts over the time just past, such as failures and successes.
///
/// Value without a lock, used under its owner's. The window moves in sixteenths: what is counted is
/// at most a sixteenth older than the window says, never less.
class SlidingCounts
{
public:
    static constexpr int kSlots = 16;

    explicit SlidingCounts(qint64 windowMs);

    /// Keeps what is counted, each in its time.
    void setWindow(qint64 windowMs, qint64 nowNs);
    void add(qint64 first, qint64 second, qint64 nowNs);
    void clear();
    /// Lets what is too old go. The counts are as of the last call of this or add().
    void advance(qint64 nowNs);

    [[nodiscard]] qint64 first() const { return m_first; }
    [[nodiscard]] qint64 second() const { return m_second; }

private:
    struct Slot
    {
        qint64 first = 0;
        qint64 second = 0;
    };

    qint64 m_slotNs;
    qint64 m_tick = 0; ///< of the newest slot: its time in slots
    qint64 m_first = 0;
    qint64 m_second = 0;
    std::array<Slot, kSlots + 1> m_slots; ///< the present one and the window before it
};

} // namespace tidegate
