// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace tidegate {

class SqliteConnection;

/// A write transaction, rolled back at the end of the scope unless it was committed.
///
/// Lives in its connection's thread, on the stack.
class SqliteTransaction
{
public:
    /// Takes the write lock at once, so that a busy database is noticed before anything is done.
    explicit SqliteTransaction(SqliteConnection &connection);
    ~SqliteTransaction();
    SqliteTransaction(const SqliteTransaction &) = delete;
    SqliteTransaction &operator=(const SqliteTransaction &) = delete;

    [[nodiscard]] bool isOpen() const { return m_open; }
    [[nodiscard]] bool commit();

private:
    SqliteConnection &m_connection;
    bool m_open = false;
};

} // namespace tidegate
