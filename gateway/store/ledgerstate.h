// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"

namespace tidegate {

class SqliteConnection;

/// How far the ledger has been added up and cleaned up: the table `ledger_state`. Value type.
struct LedgerState
{
    qint64 rolledUpTo = 0;    ///< highest id that the roll-up tables have
    qint64 rowsSinceUs = 0;   ///< rows that started before may have been deleted
    qint64 detailsSinceS = 0; ///< before this only days are kept

    static Result<LedgerState> read(SqliteConnection &connection);
    /// Within the caller's transaction, if there is one.
    [[nodiscard]] bool write(SqliteConnection &connection) const;
};

} // namespace tidegate
