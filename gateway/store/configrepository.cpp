// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/configrepository.h"

#include "gateway/base/clock.h"
#include "gateway/store/sqliteconnection.h"
#include "gateway/store/sqlitestatement.h"

#include <QJsonArray>
#include <QJsonDocument>

#include <algorithm>
#include <array>

namespace tidegate {
namespace {

struct SectionSql
{
    const char *select;
    const char *save;
    const char *remove;
};

#define TIDEGATE_SECTION_SQL(TABLE, NAME)                                                          \
    {                                                                                              \
        "SELECT " NAME ", config FROM " TABLE " ORDER BY rowid",                                   \
            "INSERT INTO " TABLE " (" NAME ", config, updated_at_us) VALUES (?, ?, ?) "            \
            "ON CONFLICT (" NAME ") DO UPDATE SET config = excluded.config, "                      \
            "updated_at_us = excluded.updated_at_us",                                              \
            "DELETE FROM " TABLE " WHERE " NAME " = ?"                                             \
    }

constexpr SectionSql kBackends = TIDEGATE_SECTION_SQL("backends", "name");
constexpr SectionSql kModels = TIDEGATE_SECTION_SQL("models", "name");
constexpr SectionSql kPrices = TIDEGATE_SECTION_SQL("prices", "pattern");

#undef TIDEGATE_SECTION_SQL

const SectionSql &sqlOf(NamedSection section)
{
    switch (section) {
    case NamedSection::Models:
        return kModels;
    case NamedSection::Prices:
        return kPrices;
    case NamedSection::Backends:
        break;
    }
    return kBackends;
}

constexpr char kSelectSettings[] = "SELECT key, value FROM settings";
constexpr char kSaveSetting[] = "INSERT INTO settings (key, value) VALUES (?, ?) "
                                "ON CONFLICT (key) DO UPDATE SET value = excluded.value";
constexpr char kRemoveSetting[] = "DELETE FROM settings WHERE key = ?";

bool isReference(const QString &value)
{
    return value.isEmpty() || value.startsWith(QLatin1String("keychain:")) ||
           value.startsWith(QLatin1String("file:")) || value.contains(QLatin1String("${"));
}

bool carriesSecret(const QString &field)
{
    static constexpr std::array kWords{"authorization", "api-key", "apikey",
                                       "token",         "cookie",  "secret"};
    return std::any_of(kWords.begin(), kWords.end(), [&field](const char *word) {
        return field.contains(QLatin1String(word), Qt::CaseInsensitive);
    });
}

/// The place of the first plaintext key, empty when there is none.
QString plaintextKeyIn(const QJsonObject &config)
{
    if (!isReference(config.value(QLatin1String("api_key")).toString())) {
        return QStringLiteral("api_key");
    }
    const QJsonArray keys = config.value(QLatin1String("api_keys")).toArray();
    for (const QJsonValue &key : keys) {
        if (!isReference(key.toString())) {
            return QStringLiteral("api_keys");
        }
    }
    const QJsonObject headers = config.value(QLatin1String("headers")).toObject();
    for (auto it = headers.begin(); it != headers.end(); ++it) {
        if (carriesSecret(it.key()) && !isReference(it.value().toString())) {
            return QStringLiteral("headers.") + it.key();
        }
    }
    return {};
}

Result<Done> runOnce(SqliteConnection &connection, const char *sql, QByteArrayView key)
{
    SqliteStatement statement(connection, sql);
    if (statement.isValid()) {
        statement.bindText(1, key);
        if (statement.run()) {
            return Done{};
        }
    }
    return connection.explainLastError();
}

} // namespace

Result<std::vector<std::pair<QByteArray, QJsonObject>>>
ConfigRepository::entries(NamedSection section)
{
    std::vector<std::pair<QByteArray, QJsonObject>> result;
    SqliteStatement statement(m_connection, sqlOf(section).select);
    for (;;) {
        switch (statement.step()) {
        case SqliteStatement::Step::Row:
            result.emplace_back(statement.bytes(0),
                                QJsonDocument::fromJson(statement.bytes(1)).object());
            break;
        case SqliteStatement::Step::Done:
            return result;
        case SqliteStatement::Step::Failed:
            return m_connection.explainLastError();
        }
    }
}

Result<Done> ConfigRepository::save(NamedSection section, const QByteArray &name,
                                    const QJsonObject &config)
{
    const QString place = section == NamedSection::Backends ? plaintextKeyIn(config) : QString();
    if (!place.isEmpty()) {
        return Error{
            QStringLiteral("The backend \"%1\" was not saved: %2 holds a key in plain text. Put "
                           "the key into the keychain and refer to it as keychain:NAME.")
                .arg(QString::fromUtf8(name), place)};
    }
    const QByteArray json = QJsonDocument(config).toJson(QJsonDocument::Compact);
    SqliteStatement statement(m_connection, sqlOf(section).save);
    if (statement.isValid()) {
        statement.bindText(1, name);
        statement.bindText(2, json);
        statement.bind(3, wallClockUs());
        if (statement.run()) {
            return Done{};
        }
    }
    return m_connection.explainLastError();
}

Result<Done> ConfigRepository::remove(NamedSection section, const QByteArray &name)
{
    return runOnce(m_connection, sqlOf(section).remove, name);
}

Result<QJsonObject> ConfigRepository::settings()
{
    QJsonObject result;
    SqliteStatement statement(m_connection, kSelectSettings);
    for (;;) {
        switch (statement.step()) {
        case SqliteStatement::Step::Row:
            // A document cannot be a bare number or string, so each value is kept in an array of
            // one.
            result.insert(QString::fromUtf8(statement.bytes(0)),
                          QJsonDocument::fromJson(statement.bytes(1)).array().at(0));
            break;
        case SqliteStatement::Step::Done:
            return result;
        case SqliteStatement::Step::Failed:
            return m_connection.explainLastError();
        }
    }
}

Result<Done> ConfigRepository::saveSetting(const QString &key, const QJsonValue &value)
{
    const QByteArray name = key.toUtf8();
    if (value.isNull() || value.isUndefined()) {
        return runOnce(m_connection, kRemoveSetting, name);
    }
    const QByteArray json = QJsonDocument(QJsonArray{value}).toJson(QJsonDocument::Compact);
    SqliteStatement statement(m_connection, kSaveSetting);
    if (statement.isValid()) {
        statement.bindText(1, name);
        statement.bindText(2, json);
        if (statement.run()) {
            return Done{};
        }
    }
    return m_connection.explainLastError();
}

} // namespace tidegate
