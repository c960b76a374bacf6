// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/store/sqliteconnection.h"

#include <QByteArray>

#include <vector>

namespace tidegate {

/// One numbered step from an older to a newer form of the database.
struct Migration
{
    int version = 0; ///< what the database is at afterwards; they count up from 1 without a gap
    QByteArray sql;
};

/// The gateway's database file: made, checked and brought up to date when it is opened.
///
/// Lives in the store thread; owned by StoreThread.
class Database
{
public:
    /// Opens or makes @p path (mode 0600). A file that is damaged, foreign or newer than this
    /// program is refused and left as it is.
    Result<Done> open(const QString &path);
    void close() { m_connection.close(); }

    [[nodiscard]] SqliteConnection &connection() { return m_connection; }

    /// The steps this program knows, in order.
    [[nodiscard]] static std::vector<Migration> migrations();
    /// Runs those of @p steps that @p connection has not seen, each in a transaction of its own.
    static Result<Done> migrate(SqliteConnection &connection, const std::vector<Migration> &steps);

private:
    SqliteConnection m_connection;
};

} // namespace tidegate
