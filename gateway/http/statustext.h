// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

namespace tidegate {

/// The status line of an answer, line end included: "HTTP/1.1 200 OK\r\n". Empty for a status
/// without a registered text. Any thread.
[[nodiscard]] std::string_view statusLine(int status);

} // namespace tidegate
