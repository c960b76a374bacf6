// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"
#include "gateway/observe/routetrace.h"
#include "gateway/pipeline/lanegate.h"
#include "gateway/pipeline/lanequeue.h"
#include "gateway/resilience/circuitbreaker.h"
#include "gateway/resilience/credentials.h"
#include "gateway/resilience/lanehealth.h"
#include "gateway/resilience/latencyestimate.h"
#include "gateway/resilience/retrybudget.h"

#include <QByteArray>

#include <atomic>
#include <memory>

namespace tidegate {

/// What is known of one backend at run time, kept by name across configuration changes.
///
/// Shared by all engine threads and the main thread; every member may be used from any of them.
class LaneState
{
public:
    enum class Reachability : quint8
    {
        Unknown,
        Reachable,
        Unreachable
    };

    /// Whether a request could be sent now, and if not, why and until when.
    struct Availability
    {
        RouteStep::Reason reason = RouteStep::Reason::None; ///< None: it could
        qint64 untilNs = 0; ///< monotonic; 0: not known, or not by itself

        explicit operator bool() const { return reason == RouteStep::Reason::None; }
        /// It could not, but Tidegate can start the backend or is about to.
        [[nodiscard]] bool isComing() const
        {
            return reason == RouteStep::Reason::Asleep || reason == RouteStep::Reason::Starting;
        }
    };

    explicit LaneState(QByteArray backendName);

    /// Takes over the settings of @p backend; what is known and counted stays.
    void configure(const BackendConfig &backend, qint64 nowNs);

    /// Looks, and takes nothing: neither a probe nor a key nor a place. A full queue does not
    /// count, because places become free.
    [[nodiscard]] Availability availability(qint64 nowNs) const;

    /// True when its latest request did not fail, or none was sent yet.
    [[nodiscard]] bool isWell(qint64 nowNs) const;

    /// Requests under way.
    [[nodiscard]] int load() const { return latency.inFlight(); }

    const QByteArray name;
    CircuitBreaker breaker;
    Credentials credentials;
    LatencyEstimate latency;
    RetryBudget retries;
    LaneQueue queue;
    LaneHealth health;
    LaneGate gate;
    std::atomic<bool> draining{false}; ///< gets no new requests; set and unset by hand
    std::atomic<Reachability> reachability{Reachability::Unknown};
};

using LaneStatePtr = std::shared_ptr<LaneState>;

} // namespace tidegate
