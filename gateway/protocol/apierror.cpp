// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/apierror.h"

#include <QString>

#include <algorithm>

namespace tidegate {

namespace {

// The types that the SDKs' error classes and OpenAI's own answers use for these statuses.
std::string_view errorType(int status)
{
    switch (status) {
    case 401:
        return "authentication_error";
    case 402:
        return "insufficient_quota";
    case 403:
        return "permission_error";
    case 404:
        return "not_found_error";
    case 429:
        return "rate_limit_error";
    default:
        return status >= 500 ? "api_error" : "invalid_request_error";
    }
}

} // namespace

QByteArray jsonString(std::string_view text)
{
    static constexpr char kHex[] = "0123456789abcdef";
    // The round trip through QString mends invalid UTF-8, which JSON does not allow; ASCII is
    // valid.
    const bool ascii = std::all_of(text.begin(), text.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    const QByteArray valid = ascii
                                 ? QByteArray(text.data(), qsizetype(text.size()))
                                 : QString::fromUtf8(text.data(), qsizetype(text.size())).toUtf8();
    QByteArray out;
    out.reserve(valid.size() + 8);
    out.append('"');
    for (const char c : valid) {
        switch (c) {
        case '"':
            out.append("\\\"");
            break;
        case '\\':
            out.append("\\\\");
            break;
        case '\n':
            out.append("\\n");
            break;
        case '\r':
            out.append("\\r");
            break;
        case '\t':
            out.append("\\t");
            break;
        default:
            if (static_cast<unsigned char>(c) < 0x20) {
                out.append("\\u00").append(kHex[(c >> 4) & 0xf]).append(kHex[c & 0xf]);
            } else {
                out.append(c);
            }
        }
    }
    out.append('"');
    return out;
}

QByteArray ApiError::toJson() const
{
    QByteArray out =
        R"({"error":{"message":)" + jsonString({message.constData(), size_t(message.size())});
    out.append(R"(,"type":")")
        .append(errorType(status).data(), qsizetype(errorType(status).size()));
    out.append(R"(","param":)");
    out.append(param.isEmpty() ? QByteArray("null")
                               : jsonString({param.constData(), size_t(param.size())}));
    out.append(R"(,"code":")").append(code).append(R"("}})");
    return out;
}

} // namespace tidegate
