// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/money.h"
#include "gateway/config/configsnapshot.h"
#include "gateway/protocol/apierror.h"

#include <QByteArray>
#include <QDateTime>
#include <QJsonArray>
#include <QJsonObject>
#include <QJsonValue>
#include <QString>

#include <optional>

namespace tidegate {

/// How the admin API spells things. Any thread, no state.
namespace adminjson {

/// "2027-01-01T12:00:00.000Z", or null for an invalid time.
[[nodiscard]] QJsonValue time(const QDateTime &time);
/// The same of microseconds since 1970 UTC, which are kept: "2027-01-01T12:00:00.123456Z".
[[nodiscard]] QString timeOfUs(qint64 microseconds);
/// All nine decimals, as a string; null when unknown.
[[nodiscard]] QJsonValue money(const std::optional<Money> &amount);
/// A number, or null for -1.
[[nodiscard]] QJsonValue known(qint64 number);
/// What `source` says: "database", "file", "environment" or "default".
[[nodiscard]] QString origin(Origin origin);
[[nodiscard]] QByteArray compact(const QJsonObject &object);
/// {"object":"list","data":[…],"has_more":…}
[[nodiscard]] QByteArray list(const QJsonArray &data, bool hasMore);
/// What a configuration check said, "section.name.key: why" on each line, as one error that names
/// the first key at fault. @p prefix is what of the key the client did not write, e.g.
/// "backends.a."
[[nodiscard]] ApiError invalid(const QString &reasons, const QString &prefix);

/// For a change that the Gateway did not make: as invalid() when @p reason names a key of the
/// configuration, else the database did not take it.
[[nodiscard]] ApiError refused(const QString &reason, const QString &prefix);

/// For what could not be read from the database.
[[nodiscard]] ApiError notRead(const QString &reason);

} // namespace adminjson

} // namespace tidegate
