// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace tidegate {

/// What a backend's error says, in whichever of the usual forms it says it.
///
/// Value type. All texts are lower-cased.
struct ErrorBody
{
    /// More than this of a body is not looked at.
    static constexpr size_t kMaxBytes = 64 * 1024;

    std::string type;       ///< OpenAI's and Anthropic's "type", TGI's "error_type"
    std::string code;       ///< OpenAI's "code" where it is a text
    std::string status;     ///< Google's "status"
    std::string reason;     ///< of Google's ErrorInfo
    std::string retryDelay; ///< of Google's RetryInfo, such as "34s"
    std::string message;    ///< all of the body when it is not JSON
    int number = 0;         ///< a status that stands in the body, 400…599, or 0
    bool isJson = false;

    /// True when type or code is @p name.
    [[nodiscard]] bool is(std::string_view name) const { return type == name || code == name; }
};

/// Reads @p body. Pure; any thread. Never fails: what cannot be read is empty.
[[nodiscard]] ErrorBody readErrorBody(std::string_view body);

} // namespace tidegate
