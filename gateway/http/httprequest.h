// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QHostAddress>

#include <string_view>
#include <vector>

namespace tidegate {

enum class HttpMethod : quint8
{
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    Other
};

/// One field of a request head. Both views point into HttpRequest::head.
struct HttpField
{
    std::string_view name;  ///< as sent; compare without regard to case
    std::string_view value; ///< without surrounding white space
};

/// One complete, validated request (RFC 9110, RFC 9112), moved to whoever answers it.
///
/// Value type; lives in the engine thread that read it. Move-only, because fields point into head.
struct HttpRequest
{
    HttpRequest() = default;
    HttpRequest(HttpRequest &&) noexcept = default;
    HttpRequest &operator=(HttpRequest &&) noexcept = default;
    HttpRequest(const HttpRequest &) = delete;
    HttpRequest &operator=(const HttpRequest &) = delete;
    ~HttpRequest() = default;

    /// The first value of a field, empty when absent. @p name in lower case.
    [[nodiscard]] std::string_view field(std::string_view name) const;

    QByteArray head;               ///< request line and fields as received
    std::vector<HttpField> fields; ///< in order of arrival
    HttpMethod method = HttpMethod::Other;
    std::string_view path;  ///< of the target, before `?`, not decoded; into head
    std::string_view query; ///< after `?`, may be empty; into head
    QByteArray body;        ///< de-chunked; capacity has room for simdjson's padding
    QHostAddress peerAddress;
    quint16 peerPort = 0;
    qint64 firstByteNs = 0; ///< monotonic time at which its first byte was read
    qint64 completeNs = 0;  ///< monotonic time at which its last byte was read
};

/// True when @p a and @p b are equal in ASCII without regard to case.
[[nodiscard]] bool equalsIgnoreCase(std::string_view a, std::string_view b);

} // namespace tidegate
