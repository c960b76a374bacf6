// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

namespace tidegate {

class DeadlineList;

/// A member of at most one DeadlineList; leaves it when destroyed.
///
/// Lives in an engine thread; base of whatever has a deadline.
class DeadlineNode
{
public:
    DeadlineNode() = default;
    DeadlineNode(const DeadlineNode &) = delete;
    DeadlineNode &operator=(const DeadlineNode &) = delete;

    void leaveDeadlineList();

protected:
    ~DeadlineNode() { leaveDeadlineList(); }

private:
    friend class DeadlineList;
    DeadlineList *m_list = nullptr;
    DeadlineNode *m_next = nullptr;
    DeadlineNode *m_previous = nullptr;
    qint64 m_deadlineNs = 0;
};

/// Deadlines that are all the same time away when they are set, so arrival order is due order.
///
/// Lives in an engine thread; owned by FrontDoor. Everything is O(1). After the time changes, a
/// deadline may fire late, at most by the longer of both times, because of older ones before it.
class DeadlineList
{
public:
    DeadlineList() = default;
    DeadlineList(const DeadlineList &) = delete;
    DeadlineList &operator=(const DeadlineList &) = delete;
    ~DeadlineList()
    {
        while (m_first) {
            m_first->leaveDeadlineList();
        }
    }

    /// Sets the deadline of @p node to @p deadlineNs, leaving any list it was in.
    void enter(DeadlineNode &node, qint64 deadlineNs)
    {
        node.leaveDeadlineList();
        node.m_list = this;
        node.m_deadlineNs = deadlineNs;
        node.m_previous = m_last;
        (m_last ? m_last->m_next : m_first) = &node;
        m_last = &node;
    }
    /// Takes the next node that is due out of the list; null when none is.
    DeadlineNode *takeDue(qint64 nowNs)
    {
        DeadlineNode *const node = m_first;
        if (!node || node->m_deadlineNs > nowNs) {
            return nullptr;
        }
        node->leaveDeadlineList();
        return node;
    }
    [[nodiscard]] bool isEmpty() const { return !m_first; }

private:
    friend class DeadlineNode;
    DeadlineNode *m_first = nullptr;
    DeadlineNode *m_last = nullptr;
};

inline void DeadlineNode::leaveDeadlineList()
{
    if (!m_list) {
        return;
    }
    (m_previous ? m_previous->m_next : m_list->m_first) = m_next;
    (m_next ? m_next->m_previous : m_list->m_last) = m_previous;
    m_list = nullptr;
    m_next = nullptr;
    m_previous = nullptr;
}

} // namespace tidegate
