// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/endpoints.h"

#include <array>

namespace tidegate {

namespace {

constexpr std::string_view kRead = "GET, HEAD";
constexpr std::string_view kPost = "POST";
constexpr std::string_view kAny = "GET, HEAD, POST, PATCH, DELETE";
constexpr std::string_view kModelPrefix = "/v1/models/";
constexpr std::string_view kAdminPrefix = "/admin/v1/";

struct Row
{
    std::string_view path;
    EndpointMatch match;
};

constexpr std::array kRows{
    Row{"/v1/chat/completions",
        {RouteTarget::Proxied, Endpoint::ChatCompletions, "/chat/completions", kPost, {}, true}},
    Row{"/v1/completions",
        {RouteTarget::Proxied, Endpoint::Completions, "/completions", kPost, {}, true}},
    Row{"/v1/embeddings",
        {RouteTarget::Proxied, Endpoint::Embeddings, "/embeddings", kPost, {}, true}},
    Row{"/v1/models", {RouteTarget::ModelList, Endpoint::Models, {}, kRead, {}, true}},
    Row{"/health", {RouteTarget::Health, Endpoint::Other, {}, kRead, {}, false}},
    Row{"/ready", {RouteTarget::Ready, Endpoint::Other, {}, kRead, {}, false}},
    Row{"/metrics", {RouteTarget::Metrics, Endpoint::Other, {}, kRead, {}, false}},
    Row{"/openapi.json", {RouteTarget::ApiDocument, Endpoint::Other, {}, kRead, {}, false}},
    Row{"/docs", {RouteTarget::DocsPage, Endpoint::Other, {}, kRead, {}, false}},
    Row{"/admin/v1/events", {RouteTarget::LiveEvents, Endpoint::Other, {}, "GET", {}, false}},
};

} // namespace

bool EndpointMatch::allows(HttpMethod method) const
{
    switch (method) {
    case HttpMethod::Get:
        return allow != kPost;
    case HttpMethod::Head:
        return allow == kRead || allow == kAny;
    case HttpMethod::Post:
        return allow == kPost || allow == kAny;
    case HttpMethod::Patch:
    case HttpMethod::Delete:
        return allow == kAny;
    default:
        return false;
    }
}

EndpointMatch matchEndpoint(std::string_view path)
{
    for (const Row &row : kRows) {
        if (row.path == path) {
            return row.match;
        }
    }
    if (path.starts_with(kModelPrefix) && path.size() > kModelPrefix.size()) {
        return {RouteTarget::Model,
                Endpoint::Models,
                {},
                kRead,
                path.substr(kModelPrefix.size()),
                true};
    }
    if (path.starts_with(kAdminPrefix)) {
        return {RouteTarget::Admin, Endpoint::Other, {}, kAny, {}, false};
    }
    return {};
}

std::vector<std::string_view> endpointPaths()
{
    std::vector<std::string_view> paths;
    for (const Row &row : kRows) {
        paths.push_back(row.path);
    }
    return paths;
}

} // namespace tidegate
