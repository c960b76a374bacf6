// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/store/sqliteconnection.h"
#include "gateway/store/usagequery.h"

namespace tidegate {

/// Read-only reports on a ledger that a Store may be writing to.
///
/// Lives in one thread, any; owned by whoever asks. Waits at most 250 ms for a lock. Takes less
/// than 100 ms over 10 million ledger rows.
class UsageReader
{
public:
    /// @p databasePath as from Store::databasePath(), after Store::open().
    Result<Done> open(const QString &databasePath);

    /// An error for an unknown time zone, more than UsageQuery::kMaxSteps steps, or a time as
    /// seriesBy.
    Result<UsageResult> usage(const UsageQuery &query);

private:
    SqliteConnection m_connection;
};

} // namespace tidegate
