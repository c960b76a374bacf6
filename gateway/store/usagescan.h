// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/store/usagequery.h"

namespace tidegate {

class SqliteConnection;

/// Answers a UsageQuery from the roll-up tables, and from the ledger's rows where these say more:
/// at the edges of the time asked for, and for the newest rows, which are not added up yet.
///
/// Lives in its connection's thread, on the stack.
class UsageScan
{
public:
    explicit UsageScan(SqliteConnection &connection)
        : m_connection(connection)
    {
    }

    /// As UsageReader::usage().
    Result<UsageResult> run(const UsageQuery &query);

private:
    SqliteConnection &m_connection;
};

} // namespace tidegate
