// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <cstddef>
#include <vector>

namespace tidegate {

/// Base of whatever waits in a DeadlineQueue. Must leave the queue before it is destroyed.
struct Deadline
{
    static constexpr size_t kNotQueued = size_t(-1);

    qint64 dueNs = 0;         ///< monotonic; only valid while queued
    size_t slot = kNotQueued; ///< the queue's business
};

/// A binary heap of deadlines whose members know their place, so that moving one costs O(log n).
///
/// Lives in one thread; owned by its user. Knows no clock: the user compares and arms one timer.
class DeadlineQueue
{
public:
    /// Queues @p deadline, or moves it when it is queued already.
    void set(Deadline &deadline, qint64 dueNs);
    /// Without effect when it is not queued.
    void remove(Deadline &deadline);
    /// The one due first, null when empty.
    [[nodiscard]] Deadline *first() const { return m_heap.empty() ? nullptr : m_heap.front(); }

private:
    void place(Deadline *deadline, size_t slot);
    void siftUp(size_t slot);
    void siftDown(size_t slot);

    std::vector<Deadline *> m_heap;
};

} // namespace tidegate
