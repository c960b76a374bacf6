// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/ledgerreader.h"

#include "gateway/store/sqlitestatement.h"

namespace tidegate {
namespace {

constexpr int kBusyTimeoutMs = 250;

#define TIDEGATE_LEDGER_SELECT                                                                     \
    "SELECT id, request_id, started_at_us, total_us, first_byte_us, overhead_us, key_id, "         \
    "endpoint, "                                                                                   \
    "outcome, status, attempts, stream, requested_model, served_model, backend, error_code, "      \
    "peer, "                                                                                       \
    "input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, usage_estimated, "        \
    "bytes_in, "                                                                                   \
    "bytes_out FROM requests "

constexpr char kNewest[] = TIDEGATE_LEDGER_SELECT "WHERE id < ? ORDER BY id DESC LIMIT ?";
constexpr char kWithRequestId[] = TIDEGATE_LEDGER_SELECT "WHERE request_id = ? ORDER BY id DESC";

#undef TIDEGATE_LEDGER_SELECT

StoredLedgerRow readRow(const SqliteStatement &statement)
{
    StoredLedgerRow result;
    result.id = statement.integer(0);
    LedgerRow &row = result.row;
    row.requestId = statement.bytes(1);
    row.startedAtUs = statement.integer(2);
    row.totalUs = statement.integer(3);
    row.firstByteUs = statement.optionalInteger(4).value_or(-1);
    row.overheadUs = statement.integer(5);
    row.keyId = statement.integer(6);
    row.endpoint = Endpoint(statement.integer(7));
    row.outcome = Outcome(statement.integer(8));
    row.status = int(statement.integer(9));
    row.attempts = int(statement.integer(10));
    row.stream = statement.integer(11) != 0;
    row.requestedModel = statement.bytes(12);
    row.servedModel = statement.bytes(13);
    row.backend = statement.bytes(14);
    row.errorCode = statement.bytes(15);
    row.peer = statement.bytes(16);
    row.usage.input = statement.optionalInteger(17).value_or(-1);
    row.usage.output = statement.optionalInteger(18).value_or(-1);
    row.usage.cachedInput = statement.optionalInteger(19).value_or(-1);
    row.usage.reasoning = statement.optionalInteger(20).value_or(-1);
    row.usage.estimated = statement.integer(21) != 0;
    row.bytesIn = statement.integer(22);
    row.bytesOut = statement.integer(23);
    return result;
}

} // namespace

Result<Done> LedgerReader::open(const QString &databasePath)
{
    return m_connection.open(databasePath, SqliteConnection::Access::ReadOnly, kBusyTimeoutMs);
}

Result<qint64> LedgerReader::count()
{
    SqliteStatement statement(m_connection, "SELECT count(*) FROM requests");
    if (statement.step() != SqliteStatement::Step::Row) {
        return m_connection.explainLastError();
    }
    return statement.integer(0);
}

Result<qint64> LedgerReader::countSince(qint64 startedAtUs)
{
    SqliteStatement statement(m_connection,
                              "SELECT count(*) FROM requests WHERE id > coalesce((SELECT id FROM "
                              "requests WHERE started_at_us < ? ORDER BY id DESC LIMIT 1), 0)");
    if (statement.isValid()) {
        statement.bind(1, startedAtUs);
    }
    if (statement.step() != SqliteStatement::Step::Row) {
        return m_connection.explainLastError();
    }
    return statement.integer(0);
}

Result<std::vector<StoredLedgerRow>> LedgerReader::newest(int maximum, qint64 beforeId)
{
    SqliteStatement statement(m_connection, kNewest);
    if (statement.isValid()) {
        statement.bind(1, beforeId);
        statement.bind(2, maximum);
    }
    return readAll(statement);
}

Result<std::vector<StoredLedgerRow>> LedgerReader::withRequestId(const QByteArray &requestId)
{
    SqliteStatement statement(m_connection, kWithRequestId);
    if (statement.isValid()) {
        statement.bindText(1, requestId);
    }
    return readAll(statement);
}

Result<std::vector<StoredLedgerRow>> LedgerReader::readAll(SqliteStatement &statement)
{
    std::vector<StoredLedgerRow> rows;
    for (;;) {
        switch (statement.step()) {
        case SqliteStatement::Step::Row:
            rows.push_back(readRow(statement));
            break;
        case SqliteStatement::Step::Done:
            return rows;
        case SqliteStatement::Step::Failed:
            return m_connection.explainLastError();
        }
    }
}

Result<QHash<qint64, qint64>> LedgerReader::lastUsedUs()
{
    QHash<qint64, qint64> result;
    SqliteStatement statement(m_connection, "SELECT key_id, last_used_us FROM key_usage");
    for (;;) {
        switch (statement.step()) {
        case SqliteStatement::Step::Row:
            result.insert(statement.integer(0), statement.integer(1));
            break;
        case SqliteStatement::Step::Done:
            return result;
        case SqliteStatement::Step::Failed:
            return m_connection.explainLastError();
        }
    }
}

} // namespace tidegate
