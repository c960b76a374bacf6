// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/sqlitetransaction.h"

#include "gateway/store/sqliteconnection.h"

#include <sqlite3.h>

namespace tidegate {

SqliteTransaction::SqliteTransaction(SqliteConnection &connection)
    : m_connection(connection)
    , m_open(connection.execute("BEGIN IMMEDIATE"))
{
}

SqliteTransaction::~SqliteTransaction()
{
    // SQLite itself rolls back after some errors. The first error is the one to be told.
    if (m_open && m_connection.isInTransaction()) {
        sqlite3_exec(m_connection.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
}

bool SqliteTransaction::commit()
{
    if (!m_open || !m_connection.execute("COMMIT")) {
        return false;
    }
    m_open = false;
    return true;
}

} // namespace tidegate
