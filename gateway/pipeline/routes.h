// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"
#include "gateway/pipeline/backendstate.h"
#include "gateway/protocol/apierror.h"

#include <QByteArray>
#include <QByteArrayList>
#include <QHash>

#include <memory>
#include <string_view>
#include <variant>
#include <vector>

namespace tidegate {

/// The model names each backend said it serves, by backend name.
using DiscoveredModels = QHash<QByteArray, QByteArrayList>;

/// One backend with what is known of it at run time.
struct Lane
{
    const BackendConfig *backend = nullptr; ///< into the Routes' configuration
    BackendStatePtr state;
};

/// Where a request goes.
struct Route
{
    Lane lane;
    QByteArray model; ///< as the backend calls it
};

/// Which backend serves which model: a configuration made ready for look-ups.
///
/// Immutable, shared by all engine threads, swapped whole with its configuration.
class Routes
{
public:
    /// @p states has one entry for each backend of @p config, in the same order.
    Routes(ConfigPtr config, std::vector<BackendStatePtr> states,
           const DiscoveredModels &discovered);

    /// Finds the lane for @p model, in this order: a public model name; a name that a backend lists
    /// or was found to serve; "backend/model"; the most specific pattern; default_backend; a
    /// backend without a list, other than echo and noop. At equal rank the lower priority number
    /// wins.
    /// @p backend, from x-tidegate-backend, narrows all of it to one backend; empty: no wish.
    [[nodiscard]] std::variant<Route, ApiError> resolve(const QByteArray &model,
                                                        std::string_view backend) const;

    /// True when @p key may use @p model (always for null).
    [[nodiscard]] static bool mayUse(const ClientKey *key, const QByteArray &model);

    /// Names for /v1/models with their owner, sorted: public names and those known of backends.
    [[nodiscard]] const std::vector<std::pair<QByteArray, QByteArray>> &models() const
    {
        return m_models;
    }

    [[nodiscard]] const ConfigPtr &config() const { return m_config; }
    [[nodiscard]] const std::vector<Lane> &lanes() const { return m_lanes; }

private:
    struct Pattern
    {
        Glob glob;
        size_t lane = 0;
    };

    [[nodiscard]] const Lane *findLane(std::string_view name) const;
    void addExact(const QByteArray &model, size_t lane);

    ConfigPtr m_config;
    std::vector<Lane> m_lanes;         ///< active ones, by priority
    QHash<QByteArray, Route> m_public; ///< names of the models section
    QHash<QByteArray, size_t> m_exact; ///< model → lane
    std::vector<Pattern> m_patterns;   ///< most specific first
    std::vector<size_t> m_catchAll;    ///< lanes without a list of models
    std::vector<std::pair<QByteArray, QByteArray>> m_models;
};

using RoutesPtr = std::shared_ptr<const Routes>;

} // namespace tidegate
