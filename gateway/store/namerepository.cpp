// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/namerepository.h"

#include "gateway/store/sqliteconnection.h"
#include "gateway/store/sqlitestatement.h"

namespace tidegate {
namespace {

constexpr char kSelect[] = "SELECT kind, id, name, deleted FROM known_names";
constexpr char kRemember[] =
    "INSERT INTO known_names (kind, id, name, deleted) VALUES (?, ?, ?, ?) ON CONFLICT (kind, id) "
    "DO UPDATE SET name = excluded.name, deleted = excluded.deleted";
constexpr char kMarkDeleted[] = "UPDATE known_names SET deleted = 1 WHERE kind = ? AND id = ?";

} // namespace

Result<std::vector<KnownName>> NameRepository::all()
{
    std::vector<KnownName> names;
    SqliteStatement statement(m_connection, kSelect);
    for (;;) {
        switch (statement.step()) {
        case SqliteStatement::Step::Row:
            names.push_back({NameKind(statement.integer(0)), statement.integer(1),
                             QString::fromUtf8(statement.bytes(2)), statement.integer(3) != 0});
            break;
        case SqliteStatement::Step::Done:
            return names;
        case SqliteStatement::Step::Failed:
            return m_connection.explainLastError();
        }
    }
}

Result<Done> NameRepository::remember(const KnownName &name)
{
    const QByteArray text = name.name.toUtf8();
    SqliteStatement statement(m_connection, kRemember);
    if (statement.isValid()) {
        statement.bind(1, qint64(name.kind));
        statement.bind(2, name.id);
        statement.bindText(3, text);
        statement.bind(4, name.deleted ? 1 : 0);
        if (statement.run()) {
            return Done{};
        }
    }
    return m_connection.explainLastError();
}

Result<Done> NameRepository::markDeleted(NameKind kind, qint64 id)
{
    SqliteStatement statement(m_connection, kMarkDeleted);
    if (statement.isValid()) {
        statement.bind(1, qint64(kind));
        statement.bind(2, id);
        if (statement.run()) {
            return Done{};
        }
    }
    return m_connection.explainLastError();
}

} // namespace tidegate
