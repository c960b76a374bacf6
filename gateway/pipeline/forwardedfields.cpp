// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/forwardedfields.h"

#include <algorithm>
#include <array>

namespace tidegate {

namespace {

constexpr std::array<std::string_view, 29> kRequestFieldsKept{
    "accept-encoding",
    "api-key",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "cookie2",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "priority",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-api-key",
    "x-goog-api-key",
    "x-real-ip",
    "x-request-id",
    "http2-settings",
    "content-encoding",
    "range",
};
constexpr std::array<std::string_view, 4> kRequestPrefixesKept{"sec-", "x-forwarded-",
                                                               "x-stainless-", "x-tidegate-"};

constexpr std::array<std::string_view, 16> kAnswerFieldsKept{
    "alt-svc",
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "server",
    "set-cookie",
    "set-cookie2",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
};
constexpr std::array<std::string_view, 3> kAnswerPrefixesKept{"access-control-", "x-ratelimit-",
                                                              "x-tidegate-"};

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c;
}

bool startsWithIgnoreCase(std::string_view text, std::string_view lowerCasePrefix)
{
    return text.size() >= lowerCasePrefix.size() &&
           std::equal(lowerCasePrefix.begin(), lowerCasePrefix.end(), text.begin(),
                      [](char a, char b) { return a == lower(b); });
}

template <typename Names, typename Prefixes>
bool isKept(std::string_view name, const Names &names, const Prefixes &prefixes)
{
    return std::any_of(names.begin(), names.end(),
                       [name](std::string_view kept) {
                           return name.size() == kept.size() && equalsIgnoreCase(name, kept);
                       }) ||
           std::any_of(prefixes.begin(), prefixes.end(), [name](std::string_view prefix) {
               return startsWithIgnoreCase(name, prefix);
           });
}

// True when a Connection field names @p name, which makes it the connection's own.
bool isNamedByConnection(std::string_view connection, std::string_view name)
{
    while (!connection.empty()) {
        const size_t comma = connection.find(',');
        std::string_view token = connection.substr(0, comma);
        while (token.starts_with(' ') || token.starts_with('\t')) {
            token.remove_prefix(1);
        }
        while (token.ends_with(' ') || token.ends_with('\t')) {
            token.remove_suffix(1);
        }
        if (equalsIgnoreCase(token, name)) {
            return true;
        }
        connection =
            comma == std::string_view::npos ? std::string_view() : connection.substr(comma + 1);
    }
    return false;
}

} // namespace

std::vector<QByteArray> forwardedRequestFields(const HttpRequest &request)
{
    const std::string_view connection = request.field("connection");
    std::vector<QByteArray> fields;
    fields.reserve(request.fields.size());
    for (const HttpField &field : request.fields) {
        if (isKept(field.name, kRequestFieldsKept, kRequestPrefixesKept) ||
            isNamedByConnection(connection, field.name)) {
            continue;
        }
        QByteArray &line = fields.emplace_back(
            qsizetype(field.name.size() + field.value.size() + 2), Qt::Uninitialized);
        char *to = std::copy(field.name.begin(), field.name.end(), line.data());
        *to++ = ':';
        *to++ = ' ';
        std::copy(field.value.begin(), field.value.end(), to);
    }
    return fields;
}

void addForwardedAnswerFields(const UpstreamHead &upstream, ResponseHead &head, AnswerBody body)
{
    std::string_view connection;
    for (const auto &[name, value] : upstream.fields) {
        if (name == "connection") {
            connection = value;
        }
    }
    for (const auto &[name, value] : upstream.fields) {
        const bool describesBody = name.starts_with("content-") || name == "etag";
        if (!isKept(name, kAnswerFieldsKept, kAnswerPrefixesKept) &&
            !isNamedByConnection(connection, name) &&
            (body == AnswerBody::Relayed || !describesBody)) {
            head.add(name, value);
        }
    }
}

} // namespace tidegate
