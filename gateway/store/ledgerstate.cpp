// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/ledgerstate.h"

#include "gateway/store/sqliteconnection.h"
#include "gateway/store/sqlitestatement.h"

namespace tidegate {
namespace {

constexpr char kSelect[] = "SELECT (SELECT value FROM ledger_state WHERE name = 'rolled_up_to'), "
                           "(SELECT value FROM ledger_state WHERE name = 'rows_since_us'), "
                           "(SELECT value FROM ledger_state WHERE name = 'details_since_s')";
constexpr char kUpdate[] =
    "INSERT OR REPLACE INTO ledger_state (name, value) VALUES ('rolled_up_to', ?), "
    "('rows_since_us', ?), ('details_since_s', ?)";

} // namespace

Result<LedgerState> LedgerState::read(SqliteConnection &connection)
{
    SqliteStatement select(connection, kSelect);
    if (select.step() != SqliteStatement::Step::Row) {
        return connection.explainLastError();
    }
    return LedgerState{select.integer(0), select.integer(1), select.integer(2)};
}

bool LedgerState::write(SqliteConnection &connection) const
{
    SqliteStatement update(connection, kUpdate);
    if (!update.isValid()) {
        return false;
    }
    update.bind(1, rolledUpTo);
    update.bind(2, rowsSinceUs);
    update.bind(3, detailsSinceS);
    return update.run();
}

} // namespace tidegate
