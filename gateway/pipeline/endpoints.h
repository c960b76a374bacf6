// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/http/httprequest.h"
#include "gateway/ledger/ledgerrow.h"

#include <string_view>
#include <vector>

namespace tidegate {

/// What a path leads to.
enum class RouteTarget : quint8
{
    Unknown,
    Proxied,
    ModelList,
    Model,
    Health,
    Ready,
    Metrics,
    LiveEvents,
    Admin,       ///< anything else of the admin API; its own router knows the paths
    ApiDocument, ///< the OpenAPI description
    DocsPage,    ///< that description to read and try out
};

/// A path of the contract and how it may be used.
struct EndpointMatch
{
    RouteTarget target = RouteTarget::Unknown;
    Endpoint endpoint = Endpoint::Other;
    std::string_view upstreamPath; ///< below the backend's base URL, e.g. "/chat/completions"
    std::string_view allow;        ///< for the Allow field of a 405, e.g. "GET, HEAD"
    std::string_view model;        ///< of /v1/models/{id}, not decoded; into the request's head
    bool needsKey = true;

    [[nodiscard]] bool allows(HttpMethod method) const;
    /// Asks for the admin token and for a browser that is on our side.
    [[nodiscard]] bool isAdministration() const
    {
        return target == RouteTarget::Admin || target == RouteTarget::LiveEvents;
    }
};

[[nodiscard]] EndpointMatch matchEndpoint(std::string_view path);
/// All fixed paths; besides them there are /v1/models/{model} and what is below /admin/v1/.
[[nodiscard]] std::vector<std::string_view> endpointPaths();

} // namespace tidegate
