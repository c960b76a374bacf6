// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"
#include "gateway/observe/routetrace.h"
#include "gateway/pipeline/lanestate.h"
#include "gateway/protocol/apierror.h"
#include "gateway/resilience/jitter.h"

#include <QByteArray>
#include <QVarLengthArray>

#include <optional>
#include <string_view>

namespace tidegate {

struct HttpRequest;

/// One backend with what is known of it at run time.
struct Lane
{
    const BackendConfig *backend = nullptr; ///< into the Routes' configuration
    LaneStatePtr state;
};

/// The numbers behind weights and shares: fast, and the same for the same seed.
///
/// One per engine thread, used in its thread.
class LaneDice
{
public:
    explicit LaneDice(quint64 seed)
        : m_state(seed)
    {
    }
    /// From 0 to below 1.
    [[nodiscard]] double share() { return nextUnit(m_state); }
    /// From 0 to below @p bound.
    [[nodiscard]] quint64 below(quint64 bound);

private:
    quint64 m_state;
};

/// A request as far as it decides where it goes. Only valid during the call it is given to.
struct RouteRequest
{
    const QByteArray &model;
    LaneDice &dice;
    qint64 nowNs = 0;
    std::string_view backend = {};     ///< x-tidegate-backend; empty: no wish
    const ClientKey *key = nullptr;    ///< null: none was asked for
    const HttpRequest *http = nullptr; ///< for affinity; may be null: then there is none
    bool hasTools = false;
    qint64 atUs = 0; ///< since the request's first byte, for the trace
};

/// One lane of a plan.
struct PlannedLane
{
    const Lane *lane = nullptr; ///< into the Routes
    QByteArray model;           ///< as the backend calls it
    /// The public model that it is a target of: the requested one or a fallback. Null for a name
    /// that only backends know.
    const ModelConfig *via = nullptr;
    bool isFallback = false;

    [[nodiscard]] const BackendConfig &backend() const { return *lane->backend; }
    [[nodiscard]] LaneState &state() const { return *lane->state; }
    /// Answered by Tidegate itself.
    [[nodiscard]] bool isLocal() const
    {
        return backend().type == BackendType::Echo || backend().type == BackendType::Noop;
    }
    [[nodiscard]] UpstreamTimeouts timeouts() const;
    [[nodiscard]] RetryRule retry() const;
};

/// How a model's name was understood, most specific first.
enum class RouteMatch : quint8
{
    None,
    Wish,    ///< x-tidegate-backend
    Public,  ///< a name or alias of the models section
    Listed,  ///< listed by backends, or found to be served by them
    Backend, ///< "backend/model"
    Pattern, ///< a pattern of a backend or an alias
    Prefix,  ///< a well-known beginning, such as gpt-
    Default, ///< default_backend
    Any,     ///< backends that list nothing
};

/// Where one request may go, in order.
///
/// Value type of one engine thread. Valid as long as the Routes that made it.
struct LanePlan
{
    QVarLengthArray<PlannedLane, 4> lanes; ///< each (backend, model) once
    /// Those passed over already; goes on as the exchange's trace.
    RouteTrace trace;
    /// Set when there is no lane, and only then: what the client is told.
    std::optional<ApiError> error;
    const ModelConfig *model = nullptr; ///< the requested public model; null for other names
    std::optional<PlannedLane> mirror;  ///< set when this request is one of those to be mirrored
    RouteMatch match = RouteMatch::None;

    /// The soonest that one of the lanes could take a request; 0: not known.
    [[nodiscard]] qint64 availableAtNs(qint64 nowNs) const;
    [[nodiscard]] const HedgeRule *hedge() const
    {
        return model && model->hedge.enabled ? &model->hedge : nullptr;
    }
};

/// How an attempt ended, for the trace.
[[nodiscard]] RouteStep::Reason stepReason(Disposition disposition);
/// "public", "listed", "pattern", …
[[nodiscard]] const char *routeMatchName(RouteMatch match);

} // namespace tidegate
