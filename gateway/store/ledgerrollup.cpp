// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/ledgerrollup.h"

#include "gateway/store/bloomfilter.h"
#include "gateway/store/recentrows.h"
#include "gateway/store/sqliteconnection.h"
#include "gateway/store/sqlitetransaction.h"

#include <QtEndian>

#include <algorithm>
#include <limits>
#include <set>

namespace tidegate {
namespace {

constexpr int kDeleteRows = 2'000; // at a time, about 5 ms
constexpr qint64 kMicroseconds = 1'000'000;
constexpr qint64 kQuarterS = 900;
constexpr qint64 kHourS = 3'600;
constexpr qint64 kDayS = 86'400;

constexpr char kRows[] = "SELECT " TIDEGATE_USAGE_COLUMNS ", id, request_id FROM requests "
                         "WHERE id > ? AND id <= ? ORDER BY id LIMIT ?";
constexpr int kId = UsageFacts::kColumns;
constexpr int kRequestId = kId + 1;

struct TierSql
{
    const char *select;
    const char *save;
};

#define TIDEGATE_TIER_SQL(TABLE)                                                                   \
    {                                                                                              \
        "SELECT requests, cost_nano, figures FROM " TABLE " WHERE series = ? AND start_s = ?",     \
            "INSERT OR REPLACE INTO " TABLE                                                        \
            " (series, start_s, requests, cost_nano, figures) VALUES (?, ?, ?, ?, ?)"              \
    }

constexpr TierSql kTiers[] = {TIDEGATE_TIER_SQL("usage_quarter"), TIDEGATE_TIER_SQL("usage_hour"),
                              TIDEGATE_TIER_SQL("usage_day")};

#undef TIDEGATE_TIER_SQL

constexpr char kSaveBlock[] =
    "INSERT INTO ledger_blocks (first_id, last_id, first_started_us, last_started_us, outcomes, "
    "statuses, series) VALUES (?, ?, ?, ?, ?, ?, ?)";
constexpr char kSaveFilter[] = "INSERT INTO ledger_block_ids (first_id, filter) VALUES (?, ?)";
// Ids grow with time, so old rows are at the beginning; no index on the time is needed to find
// them.
constexpr char kDeleteRowsSql[] =
    "DELETE FROM requests WHERE started_at_us < ?1 AND id <= "
    "(SELECT max(id) FROM (SELECT id FROM requests WHERE id <= ?2 ORDER BY id LIMIT ?3))";
constexpr char kForgetBlocks[] =
    "DELETE FROM ledger_blocks WHERE last_id < (SELECT coalesce(min(id), ?1 + 1) FROM requests)";
constexpr char kForgetFilters[] = "DELETE FROM ledger_block_ids WHERE first_id < "
                                  "(SELECT coalesce(min(first_id), ?1 + 1) FROM ledger_blocks)";

/// Seconds since 1970 of the span of @p lengthS that @p us is in.
qint64 startOfSpan(qint64 us, qint64 lengthS)
{
    const qint64 lengthUs = lengthS * kMicroseconds;
    const qint64 span = us >= 0 ? us / lengthUs : -((-us + lengthUs - 1) / lengthUs);
    return span * lengthS;
}

template <typename Integer>
QByteArray littleEndian(const std::set<qint64> &values)
{
    QByteArray bytes(qsizetype(values.size() * sizeof(Integer)), Qt::Uninitialized);
    char *at = bytes.data();
    for (const qint64 value : values) {
        qToLittleEndian(Integer(value), at);
        at += sizeof(Integer);
    }
    return bytes;
}

} // namespace

/// What stands in some rows with neighbouring ids.
struct LedgerRollup::Block
{
    qint64 firstId = 0;
    qint64 lastId = 0;
    qint64 firstStartedUs = std::numeric_limits<qint64>::max();
    qint64 lastStartedUs = std::numeric_limits<qint64>::min();
    qint64 outcomes = 0;
    std::set<qint64> statuses;
    std::set<qint64> series;
    std::vector<quint64> requestIds; ///< their hashes

