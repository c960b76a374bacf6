// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/money.h"

#include <QtGlobal>

#include <array>
#include <utility>

namespace tidegate {

class BudgetBook;

/// Money set aside for one request.
///
/// Movable value, owned by the exchange in its engine thread; must not outlive its BudgetBook. One
/// that is destroyed without settle() or release() is settled at its full amount, because the
/// request may have cost it.
class BudgetHold
{
public:
    BudgetHold() = default;
    ~BudgetHold();
    BudgetHold(BudgetHold &&other) noexcept
        : m_book(std::exchange(other.m_book, nullptr))
        , m_id(other.m_id)
        , m_amount(other.m_amount)
        , m_startedUs(other.m_startedUs)
        , m_slot(other.m_slot)
        , m_ids(other.m_ids)
    {
    }
    BudgetHold &operator=(BudgetHold &&other) noexcept;

    /// True until it is settled or released.
    [[nodiscard]] bool isActive() const { return m_book != nullptr; }
    /// For LedgerRow::holdId; 0 when no budget applies or there is no journal.
    [[nodiscard]] quint64 id() const { return m_id; }
    [[nodiscard]] Money amount() const { return m_amount; }
    /// True when a budget applied as it was made, so that money is set aside.
    [[nodiscard]] bool setsAside() const { return m_slot != kNoSlot; }

private:
    friend class BudgetBook;

    static constexpr quint32 kNoSlot = ~0U;

    BudgetBook *m_book = nullptr;
    quint64 m_id = 0;
    Money m_amount;
    qint64 m_startedUs = 0;
    quint32 m_slot = kNoSlot;         ///< in the book's table of holds; none when nothing is held
    std::array<qint64, 2> m_ids = {}; ///< key and team
};

} // namespace tidegate
