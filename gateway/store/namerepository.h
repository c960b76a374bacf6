// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"

#include <QString>

#include <vector>

namespace tidegate {

class SqliteConnection;

/// Whose name it is.
enum class NameKind : quint8
{
    Key,
    Team
};

/// The last name of a client key or team, also of one that is gone.
struct KnownName
{
    NameKind kind = NameKind::Key;
    qint64 id = 0;
    QString name;
    bool deleted = false;
};

/// The last names of all keys and teams that ledger rows may refer to.
///
/// Lives in the thread of its connection, on the stack.
class NameRepository
{
public:
    explicit NameRepository(SqliteConnection &connection)
        : m_connection(connection)
    {
    }

    Result<std::vector<KnownName>> all();
    Result<Done> remember(const KnownName &name);
    Result<Done> markDeleted(NameKind kind, qint64 id);

private:
    SqliteConnection &m_connection;
};

} // namespace tidegate
