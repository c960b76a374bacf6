// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/ledger/ledgerrow.h"
#include "gateway/store/requestfilter.h"
#include "gateway/store/sqliteconnection.h"

#include <QHash>
#include <QString>

#include <functional>
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
    /// The newest matching rows first, at most @p maximum, with ids below @p beforeId. Reads only
    /// the parts of the ledger that can hold one: some milliseconds over 10 million rows for a
    /// key, team, model, backend, outcome, status, time or request id that is rare; in proportion
    /// to @p maximum for one that is not. The worst is a combination of which each part is
    /// everywhere and the whole nowhere: that reads all rows of the time, 3 million a second.
    Result<std::vector<StoredLedgerRow>> find(const RequestFilter &filter, int maximum,
                                              qint64 beforeId = std::numeric_limits<qint64>::max());
    /// Calls @p visit with every matching row there is now, oldest first, until it returns false.
    /// Reads a thousand at a time, so that a slow visitor holds up nobody. False: it was stopped.
    Result<bool> forEach(const RequestFilter &filter,
                         const std::function<bool(const StoredLedgerRow &)> &visit);
    /// By key id: microseconds since 1970 UTC. Keys that were never used are left out.
    Result<QHash<qint64, qint64>> lastUsedUs();

private:
    struct IdRange
    {
        qint64 first = 0;
        qint64 last = 0; ///< included
    };

    Result<std::vector<StoredLedgerRow>> readAll(SqliteStatement &statement);
    /// Where matching rows can be, in order, up to @p maximumId.
    Result<std::vector<IdRange>> rangesOf(const RequestFilter &filter, qint64 maximumId);
    Result<std::vector<StoredLedgerRow>> matching(const RequestFilter &filter, IdRange range,
                                                  bool newestFirst, int maximum);

    SqliteConnection m_connection;
};

} // namespace tidegate