    void add(qint64 id, quint64 requestHash, qint64 seriesId, const UsageFacts &facts)
    {
        if (requestIds.empty()) {
            firstId = id;
        }
        lastId = id;
        requestIds.push_back(requestHash);
        firstStartedUs = std::min(firstStartedUs, facts.startedAtUs);
        lastStartedUs = std::max(lastStartedUs, facts.startedAtUs);
        outcomes |= qint64(1) << int(facts.outcome);
        statuses.insert(facts.status);
        series.insert(seriesId);
    }
};

/// What some rows add up to.
struct LedgerRollup::Addition
{
    int rows = 0;
    std::vector<Block> blocks;
    SumsByStart quarters;
    QHash<qint64, const std::array<qint64, UsageSeries::kSums> *> sumIds; ///< by series
};

LedgerRollup::LedgerRollup(SqliteConnection &connection)
    : m_connection(connection)
    , m_series(connection)
{
}

Result<Done> LedgerRollup::open()
{
    auto state = LedgerState::read(m_connection);
    if (!state) {
        return Error{state.error()};
    }
    m_state = *state;
    return m_series.load();
}

bool LedgerRollup::prepare()
{
    if (m_tiers.empty()) {
        m_rows = SqliteStatement(m_connection, kRows, true);
        m_saveBlock = SqliteStatement(m_connection, kSaveBlock, true);
        m_saveFilter = SqliteStatement(m_connection, kSaveFilter, true);
        for (const TierSql &sql : kTiers) {
            m_tiers.push_back({SqliteStatement(m_connection, sql.select, true),
                               SqliteStatement(m_connection, sql.save, true)});
        }
    }
    bool ok = m_rows.isValid() && m_saveBlock.isValid() && m_saveFilter.isValid();
    for (const Tier &tier : m_tiers) {
        ok = ok && tier.select.isValid() && tier.save.isValid();
    }
    if (!ok) {
        m_tiers.clear();
    }
    return ok;
}

Result<int> LedgerRollup::advance(qint64 lastId, const RecentRows *recent)
{
    if (lastId <= m_state.rolledUpTo) {
        return 0;
    }
    const LedgerState before = m_state;
    auto added = addRows(lastId, recent);
    if (!added) {
        m_state = before;
        // Series of the failed transaction are not in the database.
        if (auto loaded = m_series.load(); !loaded) {
            return Error{loaded.error()};
        }
    }
    return added;
}

bool LedgerRollup::addRow(qint64 id, QByteArrayView requestId, const UsageFacts &facts,
                          Addition &addition)
{
    const UsageSeries::Entry *series = m_series.find(facts.dimensions);
    if (!series) {
        return false;
    }
    if (addition.rows++ % kBlockRows == 0) {
        addition.blocks.emplace_back();
    }
    addition.blocks.back().add(id, BloomFilter::hash(requestId), series->id, facts);
    addition.sumIds.insert(series->id, &series->sumIds);
    Sums &sums = addition.quarters[startOfSpan(facts.startedAtUs, kQuarterS)][series->id];
    sums.sums.add(facts);
    UsageSums::addTimes(facts, sums.times);
    return true;
}

bool LedgerRollup::readRows(qint64 lastId, Addition &addition)
{
    m_rows.bind(1, m_state.rolledUpTo);
    m_rows.bind(2, lastId);
    m_rows.bind(3, kMostRows);
    auto step = m_rows.step();
    while (step == SqliteStatement::Step::Row &&
           addRow(m_rows.integer(kId), m_rows.view(kRequestId), UsageFacts::of(m_rows), addition)) {
        step = m_rows.step();
    }
    m_rows.reset();
    return step == SqliteStatement::Step::Done;
}

Result<int> LedgerRollup::addRows(qint64 lastId, const RecentRows *recent)
{
    SqliteTransaction transaction(m_connection);
    if (!transaction.isOpen() || !prepare()) {
        return m_connection.explainLastError();
    }
    Addition addition;
    bool ok = true;
    const qint64 lastRecent = std::min(lastId, m_state.rolledUpTo + kMostRows);
    if (recent && recent->covers(m_state.rolledUpTo, lastRecent)) {
        recent->forEach(m_state.rolledUpTo, lastRecent,
                        [this, &ok, &addition](qint64 id, const LedgerRow &row) {
                            ok = addRow(id, row.requestId, UsageFacts::of(row), addition);
                            return ok;
                        });
    } else {
        ok = readRows(lastId, addition);
    }
    if (!ok) {
        return m_connection.explainLastError();
    }
    auto &[count, blocks, quarters, sumIds] = addition;
    m_state.rolledUpTo = count == kMostRows ? blocks.back().lastId : lastId;
    if (count > 0) {
        for (auto &[startS, bySeries] : quarters) {
            const SumsBySeries exact = bySeries;
            for (auto it = exact.cbegin(); it != exact.cend(); ++it) {
                for (const qint64 id : *sumIds.value(it.key())) {
                    bySeries[id].add(*it);
                }
            }
        }
        const auto fold = [](const SumsByStart &from, qint64 lengthS) {
            SumsByStart result;
            for (const auto &[startS, bySeries] : from) {
                SumsBySeries &target = result[startOfSpan(startS * kMicroseconds, lengthS)];
                for (auto it = bySeries.cbegin(); it != bySeries.cend(); ++it) {
                    target[it.key()].add(*it);
                }
            }
            return result;
        };
        const SumsByStart hours = fold(quarters, kHourS);
        if (!writeTier(0, quarters) || !writeTier(1, hours) || !writeTier(2, fold(hours, kDayS)) ||
            !std::all_of(blocks.begin(), blocks.end(),
                         [this](const Block &block) { return writeBlock(block); })) {
            return m_connection.explainLastError();
        }
    }
    if (!m_state.write(m_connection) || !transaction.commit()) {
        return m_connection.explainLastError();
    }
    return count;
}

bool LedgerRollup::writeTier(int tier, const SumsByStart &sums)
{
    SqliteStatement &select = m_tiers[size_t(tier)].select;
    SqliteStatement &save = m_tiers[size_t(tier)].save;
    for (const auto &[startS, bySeries] : sums) {
        for (auto it = bySeries.cbegin(); it != bySeries.cend(); ++it) {
            Sums all = *it;
            select.bind(1, it.key());
            select.bind(2, startS);
            const auto step = select.step();
            bool ok = step != SqliteStatement::Step::Failed;
            if (step == SqliteStatement::Step::Row) {
                all.sums.add(select.integer(0), Money::fromNano(select.integer(1)));
                if (!all.sums.addEncoded(select.view(2), &all.times)) {
                    m_connection.recordDamage(QStringLiteral("sums of usage cannot be read"));
                    ok = false;
                }
            }
            select.reset();
            if (!ok) {
                return false;
            }
            const QByteArray figures = all.sums.encode(all.times);
            save.bind(1, it.key());
            save.bind(2, startS);
            save.bind(3, all.sums.requests());
            save.bind(4, all.sums.cost().nano());
            save.bindBlob(5, figures);
            if (!save.run()) {
                return false;
            }
        }
    }
    return true;
}

bool LedgerRollup::writeBlock(const Block &block)
{
    const QByteArray statuses = littleEndian<quint16>(block.statuses);
    const QByteArray series = littleEndian<quint32>(block.series);
    const QByteArray filter = BloomFilter::make(block.requestIds);
    m_saveBlock.bind(1, block.firstId);
    m_saveBlock.bind(2, block.lastId);
    m_saveBlock.bind(3, block.firstStartedUs);
    m_saveBlock.bind(4, block.lastStartedUs);
    m_saveBlock.bind(5, block.outcomes);
    m_saveBlock.bindBlob(6, statuses);
    m_saveBlock.bindBlob(7, series);
    m_saveFilter.bind(1, block.firstId);
    m_saveFilter.bindBlob(2, filter);
    return m_saveBlock.run() && m_saveFilter.run();
}

Result<int> LedgerRollup::deleteRows(qint64 startedBeforeUs)
{
    SqliteTransaction transaction(m_connection);
    SqliteStatement rows(m_connection, kDeleteRowsSql);
    SqliteStatement blocks(m_connection, kForgetBlocks);
    SqliteStatement filters(m_connection, kForgetFilters);
    if (!transaction.isOpen() || !rows.isValid() || !blocks.isValid() || !filters.isValid()) {
        return m_connection.explainLastError();
    }
    rows.bind(1, startedBeforeUs);
    rows.bind(2, m_state.rolledUpTo);
    rows.bind(3, kDeleteRows);
    if (!rows.run()) {
        return m_connection.explainLastError();
    }
    const int deleted = m_connection.changes();
    blocks.bind(1, m_state.rolledUpTo);
    filters.bind(1, m_state.rolledUpTo);
    LedgerState state = m_state;
    state.rowsSinceUs = std::max(state.rowsSinceUs, startedBeforeUs);
    if (deleted == 0) {
        return 0;
    }
    if (!blocks.run() || !filters.run() || !state.write(m_connection) || !transaction.commit()) {
        return m_connection.explainLastError();
    }
    m_state = state;
    return deleted;
}

Result<Done> LedgerRollup::deleteDetails(qint64 beforeUs)
{
    LedgerState state = m_state;
    state.detailsSinceS = std::max(state.detailsSinceS, startOfSpan(beforeUs, kDayS));
    if (state.detailsSinceS == m_state.detailsSinceS) {
        return Done{};
    }
    const QByteArray before = QByteArray::number(state.detailsSinceS);
    SqliteTransaction transaction(m_connection);
    const QByteArray which =
        " WHERE series IN (SELECT id FROM usage_series) AND start_s < " + before;
    const QByteArray sql = "DELETE FROM usage_quarter" + which + "; DELETE FROM usage_hour" + which;
    if (!transaction.isOpen() || !m_connection.execute(sql.constData()) ||
        !state.write(m_connection) || !transaction.commit()) {
        return m_connection.explainLastError();
    }
    m_state = state;
    return Done{};
}

} // namespace tidegate
