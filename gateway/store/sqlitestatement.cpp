// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/sqlitestatement.h"

#include "gateway/store/sqliteconnection.h"

#include <sqlite3.h>

namespace tidegate {

void SqliteStatement::Finalizer::operator()(sqlite3_stmt *statement) const
{
    sqlite3_finalize(statement);
}

SqliteStatement::SqliteStatement(SqliteConnection &connection, const char *sql, bool keep)
    : m_connection(&connection)
{
    sqlite3_stmt *statement = nullptr;
    if (sqlite3_prepare_v3(connection.handle(), sql, -1, keep ? SQLITE_PREPARE_PERSISTENT : 0,
                           &statement, nullptr) != SQLITE_OK) {
        connection.recordError();
    }
    m_statement.reset(statement);
}

void SqliteStatement::bind(int index, qint64 value)
{
    sqlite3_bind_int64(m_statement.get(), index, value);
}

void SqliteStatement::bindText(int index, QByteArrayView value)
{
    // A null pointer would be bound as NULL.
    sqlite3_bind_text(m_statement.get(), index, value.data() ? value.data() : "", int(value.size()),
                      SQLITE_STATIC);
}

void SqliteStatement::bindBlob(int index, QByteArrayView value)
{
    sqlite3_bind_blob(m_statement.get(), index, value.data() ? value.data() : "", int(value.size()),
                      SQLITE_STATIC);
}

void SqliteStatement::bindNull(int index)
{
    sqlite3_bind_null(m_statement.get(), index);
}

SqliteStatement::Step SqliteStatement::step()
{
    if (!m_statement) {
        return Step::Failed;
    }
    switch (sqlite3_step(m_statement.get())) {
    case SQLITE_ROW:
        return Step::Row;
    case SQLITE_DONE:
        return Step::Done;
    default:
        m_connection->recordError();
        return Step::Failed;
    }
}

bool SqliteStatement::run()
{
    const bool ok = step() == Step::Done;
    reset();
    return ok;
}

void SqliteStatement::reset()
{
    sqlite3_reset(m_statement.get());
}

qint64 SqliteStatement::integer(int column) const
{
    return sqlite3_column_int64(m_statement.get(), column);
}

std::optional<qint64> SqliteStatement::optionalInteger(int column) const
{
    if (sqlite3_column_type(m_statement.get(), column) == SQLITE_NULL) {
        return std::nullopt;
    }
    return integer(column);
}

QByteArray SqliteStatement::bytes(int column) const
{
    return view(column).toByteArray();
}

QByteArrayView SqliteStatement::view(int column) const
{
    const void *data = sqlite3_column_blob(m_statement.get(), column);
    return {static_cast<const char *>(data), sqlite3_column_bytes(m_statement.get(), column)};
}

} // namespace tidegate
