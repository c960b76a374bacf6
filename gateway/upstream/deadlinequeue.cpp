// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/upstream/deadlinequeue.h"

namespace tidegate {

void DeadlineQueue::set(Deadline &deadline, qint64 dueNs)
{
    if (deadline.slot == Deadline::kNotQueued) {
        deadline.dueNs = dueNs;
        deadline.slot = m_heap.size();
        m_heap.push_back(&deadline);
        siftUp(deadline.slot);
        return;
    }
    const bool earlier = dueNs < deadline.dueNs;
    deadline.dueNs = dueNs;
    if (earlier) {
        siftUp(deadline.slot);
    } else {
        siftDown(deadline.slot);
    }
}

void DeadlineQueue::remove(Deadline &deadline)
{
    if (deadline.slot == Deadline::kNotQueued) {
        return;
    }
    const size_t slot = deadline.slot;
    deadline.slot = Deadline::kNotQueued;
    Deadline *last = m_heap.back();
    m_heap.pop_back();
    if (last != &deadline) {
        place(last, slot);
        siftUp(slot);
        siftDown(last->slot);
    }
}

void DeadlineQueue::place(Deadline *deadline, size_t slot)
{
    m_heap[slot] = deadline;
    deadline->slot = slot;
}

void DeadlineQueue::siftUp(size_t slot)
{
    Deadline *moving = m_heap[slot];
    while (slot > 0) {
        const size_t parent = (slot - 1) / 2;
        if (m_heap[parent]->dueNs <= moving->dueNs) {
            break;
        }
        place(m_heap[parent], slot);
        slot = parent;
    }
    place(moving, slot);
}

void DeadlineQueue::siftDown(size_t slot)
{
    Deadline *moving = m_heap[slot];
    for (size_t child = 2 * slot + 1; child < m_heap.size(); child = 2 * slot + 1) {
        if (child + 1 < m_heap.size() && m_heap[child + 1]->dueNs < m_heap[child]->dueNs) {
            ++child;
        }
        if (moving->dueNs <= m_heap[child]->dueNs) {
            break;
        }
        place(m_heap[child], slot);
        slot = child;
    }
    place(moving, slot);
}

} // namespace tidegate
