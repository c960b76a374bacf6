// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include <atomic>
#include <mutex>
#include <string_view>

namespace tidegate {

/// What active probes and requests say of a backend.
enum class BackendHealth : quint8
{
    Unknown,  ///< nothing was sent yet
    Healthy,  ///< it answers
    Loading,  ///< the process is up, its model is not: new requests go elsewhere
    Unhealthy ///< it does not answer, or not as it should
};

/// What one look at a backend found.
struct HealthFinding
{
    BackendHealth health = BackendHealth::Unknown;
    QString reason; ///< one sentence for people; empty when there is nothing to say
};

/// The verdict on a backend's health: changed by several findings in a row, so that one lost packet
/// takes no lane out and one lucky answer brings none back.
///
/// Part of a lane's state. Written by the main thread, read by any: the verdict is one atomic read.
class LaneHealth
{
public:
    struct Snapshot
    {
        BackendHealth health = BackendHealth::Unknown;
        QString reason;
        qint64 checkedNs = 0; ///< of the last finding, monotonic; 0: never
    };

    LaneHealth() = default;
    LaneHealth(const LaneHealth &) = delete;
    LaneHealth &operator=(const LaneHealth &) = delete;

    /// Good findings in a row that bring it back, and bad ones that take it out; both at least 1.
    void configure(int healthyAfter, int unhealthyAfter);
    /// The first finding of all counts at once, and so does that a model is being loaded, because
    /// the backend itself says it.
    void found(HealthFinding finding, qint64 nowNs);
    /// As if nothing had been found yet: it is another backend now.
    void forget();

    [[nodiscard]] BackendHealth verdict() const
    {
        return m_verdict.load(std::memory_order_relaxed);
    }
    /// True unless it is known that requests had better go elsewhere.
    [[nodiscard]] bool isWell() const { return verdict() <= BackendHealth::Healthy; }
    [[nodiscard]] Snapshot snapshot() const;

private:
    std::atomic<BackendHealth> m_verdict{BackendHealth::Unknown};
    mutable std::mutex m_mutex; ///< guards what follows
    QString m_reason;
    qint64 m_checkedNs = 0;
    int m_healthyAfter = 1;
    int m_unhealthyAfter = 3;
    int m_good = 0; ///< in a row
    int m_bad = 0;  ///< in a row
};

/// "unknown", "healthy", "loading", "unhealthy".
[[nodiscard]] std::string_view backendHealthName(BackendHealth health);

} // namespace tidegate
