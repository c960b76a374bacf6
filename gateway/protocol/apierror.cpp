// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/apierror.h"

#include <QString>

#include <algorithm>
#include <memory>

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

void appendJsonString(QByteArray &out, std::string_view text)
{
    static constexpr char kHex[] = "0123456789abcdef";
    // The round trip through QString mends invalid UTF-8, which JSON does not allow; ASCII is
    // valid.
    QByteArray mended;
    if (std::any_of(text.begin(), text.end(), [](char c) { return uchar(c) >= 0x80; })) {
        mended = QString::fromUtf8(text.data(), qsizetype(text.size())).toUtf8();
        text = {mended.constData(), size_t(mended.size())};
    }
    const auto isSpecial = [](char c) { return uchar(c) < 0x20 || c == '"' || c == '\\'; };
    out.append('"');
    for (auto at = text.begin();; ++at) {
        const auto plainEnd = std::find_if(at, text.end(), isSpecial);
        out.append(std::to_address(at), plainEnd - at);
        at = plainEnd;
        if (at == text.end()) {
            break;
        }
        switch (*at) {
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
            out.append("\\u00").append(kHex[*at >> 4]).append(kHex[*at & 0xf]);
        }
    }
    out.append('"');
}

QByteArray jsonString(std::string_view text)
{
    QByteArray out;
    out.reserve(qsizetype(text.size()) + 8);
    appendJsonString(out, text);
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
