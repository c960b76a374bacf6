// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/ledger/ledgerrow.h"
#include "gateway/store/sqlitestatement.h"

namespace tidegate {

/// The columns of the table `requests`, in the order that bindLedgerRow() and readLedgerRow() use.
#define TIDEGATE_LEDGER_COLUMNS                                                                    \
    "id, request_id, started_at_us, total_us, first_byte_us, overhead_us, key_id, endpoint, "      \
    "outcome, status, attempts, stream, requested_model, served_model, backend, error_code, "      \
    "peer, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, "                   \
    "usage_estimated, bytes_in, bytes_out, team_id, cost_nano, hold_id, cache_write_tokens, "      \
    "cache_write_1h_tokens, audio_input_tokens, audio_output_tokens, trace"

/// As many question marks.
#define TIDEGATE_LEDGER_PARAMETERS                                                                 \
    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "   \
    "?, "                                                                                          \
    "?"

/// Texts are not copied: @p row must stay until the statement is reset.
void bindLedgerRow(SqliteStatement &statement, qint64 id, const LedgerRow &row);
/// All but the id, which is column 0.
[[nodiscard]] LedgerRow readLedgerRow(const SqliteStatement &statement);

} // namespace tidegate
