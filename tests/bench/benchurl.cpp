// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/benchurl.h"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace tidegate::bench {

BenchUrl parseUrl(const std::string &text)
{
    constexpr std::string_view kScheme = "http://";
    if (!text.starts_with(kScheme)) {
        std::fprintf(stderr, "not an http:// URL: %s\n", text.c_str());
        std::exit(2);
    }
    BenchUrl url;
    const size_t slash = text.find('/', kScheme.size());
    std::string place = text.substr(kScheme.size(), slash - kScheme.size());
    if (slash != std::string::npos) {
        url.target = text.substr(slash);
    }
    if (const size_t colon = place.find(':'); colon != std::string::npos) {
        url.port = std::atoi(place.c_str() + colon + 1);
        place.resize(colon);
    }
    url.host = place == "localhost" ? "127.0.0.1" : place;
    return url;
}

std::string chatRequest(const BenchUrl &url, const std::string &key, const std::string &field,
                        const std::string &model, size_t bodyBytes, const std::string &extra)
{
    std::string body = R"({"model":")" + model + R"(","messages":[{"role":"user","content":")";
    const std::string end = "\"}]" + extra + "}";
    const size_t fixed = body.size() + end.size();
    body.append(bodyBytes > fixed ? bodyBytes - fixed : 5, 'x');
    body += end;
    std::string request = "POST " + url.target + " HTTP/1.1\r\nHost: " + url.host + ":" +
                          std::to_string(url.port) +
                          "\r\nContent-Type: application/json\r\nAccept: */*\r\n";
    if (!key.empty()) {
        request += "Authorization: Bearer " + key + "\r\n";
    }
    if (!field.empty()) {
        request += field + "\r\n";
    }
    return request + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

} // namespace tidegate::bench
