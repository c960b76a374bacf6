// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/teamrepository.h"

#include "gateway/base/clock.h"
#include "gateway/store/namerepository.h"
#include "gateway/store/sqliteconnection.h"
#include "gateway/store/sqlitestatement.h"
#include "gateway/store/sqlitetransaction.h"

#include <QJsonDocument>

namespace tidegate {
namespace {

constexpr char kSelectAll[] = "SELECT id, name, config FROM teams ORDER BY id";
constexpr char kSelectName[] = "SELECT name FROM teams WHERE id = ?";
constexpr char kSelectId[] = "SELECT id FROM teams WHERE name = ?";
constexpr char kInsert[] =
    "INSERT INTO teams (name, config, updated_at_us) VALUES (?, ?, ?) RETURNING id";
constexpr char kUpdate[] =
    "UPDATE teams SET name = ?, config = ?, updated_at_us = ? WHERE id = ? RETURNING id";
constexpr char kRenameInKeys[] = "UPDATE client_keys SET config = json_set(config, '$.team', ?) "
                                 "WHERE json_extract(config, '$.team') = ?";
constexpr char kCountKeys[] = "SELECT count(*) FROM client_keys "
                              "WHERE json_extract(config, '$.team') = ? AND revoked_at_us IS NULL";
constexpr char kRemove[] = "DELETE FROM teams WHERE id = ?";

Error noSuchTeam(qint64 id)
{
    return {QStringLiteral("There is no team with the id %1.").arg(id)};
}

} // namespace

Result<std::vector<StoredTeam>> TeamRepository::all()
{
    std::vector<StoredTeam> teams;
    SqliteStatement statement(m_connection, kSelectAll);
    for (;;) {
        switch (statement.step()) {
        case SqliteStatement::Step::Row:
            teams.push_back({statement.integer(0), QString::fromUtf8(statement.bytes(1)),
                             QJsonDocument::fromJson(statement.bytes(2)).object()});
            break;
        case SqliteStatement::Step::Done:
            return teams;
        case SqliteStatement::Step::Failed:
            return m_connection.explainLastError();
        }
    }
}

Result<StoredTeam> TeamRepository::save(StoredTeam team)
{
    const QByteArray name = team.name.toUtf8();
    SqliteTransaction transaction(m_connection);
    if (!transaction.isOpen()) {
        return m_connection.explainLastError();
    }
    auto owner = idOf(name);
    if (!owner) {
        return Error{owner.error()};
    }
    if (*owner != 0 && *owner != team.id) {
        return Error{QStringLiteral("There is a team \"%1\" already.").arg(team.name)};
    }
    if (team.id != 0) {
        const auto before = nameOf(team.id);
        if (!before) {
            return Error{before.error()};
        }
        if (*before != name) {
            SqliteStatement rename(m_connection, kRenameInKeys);
            if (!rename.isValid()) {
                return m_connection.explainLastError();
            }
            rename.bindText(1, name);
            rename.bindText(2, *before);
            if (!rename.run()) {
                return m_connection.explainLastError();
            }
        }
    }
    auto stored = store(std::move(team));
    if (!stored) {
        return stored;
    }
    NameRepository names(m_connection);
    if (auto kept = names.remember({NameKind::Team, stored->id, stored->name}); !kept) {
        return Error{kept.error()};
    }
    if (!transaction.commit()) {
        return m_connection.explainLastError();
    }
    return stored;
}

Result<Done> TeamRepository::remove(qint64 id)
{
    SqliteTransaction transaction(m_connection);
    if (!transaction.isOpen()) {
        return m_connection.explainLastError();
    }
    const auto name = nameOf(id);
    if (!name) {
        return Error{name.error()};
    }
    SqliteStatement count(m_connection, kCountKeys);
    SqliteStatement remove(m_connection, kRemove);
    if (!count.isValid() || !remove.isValid()) {
        return m_connection.explainLastError();
    }
    count.bindText(1, *name);
    if (count.step() != SqliteStatement::Step::Row) {
        return m_connection.explainLastError();
    }
    const qint64 keys = count.integer(0);
    count.reset();
    if (keys > 0) {
        return Error{QStringLiteral("The team \"%1\" was not removed: %2 of its client keys are in "
                                    "force. Move them to another team or delete them first.")
                         .arg(QString::fromUtf8(*name))
                         .arg(keys)};
    }
    remove.bind(1, id);
    if (!remove.run()) {
        return m_connection.explainLastError();
    }
    NameRepository names(m_connection);
    if (auto marked = names.markDeleted(NameKind::Team, id); !marked) {
        return marked;
    }
    if (!transaction.commit()) {
        return m_connection.explainLastError();
    }
    return Done{};
}

Result<QByteArray> TeamRepository::nameOf(qint64 id)
{
    SqliteStatement select(m_connection, kSelectName);
    if (select.isValid()) {
        select.bind(1, id);
    }
    switch (select.step()) {
    case SqliteStatement::Step::Row:
        return select.bytes(0);
    case SqliteStatement::Step::Done:
        return noSuchTeam(id);
    case SqliteStatement::Step::Failed:
        break;
    }
    return m_connection.explainLastError();
}

/// 0: there is none of that name.
Result<qint64> TeamRepository::idOf(const QByteArray &name)
{
    SqliteStatement select(m_connection, kSelectId);
    if (select.isValid()) {
        select.bindText(1, name);
    }
    switch (select.step()) {
    case SqliteStatement::Step::Row:
        return select.integer(0);
    case SqliteStatement::Step::Done:
        return qint64(0);
    case SqliteStatement::Step::Failed:
        break;
    }
    return m_connection.explainLastError();
}

Result<StoredTeam> TeamRepository::store(StoredTeam team)
{
    const QByteArray name = team.name.toUtf8();
    const QByteArray config = QJsonDocument(team.config).toJson(QJsonDocument::Compact);
    SqliteStatement save(m_connection, team.id == 0 ? kInsert : kUpdate);
    if (!save.isValid()) {
        return m_connection.explainLastError();
    }
    save.bindText(1, name);
    save.bindText(2, config);
    save.bind(3, wallClockUs());
    if (team.id != 0) {
        save.bind(4, team.id);
    }
    if (save.step() != SqliteStatement::Step::Row) {
        return m_connection.explainLastError();
    }
    team.id = save.integer(0);
    return team;
}

} // namespace tidegate
