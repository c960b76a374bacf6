// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/latencyestimate.h"

#include <algorithm>
#include <cmath>

namespace tidegate {

namespace {

constexpr double kNsPerMs = 1e6;
// How many times in a half-life the percentile's counts are aged.
constexpr int kAgings = 4;

} // namespace

void LatencyEstimate::answered(qint64 latencyNs, qint64 nowNs)
{
    latencyNs = std::max<qint64>(latencyNs, 1);
    const size_t bucket = bucketOf(latencyNs);
    const std::lock_guard lock(m_mutex);
    observe(latencyNs, nowNs);
    age(nowNs);
    m_counts[bucket] += 1;
    m_total += 1;
}

void LatencyEstimate::failed(qint64 elapsedNs, qint64 nowNs)
{
    const std::lock_guard lock(m_mutex);
    observe(std::max(elapsedNs, kFailureNs), nowNs);
}

bool LatencyEstimate::isKnown() const
{
    const std::lock_guard lock(m_mutex);
    return m_atNs != 0;
}

qint64 LatencyEstimate::estimateNs(qint64 nowNs) const
{
    const std::lock_guard lock(m_mutex);
    return qint64(decayed(nowNs));
}

double LatencyEstimate::load(qint64 nowNs) const
{
    const int running = std::max(0, inFlight());
    const std::lock_guard lock(m_mutex);
    return decayed(nowNs) * double(running + 1);
}

std::optional<qint64> LatencyEstimate::percentileNs(double share, qint64 nowNs) const
{
    const std::lock_guard lock(m_mutex);
    age(nowNs);
    if (m_total < float(kMinObservations)) {
        return std::nullopt;
    }
    const float wanted = float(share) * m_total;
    float sum = 0;
    for (size_t bucket = 0; bucket < m_counts.size(); ++bucket) {
        sum += m_counts[bucket];
        if (sum >= wanted && m_counts[bucket] > 0) {
            return middleOf(bucket);
        }
    }
    return middleOf(m_counts.size() - 1);
}

size_t LatencyEstimate::bucketOf(qint64 ns)
{
    const double step = std::log2(double(ns) / kNsPerMs) * kStepsPerDoubling;
    return size_t(std::clamp(step, 0.0, double(kBuckets - 1)));
}

qint64 LatencyEstimate::middleOf(size_t bucket)
{
    return qint64(std::exp2((double(bucket) + 0.5) / kStepsPerDoubling) * kNsPerMs);
}

double LatencyEstimate::decayed(qint64 nowNs) const
{
    if (m_atNs == 0 || nowNs <= m_atNs) {
        return m_estimateNs;
    }
    return m_estimateNs * std::exp(-double(nowNs - m_atNs) / double(kDecayNs));
}

void LatencyEstimate::observe(qint64 ns, qint64 nowNs)
{
    const auto seen = double(ns);
    if (m_atNs == 0 || seen >= m_estimateNs) {
        m_estimateNs = seen;
    } else {
        const double elapsed = double(std::max<qint64>(0, nowNs - m_atNs));
        const double kept = std::exp(-elapsed / double(kDecayNs));
        m_estimateNs = m_estimateNs * kept + seen * (1 - kept);
    }
    m_atNs = std::max(m_atNs, nowNs);
}

// Takes weight from what was seen before, a quarter of a half-life at a time.
void LatencyEstimate::age(qint64 nowNs) const
{
    constexpr qint64 kStepNs = kHalfLifeNs / kAgings;
    if (m_agedNs == 0) {
        m_agedNs = nowNs;
    }
    const qint64 steps = (nowNs - m_agedNs) / kStepNs;
    if (steps <= 0) {
        return;
    }
    m_agedNs += steps * kStepNs;
    const auto kept = float(std::exp2(-double(steps) / kAgings));
    m_total = 0;
    for (float &count : m_counts) {
        count *= kept;
        m_total += count;
    }
}

} // namespace tidegate
