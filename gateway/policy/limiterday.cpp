// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/limiterday.h"

#include <algorithm>

namespace tidegate {

void LimiterDay::advance(PolicyTime now)
{
    const qint64 today = now.wallUs / kDayUs;
    const bool believed = today > m_day || (today < m_day && restMs(now) <= 0);
    if (believed) {
        m_day = today;
        m_used = 0;
        m_sinceNs = now.monotonicNs;
    }
}

void LimiterDay::settle(qint64 taken, qint64 actual, qint64 day)
{
    if (day == m_day) {
        m_used += actual - taken;
    }
}

qint64 LimiterDay::restMs(PolicyTime now) const
{
    const qint64 byWallUs = (m_day + 1) * kDayUs - now.wallUs;
    qint64 restUs = byWallUs;
    if (now.wallUs < m_day * kDayUs) {
        const qint64 bySteadyUs = kDayUs - (now.monotonicNs - m_sinceNs) / 1000;
        restUs = std::min(byWallUs, bySteadyUs);
    }
    return restUs <= 0 ? 0 : (restUs + 999) / 1000;
}

} // namespace tidegate
