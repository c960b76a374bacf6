// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/money.h"
#include "gateway/base/result.h"
#include "gateway/store/spendquery.h"

#include <vector>

namespace tidegate {

class LedgerWriter;
class SqliteConnection;

/// What the ledger says of money, with the rows that wait in memory or in the spill file.
///
/// Lives in the store thread, on the stack.
class SpendReader
{
public:
    SpendReader(SqliteConnection &connection, const LedgerWriter &writer)
        : m_connection(connection)
        , m_writer(writer)
    {
    }

    /// One answer for each query. Exact; where rows have been deleted in the quarter of an hour at
    /// which a query begins, or more than a year ago in the day, it counts from the begin of
    /// that, so that it is never too little. An error while a large older ledger is still being
    /// added up.
    Result<std::vector<Money>> spent(const std::vector<SpendQuery> &queries);
    /// Those of @p holdIds that a row ends which started at @p startedSinceUs or later.
    Result<std::vector<quint64>> findHolds(const std::vector<quint64> &holdIds,
                                           qint64 startedSinceUs);

private:
    Result<Done> addDatabase(const std::vector<SpendQuery> &queries, std::vector<Money> &answer);
    Result<Done> takeOffLater(const std::vector<SpendQuery> &queries, std::vector<Money> &answer);
    Result<Done> addOutside(const std::vector<SpendQuery> &queries, std::vector<Money> &answer);

    SqliteConnection &m_connection;
    const LedgerWriter &m_writer;
};

} // namespace tidegate
