// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/lanehealth.h"

#include <algorithm>
#include <utility>

namespace tidegate {

void LaneHealth::configure(int healthyAfter, int unhealthyAfter)
{
    const std::lock_guard lock(m_mutex);
    m_healthyAfter = std::max(1, healthyAfter);
    m_unhealthyAfter = std::max(1, unhealthyAfter);
}

void LaneHealth::found(HealthFinding finding, qint64 nowNs)
{
    if (finding.health == BackendHealth::Unknown) {
        return;
    }
    const std::lock_guard lock(m_mutex);
    m_checkedNs = nowNs;
    const BackendHealth before = verdict();
    bool counts = before == BackendHealth::Unknown || finding.health == before;
    switch (finding.health) {
    case BackendHealth::Healthy:
        m_bad = 0;
        counts |= ++m_good >= m_healthyAfter;
        break;
    case BackendHealth::Unhealthy:
        m_good = 0;
        counts |= ++m_bad >= m_unhealthyAfter;
        break;
    case BackendHealth::Loading:
        m_good = 0;
        m_bad = 0;
        counts = true;
        break;
    case BackendHealth::Unknown:
        break;
    }
    if (counts) {
        m_reason = std::move(finding.reason);
        m_verdict.store(finding.health, std::memory_order_relaxed);
    }
}

void LaneHealth::forget()
{
    const std::lock_guard lock(m_mutex);
    m_verdict.store(BackendHealth::Unknown, std::memory_order_relaxed);
    m_reason.clear();
    m_checkedNs = 0;
    m_good = 0;
    m_bad = 0;
}

LaneHealth::Snapshot LaneHealth::snapshot() const
{
    const std::lock_guard lock(m_mutex);
    return {verdict(), m_reason, m_checkedNs};
}

std::string_view backendHealthName(BackendHealth health)
{
    switch (health) {
    case BackendHealth::Unknown:
        return "unknown";
    case BackendHealth::Healthy:
        return "healthy";
    case BackendHealth::Loading:
        return "loading";
    case BackendHealth::Unhealthy:
        return "unhealthy";
    }
    return {};
}

} // namespace tidegate
