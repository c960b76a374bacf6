// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/ledgerreader.h"

#include "gateway/store/bloomfilter.h"
#include "gateway/store/ledgercolumns.h"
#include "gateway/store/ledgerstate.h"
#include "gateway/store/usageseries.h"

#include <QtEndian>

#include <variant>

namespace tidegate {
namespace {

constexpr int kBusyTimeoutMs = 250;
constexpr int kPageRows = 1'000;

constexpr char kBlocks[] =
    "SELECT first_id, last_id, statuses, series FROM ledger_blocks WHERE first_id <= ?1 "
    "AND last_started_us >= ?2 AND first_started_us < ?3 AND (outcomes & ?4) <> 0 "
    "ORDER BY first_id";
constexpr char kFilters[] = "SELECT first_id, filter FROM ledger_block_ids ORDER BY first_id";

constexpr char kNewest[] =
    "SELECT " TIDEGATE_LEDGER_COLUMNS " FROM requests WHERE id < ? ORDER BY id DESC LIMIT ?";

/// The ids of the series that rows of the filter can belong to.
std::vector<bool> matchingSeries(const UsageSeries &series, const RequestFilter &filter)
{
    std::vector<bool> matching(size_t(series.highestId()) + 1);
    series.forEach([&](qint64 id, const UsageDimensions &dimensions) {
        // Of a name that nobody offers, or one of too many, the series does not say which.
        const bool model = !filter.model || dimensions.requestedModel.isEmpty() ||
                           dimensions.requestedModel == UsageSeries::kOtherModels ||
                           dimensions.requestedModel == *filter.model ||
                           dimensions.servedModel == *filter.model;
        matching[size_t(id)] = dimensions.kind == UsageKind::Everything && model &&
                               (!filter.keyId || dimensions.keyId == *filter.keyId) &&
                               (!filter.teamId || dimensions.teamId == *filter.teamId) &&
                               (!filter.backend || dimensions.backend == *filter.backend);
    });
    return matching;
}

/// Calls @p test with each little-endian number in @p bytes until it returns true.
template <typename Integer, typename Test>
bool anyOf(QByteArrayView bytes, Test test)
{
    for (qsizetype at = 0; at + qsizetype(sizeof(Integer)) <= bytes.size();
         at += qsizetype(sizeof(Integer))) {
        if (test(qFromLittleEndian<Integer>(bytes.data() + at))) {
            return true;
        }
    }
    return false;
}

/// What of the filter is for the database to check in each row, and its values in order.
struct Condition
{
    QByteArray sql;
    std::vector<std::variant<qint64, QByteArray>> values;

    explicit Condition(const RequestFilter &filter)
    {
        if (filter.keyId) {
            add(" AND key_id = ?", *filter.keyId);
        }
        if (filter.teamId) {
            add(" AND team_id = ?", *filter.teamId);
        }
        if (filter.model) {
            add(" AND (requested_model = ?", *filter.model);
            add(" OR served_model = ?)", *filter.model);
        }
        if (filter.backend) {
            add(" AND backend = ?", *filter.backend);
        }
        if (filter.outcome) {
            add(" AND outcome = ?", qint64(*filter.outcome));
        }
        if (filter.statusFrom > 0) {
            add(" AND status >= ?", qint64(filter.statusFrom));
        }
        if (filter.statusTo < std::numeric_limits<int>::max()) {
            add(" AND status <= ?", qint64(filter.statusTo));
        }
        if (filter.sinceUs > std::numeric_limits<qint64>::min()) {
            add(" AND started_at_us >= ?", filter.sinceUs);
        }
        if (filter.untilUs < std::numeric_limits<qint64>::max()) {
            add(" AND started_at_us < ?", filter.untilUs);
        }
        if (filter.requestId) {
            add(" AND request_id = ?", *filter.requestId);
        }
    }

