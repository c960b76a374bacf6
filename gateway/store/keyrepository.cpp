// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/keyrepository.h"

#include "gateway/base/clock.h"
#include "gateway/store/namerepository.h"
#include "gateway/store/sqliteconnection.h"
#include "gateway/store/sqlitestatement.h"
#include "gateway/store/sqlitetransaction.h"

#include <QJsonDocument>

namespace tidegate {
namespace {

#define TIDEGATE_KEY_SELECT                                                                        \
    "SELECT id, name, sha256, prefix, created_at_us, revoked_at_us, previous_sha256, "             \
    "previous_until_us, config FROM client_keys "

constexpr char kSelectAll[] = TIDEGATE_KEY_SELECT "ORDER BY id";
constexpr char kSelectOne[] = TIDEGATE_KEY_SELECT "WHERE id = ?";

#undef TIDEGATE_KEY_SELECT

constexpr char kInsert[] = "INSERT INTO client_keys (name, sha256, prefix, created_at_us, config) "
                           "VALUES (?, ?, ?, ?, ?) RETURNING id";
constexpr char kUpdate[] = "UPDATE client_keys SET name = ?, config = ? WHERE id = ?";
constexpr char kRotate[] =
    "UPDATE client_keys SET previous_sha256 = iif(?1 IS NULL, NULL, sha256), "
    "previous_until_us = ?1, sha256 = ?2, prefix = ?3 WHERE id = ?4 AND revoked_at_us IS NULL";
constexpr char kRevoke[] = "UPDATE client_keys SET revoked_at_us = coalesce(revoked_at_us, ?), "
                           "previous_sha256 = NULL, previous_until_us = NULL WHERE id = ?";
constexpr char kRemove[] = "DELETE FROM client_keys WHERE id = ?";

QDateTime toTime(std::optional<qint64> us)
{
    return us ? QDateTime::fromMSecsSinceEpoch(*us / 1000).toUTC() : QDateTime();
}

ClientKey readKey(const SqliteStatement &row)
{
    ClientKey key;
    key.id = row.integer(0);
    key.name = QString::fromUtf8(row.bytes(1));
    key.sha256 = row.bytes(2);
    key.prefix = QString::fromUtf8(row.bytes(3));
    key.createdAt = toTime(row.integer(4));
    key.revokedAt = toTime(row.optionalInteger(5));
    key.previousSha256 = row.bytes(6);
    key.previousUntil = toTime(row.optionalInteger(7));
    key.config = QJsonDocument::fromJson(row.bytes(8)).object();
    return key;
}

Error noSuchKey(qint64 id)
{
    return {QStringLiteral("There is no client key with the id %1.").arg(id)};
}

} // namespace

Result<std::vector<ClientKey>> KeyRepository::all()
{
    std::vector<ClientKey> keys;
    SqliteStatement statement(m_connection, kSelectAll);
    for (;;) {
        switch (statement.step()) {
        case SqliteStatement::Step::Row:
            keys.push_back(readKey(statement));
            break;
        case SqliteStatement::Step::Done:
            return keys;
        case SqliteStatement::Step::Failed:
            return m_connection.explainLastError();
        }
    }
}

Result<ClientKey> KeyRepository::find(qint64 id)
{
    SqliteStatement select(m_connection, kSelectOne);
    if (select.isValid()) {
        select.bind(1, id);
    }
    switch (select.step()) {
    case SqliteStatement::Step::Row:
        return readKey(select);
    case SqliteStatement::Step::Done:
        return noSuchKey(id);
    case SqliteStatement::Step::Failed:
        break;
    }
    return m_connection.explainLastError();
}

Result<ClientKey> KeyRepository::insert(ClientKey key)
{
    const QByteArray name = key.name.toUtf8();
    const QByteArray prefix = key.prefix.toUtf8();
    const QByteArray config = QJsonDocument(key.config).toJson(QJsonDocument::Compact);

    SqliteTransaction transaction(m_connection);
    if (!transaction.isOpen()) {
        return m_connection.explainLastError();
    }
    SqliteStatement statement(m_connection, kInsert);
    if (!statement.isValid()) {
        return m_connection.explainLastError();
    }
    statement.bindText(1, name);
    statement.bindBlob(2, key.sha256);
    statement.bindText(3, prefix);
    statement.bind(4, key.createdAt.toMSecsSinceEpoch() * 1000);
    statement.bindText(5, config);
    if (statement.step() != SqliteStatement::Step::Row) {
        return m_connection.explainLastError();
    }
    key.id = statement.integer(0);
    statement.reset();
    NameRepository names(m_connection);
    if (auto kept = names.remember({NameKind::Key, key.id, key.name}); !kept) {
        return Error{kept.error()};
    }
    if (!transaction.commit()) {
        return m_connection.explainLastError();
    }
    return key;
}

template <typename Bind>
Result<ClientKey> KeyRepository::change(qint64 id, const char *sql, Bind bind)
{
    SqliteTransaction transaction(m_connection);
    if (!transaction.isOpen()) {
        return m_connection.explainLastError();
    }
    SqliteStatement update(m_connection, sql);
    if (!update.isValid()) {
        return m_connection.explainLastError();
    }
    bind(update);
    if (!update.run()) {
        return m_connection.explainLastError();
    }
    const bool changed = m_connection.changes() > 0;
    auto key = find(id);
    if (!key) {
        return key;
    }
    if (!changed) {
        return Error{QStringLiteral("The client key \"%1\" is revoked. Create a new one instead.")
                         .arg(key->name)};
    }
    NameRepository names(m_connection);
    if (auto kept = names.remember({NameKind::Key, id, key->name}); !kept) {
        return Error{kept.error()};
    }
    if (!transaction.commit()) {
        return m_connection.explainLastError();
    }
    return key;
}

Result<ClientKey> KeyRepository::update(qint64 id, const QString &name, const QJsonObject &config)
{
    const QByteArray text = name.toUtf8();
    const QByteArray json = QJsonDocument(config).toJson(QJsonDocument::Compact);
    return change(id, kUpdate, [&](SqliteStatement &statement) {
        statement.bindText(1, text);
        statement.bindText(2, json);
        statement.bind(3, id);
    });
}

Result<ClientKey> KeyRepository::rotate(qint64 id, const QByteArray &sha256, const QString &prefix,
                                        qint64 nowUs, qint64 previousUntilUs)
{
    const QByteArray shown = prefix.toUtf8();
    return change(id, kRotate, [&](SqliteStatement &statement) {
        if (previousUntilUs > nowUs) {
            statement.bind(1, previousUntilUs);
        } else {
            statement.bindNull(1);
        }
        statement.bindBlob(2, sha256);
        statement.bindText(3, shown);
        statement.bind(4, id);
    });
}

Result<ClientKey> KeyRepository::revoke(qint64 id)
{
    return change(id, kRevoke, [id](SqliteStatement &statement) {
        statement.bind(1, wallClockUs());
        statement.bind(2, id);
    });
}

Result<Done> KeyRepository::remove(qint64 id)
{
    SqliteTransaction transaction(m_connection);
    if (!transaction.isOpen()) {
        return m_connection.explainLastError();
    }
    SqliteStatement statement(m_connection, kRemove);
    if (!statement.isValid()) {
        return m_connection.explainLastError();
    }
    statement.bind(1, id);
    if (!statement.run()) {
        return m_connection.explainLastError();
    }
    if (m_connection.changes() == 0) {
        return noSuchKey(id);
    }
    NameRepository names(m_connection);
    if (auto marked = names.markDeleted(NameKind::Key, id); !marked) {
        return marked;
    }
    if (!transaction.commit()) {
        return m_connection.explainLastError();
    }
    return Done{};
}

} // namespace tidegate
