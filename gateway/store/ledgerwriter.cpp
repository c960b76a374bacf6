// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/ledgerwriter.h"

#include "gateway/store/ledgercolumns.h"
#include "gateway/store/sqliteconnection.h"
#include "gateway/store/sqlitetransaction.h"

#include <QLoggingCategory>

#include <algorithm>
#include <utility>

namespace tidegate {
namespace {

Q_LOGGING_CATEGORY(lcLedger, "tidegate.ledger")

constexpr qint64 kFirstRetryNs = 100'000'000;
constexpr qint64 kLongestRetryNs = 2'000'000'000;
constexpr int kReplayRows = 5'000; // at a time, about 50 ms

// A row whose id is there already was written before: see LedgerSpill.
constexpr char kInsert[] = "INSERT INTO requests (" TIDEGATE_LEDGER_COLUMNS
                           ") VALUES (" TIDEGATE_LEDGER_PARAMETERS ") ON CONFLICT (id) DO NOTHING";
constexpr char kSaveKeyUsage[] =
    "INSERT INTO key_usage (key_id, last_used_us) VALUES (?, ?) ON CONFLICT (key_id) "
    "DO UPDATE SET last_used_us = max(last_used_us, excluded.last_used_us)";
} // namespace

LedgerWriter::LedgerWriter(SqliteConnection &connection, QString spillPath)
    : m_connection(connection)
    , m_spill(std::move(spillPath))
{
}

Result<Done> LedgerWriter::open(qint64 rolledUpTo)
{
    if (auto opened = m_spill.open(); !opened) {
        return opened;
    }
    SqliteStatement highest(m_connection, "SELECT max(id) FROM requests");
    if (highest.step() != SqliteStatement::Step::Row) {
        return m_connection.explainLastError();
    }
    // Also after all rows were deleted, no id may come again: those up to rolledUpTo are done with.
    m_nextId = std::max({highest.integer(0), m_spill.highestId(), rolledUpTo}) + 1;
    m_nextFlushNs = m_spill.waiting() > 0 ? 0 : kNever;
    return Done{};
}

void LedgerWriter::take(std::vector<std::vector<LedgerRow>> &&chunks)
{
    for (auto &chunk : chunks) {
        const auto count = qint64(chunk.size());
        m_taken.push_back({m_nextId, std::move(chunk)});
        m_nextId += count;
        m_inMemory += count;
    }
}

void LedgerWriter::flush(qint64 nowNs, bool force)
{
    m_nextFlushNs = kNever;
    if (force || nowNs >= m_databaseRetryNs) {
        if (m_taken.empty() || write(m_taken)) {
            m_written += m_inMemory;
            takenAreDurable(Where::Database);
            replay(nowNs);
            return;
        }
        databaseFailed(nowNs);
    }
    m_nextFlushNs = m_databaseRetryNs;
    if (m_taken.empty()) {
        return;
    }
    if (auto spilled = m_spill.append(m_taken); !spilled) {
        m_lastError = spilled.error();
        return;
    }
    takenAreDurable(Where::Spill);
}

void LedgerWriter::takenAreDurable(Where where)
{
    std::vector<quint64> holds;
    for (const LedgerBatch &batch : m_taken) {
        for (const LedgerRow &row : batch.rows) {
            if (row.holdId != 0) {
                holds.push_back(row.holdId);
            }
        }
    }
    m_inMemory = 0;
    if (where == Where::Database && !m_taken.empty()) {
        m_recent.add(std::move(m_taken));
    }
    m_taken.clear();
    if (m_rowsWritten && !holds.empty()) {
        m_rowsWritten(holds);
    }
}

Result<Done> LedgerWriter::forEachOutside(
    const std::function<void(qint64 id, const LedgerRow &row)> &visit) const
{
    for (const LedgerBatch &batch : m_taken) {
        qint64 id = batch.firstId;
        for (const LedgerRow &row : batch.rows) {
            visit(id++, row);
        }
    }
    return m_spill.forEachWaiting(visit);
}

void LedgerWriter::replay(qint64 nowNs)
{
    m_retryDelayNs = 0;
    m_databaseRetryNs = 0;
    m_loggedError.clear();
    if (m_spill.waiting() == 0) {
        m_lastError.clear();
        return;
    }
    auto rows = m_spill.next(kReplayRows);
    if (!rows) {
        m_lastError = rows.error();
        m_nextFlushNs = nowNs + kLongestRetryNs;
        return;
    }
    if (!write(*rows)) {
        databaseFailed(nowNs);
        m_nextFlushNs = m_databaseRetryNs;
        return;
    }
    m_written += qint64(rows->size());
    if (auto marked = m_spill.markReplayed(); !marked) {
        m_lastError = marked.error();
        m_nextFlushNs = nowNs + kLongestRetryNs;
        return;
    }
    if (m_spill.waiting() > 0) {
        m_nextFlushNs = nowNs;
        return;
    }
    m_lastError.clear();
    qCInfo(lcLedger, "The database has all ledger rows that had waited in the spill file.");
}

void LedgerWriter::databaseFailed(qint64 nowNs)
{
    m_lastError = m_connection.explainLastError().message;
    if (m_lastError != m_loggedError) {
        qCWarning(lcLedger, "%ls Ledger rows are kept meanwhile.", qUtf16Printable(m_lastError));
        m_loggedError = m_lastError;
    }
    m_retryDelayNs = std::clamp(2 * m_retryDelayNs, kFirstRetryNs, kLongestRetryNs);
    m_databaseRetryNs = nowNs + m_retryDelayNs;
}

bool LedgerWriter::prepare()
{
    if (!m_insert.isValid()) {
        m_insert = SqliteStatement(m_connection, kInsert, true);
    }
    if (!m_saveKeyUsage.isValid()) {
        m_saveKeyUsage = SqliteStatement(m_connection, kSaveKeyUsage, true);
    }
    return m_insert.isValid() && m_saveKeyUsage.isValid();
}

bool LedgerWriter::write(const std::vector<LedgerBatch> &batches)
{
    SqliteTransaction transaction(m_connection);
    if (!transaction.isOpen() || !prepare()) {
        return false;
    }
    m_lastUsedUs.clear();
    for (const LedgerBatch &batch : batches) {
        qint64 id = batch.firstId;
        for (const LedgerRow &row : batch.rows) {
            if (!insert(id++, row)) {
                return false;
            }
        }
    }
    return writeKeyUsage() && transaction.commit();
}

bool LedgerWriter::insert(qint64 id, const LedgerRow &row)
{
    if (row.keyId != 0) {
        qint64 &lastUsedUs = m_lastUsedUs[row.keyId];
        lastUsedUs = std::max(lastUsedUs, row.startedAtUs);
    }
    bindLedgerRow(m_insert, id, row);
    return m_insert.run();
}

bool LedgerWriter::writeKeyUsage()
{
    for (auto it = m_lastUsedUs.cbegin(); it != m_lastUsedUs.cend(); ++it) {
        m_saveKeyUsage.bind(1, it.key());
        m_saveKeyUsage.bind(2, it.value());
        if (!m_saveKeyUsage.run()) {
            return false;
        }
    }
    return true;
}

} // namespace tidegate
