// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/policy/clientkey.h"

#include <vector>

namespace tidegate {

class SqliteConnection;

/// The client keys in the database.
///
/// Lives in the store thread, on the stack.
class KeyRepository
{
public:
    explicit KeyRepository(SqliteConnection &connection)
        : m_connection(connection)
    {
    }

    /// Every key, revoked ones too, oldest first.
    Result<std::vector<ClientKey>> all();
    /// Stores @p key and returns it with its new id.
    Result<ClientKey> insert(ClientKey key);
    /// Revokes from now on; a key that is revoked already keeps its time.
    Result<ClientKey> revoke(qint64 id);

private:
    SqliteConnection &m_connection;
};

} // namespace tidegate
