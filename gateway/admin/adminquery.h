// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/protocol/apierror.h"

#include <QByteArray>
#include <QHash>
#include <QString>
#include <QStringList>

#include <optional>

namespace tidegate {

/// The query of an admin request. Reading a value checks it; the first thing wrong is kept, so that
/// a handler reads all it wants and looks for an error once.
///
/// Value type of one thread.
class AdminQuery
{
public:
    /// @p known are the names that the path takes; any other, and any name twice, is an error.
    AdminQuery(const QByteArray &query, const QStringList &known);

    [[nodiscard]] bool has(const QString &name) const { return m_values.contains(name); }
    /// Not empty when it is there.
    [[nodiscard]] QString text(const QString &name);
    [[nodiscard]] qint64 integer(const QString &name, qint64 fallback, qint64 minimum,
                                 qint64 maximum);
    /// One of @p choices; the first of them when it is not there.
    [[nodiscard]] QString choice(const QString &name, const QStringList &choices);
    /// A date or a time of RFC 3339 as microseconds since 1970 UTC.
    [[nodiscard]] std::optional<qint64> time(const QString &name);

    [[nodiscard]] const std::optional<ApiError> &error() const { return m_error; }
    void refuse(const QString &name, const QString &message);

private:
    QHash<QString, QString> m_values;
    std::optional<ApiError> m_error;
};

} // namespace tidegate
