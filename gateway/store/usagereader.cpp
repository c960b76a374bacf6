// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/usagereader.h"

#include "gateway/store/usagescan.h"

namespace tidegate {
namespace {

constexpr int kBusyTimeoutMs = 250;

} // namespace

Result<Done> UsageReader::open(const QString &databasePath)
{
    return m_connection.open(databasePath, SqliteConnection::Access::ReadOnly, kBusyTimeoutMs);
}

Result<UsageResult> UsageReader::usage(const UsageQuery &query)
{
    return UsageScan(m_connection).run(query);
}

} // namespace tidegate
