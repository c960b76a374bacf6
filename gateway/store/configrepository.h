// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"

#include <QByteArray>
#include <QJsonObject>
#include <QString>

#include <utility>
#include <vector>

namespace tidegate {

class SqliteConnection;

/// A section of the configuration whose entries are kept by name.
enum class NamedSection : quint8
{
    Backends,
    Models,
    Prices, ///< by model name or glob
};

/// Backends, models, prices and settings that were made in the panel.
///
/// Lives in the store thread, on the stack.
class ConfigRepository
{
public:
    explicit ConfigRepository(SqliteConnection &connection)
        : m_connection(connection)
    {
    }

    /// In the order in which they were made.
    Result<std::vector<std::pair<QByteArray, QJsonObject>>> entries(NamedSection section);
    /// Refuses a backend with a key in plain text.
    Result<Done> save(NamedSection section, const QByteArray &name, const QJsonObject &config);
    /// One that is not there is removed already.
    Result<Done> remove(NamedSection section, const QByteArray &name);

    Result<QJsonObject> settings();
    /// A null value removes the setting.
    Result<Done> saveSetting(const QString &key, const QJsonValue &value);

private:
    SqliteConnection &m_connection;
};

} // namespace tidegate
