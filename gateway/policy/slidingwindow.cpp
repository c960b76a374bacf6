// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/slidingwindow.h"

#include <algorithm>

namespace tidegate {

void SlidingWindow::advance(qint64 nowNs)
{
    while (m_head < m_uses.size() && nowNs - m_uses[m_head].lastNs >= kWindowNs) {
        m_total -= m_uses[m_head].amount;
        ++m_head;
        ++m_gone;
    }
    if (m_head == m_uses.size()) {
        m_uses.clear();
        m_head = 0;
    } else if (m_head >= 32 && m_head * 2 >= m_uses.size()) {
        m_uses.erase(m_uses.begin(), m_uses.begin() + std::ptrdiff_t(m_head));
        m_head = 0;
    }
}

qint64 SlidingWindow::availableAtNs(qint64 amount, qint64 nowNs)
{
    advance(nowNs);
    if (amount > m_limit) {
        return -1;
    }
    qint64 excess = m_total + amount - m_limit;
    if (excess <= 0) {
        return 0;
    }
    // The uses sum up to m_total and amount is within the limit, so the loop ends inside.
    size_t i = m_head;
    while ((excess -= m_uses[i].amount) > 0) {
        ++i;
    }
    return m_uses[i].lastNs + kWindowNs;
}

qint64 SlidingWindow::take(qint64 amount, qint64 nowNs)
{
    advance(nowNs);
    m_total += amount;
    const size_t inWindow = m_uses.size() - m_head;
    const qint64 atNs = inWindow > 0 ? std::max(nowNs, m_uses.back().lastNs) : nowNs;
    if (inWindow >= kExactUses && atNs - m_uses.back().firstNs < kGrainNs) {
        m_uses.back().lastNs = atNs;
        m_uses.back().amount += amount;
    } else {
        m_uses.push_back({atNs, atNs, amount});
    }
    return m_gone + qint64(m_uses.size() - m_head) - 1;
}

void SlidingWindow::settle(qint64 taken, qint64 used, qint64 mark, qint64 nowNs)
{
    advance(nowNs);
    if (mark >= m_gone) {
        m_uses[m_head + size_t(mark - m_gone)].amount += used - taken;
        m_total += used - taken;
    } else if (used > taken) {
        take(used - taken, nowNs);
    }
}

qint64 SlidingWindow::used(qint64 nowNs)
{
    advance(nowNs);
    return m_total;
}

qint64 SlidingWindow::remaining(qint64 nowNs)
{
    advance(nowNs);
    return std::max<qint64>(0, m_limit - m_total);
}

qint64 SlidingWindow::fullAtNs(qint64 nowNs)
{
    advance(nowNs);
    for (size_t i = m_uses.size(); m_total > 0 && i > m_head; --i) {
        if (m_uses[i - 1].amount > 0) {
            return m_uses[i - 1].lastNs + kWindowNs;
        }
    }
    return 0;
}

} // namespace tidegate
