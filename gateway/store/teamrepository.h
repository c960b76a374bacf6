// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/store/storedteam.h"

#include <vector>

namespace tidegate {

class SqliteConnection;

/// The teams that were made in the panel or through the admin API.
///
/// Lives in the store thread, on the stack.
class TeamRepository
{
public:
    explicit TeamRepository(SqliteConnection &connection)
        : m_connection(connection)
    {
    }

    /// Oldest first.
    Result<std::vector<StoredTeam>> all();
    /// Makes a team (id 0) or changes one. Keys name their team, so those of a team that gets
    /// another name are changed with it. Refuses a name that another team has.
    Result<StoredTeam> save(StoredTeam team);
    /// Refuses while keys that are not revoked name the team. Its id and name stay known to
    /// reports.
    Result<Done> remove(qint64 id);

private:
    Result<QByteArray> nameOf(qint64 id);
    Result<qint64> idOf(const QByteArray &name);
    Result<StoredTeam> store(StoredTeam team);

    SqliteConnection &m_connection;
};

} // namespace tidegate
