// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QJsonObject>

namespace tidegate {

/// @p target after the JSON merge patch (RFC 7396) @p patch: objects are merged, null removes, and
/// everything else replaces. Any thread.
[[nodiscard]] QJsonObject mergePatched(QJsonObject target, const QJsonObject &patch);

} // namespace tidegate
