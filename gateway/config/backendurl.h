// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/config/configsnapshot.h"

#include <QByteArray>
#include <QString>

namespace tidegate {

/// Where a backend of that type is found when no URL is given: the provider's public address, or
/// the usual loopback port of a local server. Empty where there is no such thing.
[[nodiscard]] QByteArray defaultBackendUrl(BackendType type);

/// The absolute URL that @p url means for a backend of that type, without a trailing slash.
///
/// Without a scheme, http is taken for loopback, LAN and single-word hosts and https for the rest.
/// Without a path, the type's base path is added. Refused, with a reason for people that never
/// repeats a password: other schemes, user names, queries, fragments, and hosts that UrlGuard
/// refuses. An empty URL gives the default. Any thread.
[[nodiscard]] Result<QByteArray> normaliseBackendUrl(BackendType type, const QString &url);

} // namespace tidegate
