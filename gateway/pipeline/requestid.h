// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <string_view>

namespace tidegate {

/// The client's X-Request-ID when it is 1 to 128 visible ASCII characters, else a new UUID (RFC
/// 9562, version 4). Any thread. The ids are unique but not secret.
[[nodiscard]] QByteArray requestIdFor(std::string_view presented);

} // namespace tidegate
