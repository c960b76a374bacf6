// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/usagereport.h"
#include "gateway/base/result.h"

#include <QString>

namespace tidegate {

// What the Usage page asks of a ledger. Read-only, any thread but the GUI's: it reads from disk.

[[nodiscard]] Result<UsageReport> ledgerReport(const QString &databasePath,
                                               const UsageRequest &request);
/// What the requests since @p fromUs (wall clock, microseconds since 1970 UTC) cost.
[[nodiscard]] Result<Money> ledgerCost(const QString &databasePath, qint64 fromUs);

} // namespace tidegate
