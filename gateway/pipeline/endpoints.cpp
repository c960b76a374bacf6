// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/endpoints.h"

#include <array>

namespace tidegate {

namespace {

constexpr std::string_view kRead = "GET, HEAD";
constexpr std::string_view kPost = "POST";
constexpr std::string_view kModelPrefix = "/v1/models/";

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
    Row{"/admin/v1/events", {RouteTarget::LiveEvents, Endpoint::Other, {}, "GET", {}, false}},
};

} // namespace

bool EndpointMatch::allows(HttpMethod method) const
{
    if (allow == kPost) {
        return method == HttpMethod::Post;
    }
    return method == HttpMethod::Get || (method == HttpMethod::Head && allow == kRead);
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
    return {};
}

} // namespace tidegate
