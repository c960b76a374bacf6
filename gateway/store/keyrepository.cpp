// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/keyrepository.h"

#include "gateway/base/clock.h"
#include "gateway/store/sqliteconnection.h"
#include "gateway/store/sqlitestatement.h"
#include "gateway/store/sqlitetransaction.h"

#include <QJsonArray>
#include <QJsonDocument>

namespace tidegate {
namespace {

constexpr char kSelectAll[] = "SELECT id, name, sha256, prefix, created_at_us, expires_at_us, "
                              "revoked_at_us, disabled, models, allowed_ips, team, limits "
                              "FROM client_keys ORDER BY id";
constexpr char kSelectOne[] = "SELECT id, name, sha256, prefix, created_at_us, expires_at_us, "
                              "revoked_at_us, disabled, models, allowed_ips, team, limits "
                              "FROM client_keys WHERE id = ?";
constexpr char kInsert[] = "INSERT INTO client_keys (name, sha256, prefix, created_at_us, "
                           "expires_at_us, disabled, models, allowed_ips, team, limits) "
                           "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id";
constexpr char kRevoke[] = "UPDATE client_keys SET revoked_at_us = ? "
                           "WHERE id = ? AND revoked_at_us IS NULL";

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
    key.expiresAt = toTime(row.optionalInteger(5));
    key.revokedAt = toTime(row.optionalInteger(6));
    key.disabled = row.integer(7) != 0;
    const QJsonArray models = QJsonDocument::fromJson(row.bytes(8)).array();
    for (const QJsonValue &model : models) {
        key.models.emplace_back(model.toString().toUtf8());
    }
    const QJsonArray subnets = QJsonDocument::fromJson(row.bytes(9)).array();
    for (const QJsonValue &subnet : subnets) {
        key.allowedIps.push_back(QHostAddress::parseSubnet(subnet.toString()));
    }
    key.team = QString::fromUtf8(row.bytes(10));
    key.config = QJsonDocument::fromJson(row.bytes(11)).object();
    return key;
}

QByteArray modelsJson(const ClientKey &key)
{
    QJsonArray models;
    for (const Glob &model : key.models) {
        models.append(QString::fromUtf8(model.pattern()));
    }
    return QJsonDocument(models).toJson(QJsonDocument::Compact);
}

QByteArray allowedIpsJson(const ClientKey &key)
{
    QJsonArray subnets;
    for (const auto &[address, length] : key.allowedIps) {
        subnets.append(QStringLiteral("%1/%2").arg(address.toString()).arg(length));
    }
    return QJsonDocument(subnets).toJson(QJsonDocument::Compact);
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

Result<ClientKey> KeyRepository::insert(ClientKey key)
{
    const QByteArray name = key.name.toUtf8();
    const QByteArray prefix = key.prefix.toUtf8();
    const QByteArray models = modelsJson(key);
    const QByteArray allowedIps = allowedIpsJson(key);
    const QByteArray team = key.team.toUtf8();
    const QByteArray limits = QJsonDocument(key.config).toJson(QJsonDocument::Compact);

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
    if (key.expiresAt.isValid()) {
        statement.bind(5, key.expiresAt.toMSecsSinceEpoch() * 1000);
    }
    statement.bind(6, key.disabled ? 1 : 0);
    statement.bindText(7, models);
    statement.bindText(8, allowedIps);
    statement.bindText(9, team);
    statement.bindText(10, limits);
    if (statement.step() != SqliteStatement::Step::Row) {
        return m_connection.explainLastError();
    }
    key.id = statement.integer(0);
    statement.reset();
    if (!transaction.commit()) {
        return m_connection.explainLastError();
    }
    return key;
}

Result<ClientKey> KeyRepository::revoke(qint64 id)
{
    SqliteTransaction transaction(m_connection);
    if (!transaction.isOpen()) {
        return m_connection.explainLastError();
    }
    SqliteStatement update(m_connection, kRevoke);
    SqliteStatement select(m_connection, kSelectOne);
    if (!update.isValid() || !select.isValid()) {
        return m_connection.explainLastError();
    }
    update.bind(1, wallClockUs());
    update.bind(2, id);
    if (!update.run()) {
        return m_connection.explainLastError();
    }
    select.bind(1, id);
    const auto step = select.step();
    if (step == SqliteStatement::Step::Failed) {
        return m_connection.explainLastError();
    }
    if (step == SqliteStatement::Step::Done) {
        return Error{QStringLiteral("There is no client key with the id %1.").arg(id)};
    }
    ClientKey key = readKey(select);
    select.reset();
    if (!transaction.commit()) {
        return m_connection.explainLastError();
    }
    return key;
}

} // namespace tidegate
