// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/policy/clientkey.h"

#include <vector>

namespace tidegate {

class SqliteConnection;

/// The client keys in the database: identity, hashes and their configuration, which is not
/// interpreted here.
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
    /// Stores name, hash, prefix, time and config of @p key and returns it with its new id.
    Result<ClientKey> insert(ClientKey key);
    Result<ClientKey> update(qint64 id, const QString &name, const QJsonObject &config);
    /// Puts a new secret in force; the one before works until @p previousUntilUs, or not at all
    /// when that is not after @p nowUs. One that was still working from an earlier rotation stops.
    Result<ClientKey> rotate(qint64 id, const QByteArray &sha256, const QString &prefix,
                             qint64 nowUs, qint64 previousUntilUs);
    /// Revokes from now on; a key that is revoked already keeps its time.
    Result<ClientKey> revoke(qint64 id);
    /// Forgets all but id and name, which reports on the past need.
    Result<Done> remove(qint64 id);

private:
    /// Runs @p change, which has @p id as its last parameter, and returns the key as it is then.
    template <typename Bind>
    Result<ClientKey> change(qint64 id, const char *sql, Bind bind);
    Result<ClientKey> find(qint64 id);

    SqliteConnection &m_connection;
};

} // namespace tidegate
