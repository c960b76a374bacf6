// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QJsonObject>
#include <QJsonValue>
#include <QString>
#include <QStringView>
#include <QVariant>

#include <vector>

namespace tidegate {

/// One value of the configuration with its place: the common form of the YAML file and of the JSON
/// that the panel and the database keep, so that both are checked by the same code.
///
/// Value type of one thread. The reader fills kind, key, raw and items; the validator fills text
/// and value.
struct ConfigNode
{
    enum class Kind : quint8
    {
        Null,
        Scalar,
        List,
        Map
    };

    Kind kind = Kind::Null;
    int line = 0;    ///< 1-based, of the value; 0 when unknown
    int keyLine = 0; ///< of the key, for the children of a map
    QString key;     ///< for the children of a map
    QString raw;     ///< for scalars: as written, safe to show unless a secret is expected
    QString text;    ///< for scalars: with variables put in; may hold a secret
    QVariant value;  ///< for valid scalars: in the schema's type; otherwise invalid
    std::vector<ConfigNode> items; ///< children of a list or a map, in order

    /// The child of that key, or null. The first one when there are several.
    [[nodiscard]] const ConfigNode *find(QStringView name) const;

    // The validated value of a child; @p fallback when it is missing or was refused.
    [[nodiscard]] qint64 integer(QStringView name, qint64 fallback) const;
    [[nodiscard]] bool boolean(QStringView name, bool fallback) const;
    [[nodiscard]] QString string(QStringView name, const QString &fallback = {}) const;

    /// Validated values as JSON, for sections that are handed on as they are.
    [[nodiscard]] QJsonValue toJson() const;

    static ConfigNode fromJson(const QJsonValue &json);
};

} // namespace tidegate