    void bind(SqliteStatement &statement, int index) const
    {
        for (const auto &value : values) {
            if (const auto *text = std::get_if<QByteArray>(&value)) {
                statement.bindText(index++, *text);
            } else {
                statement.bind(index++, std::get<qint64>(value));
            }
        }
    }

private:
    void add(const char *text, std::variant<qint64, QByteArray> value)
    {
        sql += text;
        values.push_back(std::move(value));
    }
};

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

Result<std::vector<StoredLedgerRow>> LedgerReader::readAll(SqliteStatement &statement)
{
    std::vector<StoredLedgerRow> rows;
    for (;;) {
        switch (statement.step()) {
        case SqliteStatement::Step::Row:
            rows.push_back({statement.integer(0), readLedgerRow(statement)});
            break;
        case SqliteStatement::Step::Done:
            return rows;
        case SqliteStatement::Step::Failed:
            return m_connection.explainLastError();
        }
    }
}

Result<std::vector<LedgerReader::IdRange>> LedgerReader::rangesOf(const RequestFilter &filter,
                                                                  qint64 maximumId)
{
    const auto state = LedgerState::read(m_connection);
    if (!state) {
        return Error{state.error()};
    }
    UsageSeries series(m_connection);
    if (auto loaded = series.load(); !loaded) {
        return Error{loaded.error()};
    }
    const std::vector<bool> wantedSeries = matchingSeries(series, filter);

    std::vector<IdRange> ranges;
    SqliteStatement blocks(m_connection, kBlocks);
    SqliteStatement filters(m_connection, kFilters);
    if (!blocks.isValid() || !filters.isValid()) {
        return m_connection.explainLastError();
    }
    blocks.bind(1, maximumId);
    blocks.bind(2, filter.sinceUs);
    blocks.bind(3, filter.untilUs);
    blocks.bind(4, filter.outcome ? qint64(1) << int(*filter.outcome) : -1);
    auto step = blocks.step();
    for (; step == SqliteStatement::Step::Row; step = blocks.step()) {
        const bool status = anyOf<quint16>(blocks.view(2), [&filter](int value) {
            return value >= filter.statusFrom && value <= filter.statusTo;
        });
        const bool known = status && anyOf<quint32>(blocks.view(3), [&](size_t id) {
                               return id >= wantedSeries.size() || wantedSeries[id];
                           });
        if (known) {
            ranges.push_back({blocks.integer(0), std::min(blocks.integer(1), maximumId)});
        }
    }
    if (step == SqliteStatement::Step::Failed) {
        return m_connection.explainLastError();
    }
    if (filter.requestId) {
        const quint64 hash = BloomFilter::hash(*filter.requestId);
        auto range = ranges.begin();
        std::vector<IdRange> possible;
        step = filters.step();
        for (; step == SqliteStatement::Step::Row && range != ranges.end(); step = filters.step()) {
            const qint64 firstId = filters.integer(0);
            while (range != ranges.end() && range->first < firstId) {
                ++range;
            }
            if (range != ranges.end() && range->first == firstId &&
                BloomFilter::mayContain(filters.view(1), hash)) {
                possible.push_back(*range);
            }
        }
        if (step == SqliteStatement::Step::Failed) {
            return m_connection.explainLastError();
        }
        ranges = std::move(possible);
    }
    if (maximumId > state->rolledUpTo) {
        ranges.push_back({state->rolledUpTo + 1, maximumId});
    }
    return ranges;
}

Result<std::vector<StoredLedgerRow>>
LedgerReader::matching(const RequestFilter &filter, IdRange range, bool newestFirst, int maximum)
{
    const Condition condition(filter);
    const QByteArray sql =
        "SELECT " TIDEGATE_LEDGER_COLUMNS " FROM requests WHERE id >= ? AND id <= ?" +
        condition.sql + " ORDER BY id " + (newestFirst ? "DESC" : "ASC") + " LIMIT ?";
    SqliteStatement select(m_connection, sql.constData());
    if (select.isValid()) {
        select.bind(1, range.first);
        select.bind(2, range.last);
        condition.bind(select, 3);
        select.bind(3 + int(condition.values.size()), maximum);
    }
    return readAll(select);
}

Result<std::vector<StoredLedgerRow>> LedgerReader::find(const RequestFilter &filter, int maximum,
                                                        qint64 beforeId)
{
    const auto ranges = rangesOf(filter, beforeId - 1);
    if (!ranges) {
        return Error{ranges.error()};
    }
    std::vector<StoredLedgerRow> found;
    for (auto range = ranges->rbegin(); range != ranges->rend(); ++range) {
        const int missing = maximum - int(found.size());
        if (missing <= 0) {
            break;
        }
        auto rows = matching(filter, *range, true, missing);
        if (!rows) {
            return rows;
        }
        std::move(rows->begin(), rows->end(), std::back_inserter(found));
    }
    return found;
}

Result<bool> LedgerReader::forEach(const RequestFilter &filter,
                                   const std::function<bool(const StoredLedgerRow &)> &visit)
{
    SqliteStatement highest(m_connection, "SELECT coalesce(max(id), 0) FROM requests");
    if (highest.step() != SqliteStatement::Step::Row) {
        return m_connection.explainLastError();
    }
    const qint64 lastId = highest.integer(0);
    highest.reset();
    const auto ranges = rangesOf(filter, lastId);
    if (!ranges) {
        return Error{ranges.error()};
    }
    for (IdRange range : *ranges) {
        for (bool more = true; more;) {
            const auto rows = matching(filter, range, false, kPageRows);
            if (!rows) {
                return Error{rows.error()};
            }
            for (const StoredLedgerRow &row : *rows) {
                if (!visit(row)) {
                    return false;
                }
            }
            more = rows->size() == size_t(kPageRows);
            if (more) {
                range.first = rows->back().id + 1;
            }
        }
    }
    return true;
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
