// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/stringmap.h"
#include "gateway/config/configsnapshot.h"
#include "gateway/pipeline/laneplan.h"
#include "gateway/protocol/apierror.h"

#include <QByteArray>
#include <QByteArrayList>
#include <QHash>
#include <QVarLengthArray>

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace tidegate {

/// The model names each backend said it serves, by backend name.
using DiscoveredModels = QHash<QByteArray, QByteArrayList>;

/// Which backends serve which model: a configuration made ready for look-ups.
///
/// Immutable, shared by all engine threads, swapped whole with its configuration.
class Routes
{
public:
    /// @p states has one entry for each backend of @p config, in the same order.
    Routes(ConfigPtr config, std::vector<LaneStatePtr> states, const DiscoveredModels &discovered);
    Routes(const Routes &) = delete;
    Routes &operator=(const Routes &) = delete;

    /// The lanes for a request, in the order to try them.
    ///
    /// The name is looked for in this order: a public model name or an alias; a name that backends
    /// list or were found to serve; "backend/model"; the most specific pattern of a backend or an
    /// alias; a well-known beginning (gpt-, claude-, …) whose provider's backend lists nothing;
    /// default_backend; backends without a list, other than echo and noop, those first that are
    /// known to answer. All backends that serve it at the rank found are lanes: by priority, and
    /// at random by weight among equals. A public model's targets are ordered by its strategy,
    /// and those of its fallbacks follow, in the order written, then the fallbacks' own fallbacks.
    /// Lanes that cannot be used whatever happens (draining, without a key, …) are not in the plan
    /// but in its trace. Those known to be unwell come last, as long as one is well. Takes nothing
    /// from any lane.
    [[nodiscard]] LanePlan plan(const RouteRequest &request) const;

    /// True when @p key may use @p model (always for null).
    [[nodiscard]] static bool mayUse(const ClientKey *key, const QByteArray &model);

    /// Names for /v1/models with their owner, sorted: public names, exact aliases and those known
    /// of backends.
    [[nodiscard]] const std::vector<std::pair<QByteArray, QByteArray>> &models() const
    {
        return m_models;
    }

    [[nodiscard]] const ConfigPtr &config() const { return m_config; }
    [[nodiscard]] const std::vector<Lane> &lanes() const { return m_lanes; }
    [[nodiscard]] const Lane *findLane(std::string_view name) const;

private:
    /// One place where a model is served.
    struct Target
    {
        const Lane *lane = nullptr;
        QByteArray model; ///< as the backend calls it; empty: as the client does
        quint64 hash = 0; ///< of backend and model, for affinity
        int priority = 0;
        int weight = 1;
        std::optional<Money> price; ///< of a request of usual size; nothing: not known
    };
    using Targets = QVarLengthArray<const Target *, 8>;

    /// What a name leads to.
    struct Pool
    {
        const ModelConfig *config = nullptr; ///< null: a name that only backends know
        std::vector<Target> targets;         ///< by priority, or by price for `cheapest`
        std::vector<QByteArray> fallbacks;   ///< names, in order, those of fallbacks too
    };
    struct Pattern
    {
        Glob glob;
        size_t lane = 0;
        size_t pool = 0; ///< of an alias; kNoPool for a backend's
    };
    /// What was found for a name.
    struct Found
    {
        const Pool *pool = nullptr; ///< null unless it has one of its own
        Targets targets;
        RouteMatch match = RouteMatch::None;
        bool stripPrefix = false; ///< "backend/model": the backend knows the part after the slash

        void take(const Pool &from, RouteMatch how);
    };
    static constexpr size_t kNoPool = size_t(-1);

    void addLists(const DiscoveredModels &discovered);
    void addPublicModels();
    void addModelNames();
    [[nodiscard]] Target targetFor(const Lane &lane, const QByteArray &model) const;
    void addServed(const QByteArray &model, size_t lane);
    [[nodiscard]] std::vector<QByteArray> fallbacksOf(const ModelConfig &model) const;

    [[nodiscard]] Found find(const QByteArray &model) const;
    void findByPattern(const QByteArray &model, Found &found) const;
    void findByPrefix(const QByteArray &model, Found &found) const;
    [[nodiscard]] Found findAt(const Lane &lane, const QByteArray &model) const;
    void addLanes(LanePlan &plan, const RouteRequest &request, const QByteArray &name, Found &found,
                  bool isFallback) const;
    static void passOverUnwell(LanePlan &plan, const RouteRequest &request);
    static void sort(const Pool *pool, Targets &targets, const RouteRequest &request);
    void addMirror(LanePlan &plan, const RouteRequest &request) const;

    ConfigPtr m_config;
    std::vector<Lane> m_lanes;       ///< active ones, by priority
    std::vector<Target> m_through;   ///< one per lane: the model as the client calls it
    std::vector<Pool> m_pools;       ///< of public names, then of those backends list
    StringMap<size_t> m_public;      ///< names and exact aliases of the models section → pool
    StringMap<size_t> m_exact;       ///< other names → pool
    std::vector<Pattern> m_patterns; ///< most specific first
    std::vector<size_t> m_catchAll;  ///< lanes without a list of models
    std::vector<std::pair<QByteArray, QByteArray>> m_models;
};

using RoutesPtr = std::shared_ptr<const Routes>;

} // namespace tidegate
