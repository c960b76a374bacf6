// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/ledger/ledgerrow.h"
#include "gateway/store/sqliteconnection.h"

#include <QHash>
#include <QString>

#include <limits>
#include <vector>

namespace tidegate {

class SqliteStatement;

/// A ledger row with its id in the database, which grows with time.
struct StoredLedgerRow
{
    qint64 id = 0;
    LedgerRow row;
};

/// Read-only look at the ledger of a database that a Store may be writing to.
///
/// Lives in one thread, any; owned by whoever asks. A query reads to its end before it returns, so
/// that it never keeps the writer's log from being folded back. Waits at most 250 ms for a lock.
class LedgerReader
{
public:
    /// @p databasePath as from Store::databasePath(), after Store::open().
    Result<Done> open(const QString &databasePath);

    Result<qint64> count();
    /// Rows after the last one that started before @p startedAtUs. Reads only those.
    Result<qint64> countSince(qint64 startedAtUs);
    /// The newest rows first, at most @p maximum, with ids below @p beforeId.
    Result<std::vector<StoredLedgerRow>>
    newest(int maximum, qint64 beforeId = std::numeric_limits<qint64>::max());
    /// Every row of that request id, newest first. Reads the whole ledger: about 0.3 s for a
    /// million rows.
    Result<std::vector<StoredLedgerRow>> withRequestId(const QByteArray &requestId);
    /// By key id: microseconds since 1970 UTC. Keys that were never used are left out.
    Result<QHash<qint64, qint64>> lastUsedUs();

private:
    Result<std::vector<StoredLedgerRow>> readAll(SqliteStatement &statement);

    SqliteConnection m_connection;
};

} // namespace tidegate
