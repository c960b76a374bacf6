// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <vector>

namespace tidegate {

/// A rate of which never more than the limit is used within any 60 seconds.
///
/// Value without a lock, used under the Limiter's. Remembers each use by the nanosecond; of more
/// than kExactUses in a minute those within kGrainNs of each other leave the window together, with
/// the last of them: so under load a use may count for up to kGrainNs longer than 60 s, never
/// shorter, and memory is bounded (about 190 records) whatever the limit.
class SlidingWindow
{
public:
    static constexpr qint64 kWindowNs = 60'000'000'000;
    static constexpr qint64 kGrainNs = 500'000'000;
    static constexpr size_t kExactUses = 64;

    explicit SlidingWindow(qint64 limit)
        : m_limit(limit)
    {
    }

    void setLimit(qint64 limit) { m_limit = limit; }
    /// When @p amount can be taken if nothing else is: 0 for at once, -1 for never.
    [[nodiscard]] qint64 availableAtNs(qint64 amount, qint64 nowNs);
    /// Takes, whether available or not. The mark is for settle().
    qint64 take(qint64 amount, qint64 nowNs);
    /// Corrects what was taken to what was used, where it was taken. When that has left the window,
    /// only what was used beyond it counts, from now.
    void settle(qint64 taken, qint64 used, qint64 mark, qint64 nowNs);

    [[nodiscard]] qint64 limit() const { return m_limit; }
    [[nodiscard]] qint64 used(qint64 nowNs);
    [[nodiscard]] qint64 remaining(qint64 nowNs);
    /// 0 when nothing is used.
    [[nodiscard]] qint64 fullAtNs(qint64 nowNs);

private:
    struct Use
    {
        qint64 firstNs;
        qint64 lastNs;
        qint64 amount;
    };
    void advance(qint64 nowNs);

    qint64 m_limit;
    qint64 m_total = 0;
    qint64 m_gone = 0; ///< records that have left the window, ever: marks count from the first
    size_t m_head = 0; ///< of those still in m_uses
    std::vector<Use> m_uses; ///< oldest first
};

} // namespace tidegate
