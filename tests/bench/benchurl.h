// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>

namespace tidegate::bench {

/// An http URL with a numeric IPv4 address, taken apart.
struct BenchUrl
{
    std::string host;
    int port = 80;
    std::string target = "/";
};

/// Ends the program with a message when @p text is not one.
[[nodiscard]] BenchUrl parseUrl(const std::string &text);

/// A whole POST. @p key and @p field, one more "Name: value", may be empty; @p extra is put into
/// the JSON object after the messages.
[[nodiscard]] std::string chatRequest(const BenchUrl &url, const std::string &key,
                                      const std::string &field, const std::string &model,
                                      size_t bodyBytes, const std::string &extra);

} // namespace tidegate::bench
