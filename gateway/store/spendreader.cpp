// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/spendreader.h"

#include "gateway/store/ledgerwriter.h"
#include "gateway/store/sqliteconnection.h"
#include "gateway/store/usagescan.h"

#include <QSet>

#include <algorithm>
#include <map>

namespace tidegate {
namespace {

constexpr qint64 kEndOfTimeUs = 253'402'300'800'000'000; // the year 10000
// Ids follow the end of requests, but for what several threads hand over at the same time, what
// waited in the spill file, and what the clock was set by.
constexpr qint64 kDisorderUs = 600'000'000;

constexpr char kNewest[] = "SELECT key_id, team_id, started_at_us, total_us, cost_nano "
                           "FROM requests ORDER BY id DESC";
constexpr char kExists[] = "SELECT 1 FROM requests WHERE id = ?";
constexpr char kHolds[] =
    "SELECT hold_id FROM requests WHERE hold_id <> 0 AND started_at_us >= ?1 AND id >= "
    "coalesce((SELECT first_id FROM ledger_blocks WHERE last_started_us >= ?1 "
    "ORDER BY first_id LIMIT 1), (SELECT value + 1 FROM ledger_state WHERE name = 'rolled_up_to'))";

bool concerns(const SpendQuery &query, qint64 keyId, qint64 teamId, qint64 startedAtUs)
{
    return query.id == (query.team ? teamId : keyId) && startedAtUs >= query.fromUs;
}

} // namespace

Result<std::vector<Money>> SpendReader::spent(const std::vector<SpendQuery> &queries)
{
    std::vector<Money> answer(queries.size());
    for (const auto step :
         {&SpendReader::addDatabase, &SpendReader::takeOffLater, &SpendReader::addOutside}) {
        if (auto done = (this->*step)(queries, answer); !done) {
            return Error{done.error()};
        }
    }
    return answer;
}

/// Many keys have periods that begin at the same time: one report answers for all of them.
Result<Done> SpendReader::addDatabase(const std::vector<SpendQuery> &queries,
                                      std::vector<Money> &answer)
{
    std::map<std::pair<bool, qint64>, UsageQuery> reports;
    for (const SpendQuery &query : queries) {
        UsageQuery &report = reports[{query.team, query.fromUs}];
        report.fromUs = query.fromUs;
        report.toUs = kEndOfTimeUs;
        report.groupBy = query.team ? UsageQuery::By::Team : UsageQuery::By::Key;
        (query.team ? report.teamIds : report.keyIds).push_back(query.id);
    }
    for (const auto &[which, report] : reports) {
        const auto usage = UsageScan(m_connection).run(report);
        if (!usage) {
            return Error{usage.error()};
        }
        if (!usage->complete) {
            return Error{QStringLiteral("The ledger is still being added up.")};
        }
        for (size_t i = 0; i < queries.size(); ++i) {
            if (std::pair(queries[i].team, queries[i].fromUs) != which) {
                continue;
            }
            for (size_t group = 0; group < usage->groups.size(); ++group) {
                if (usage->groups[group].id == queries[i].id) {
                    answer[i] += usage->groupTotals[group].cost;
                }
            }
        }
    }
    return Done{};
}

Result<Done> SpendReader::takeOffLater(const std::vector<SpendQuery> &queries,
                                       std::vector<Money> &answer)
{
    qint64 earliestUs = kEndOfTimeUs;
    for (const SpendQuery &query : queries) {
        earliestUs = std::min(earliestUs, query.finishedUpToUs);
    }
    if (earliestUs == kEndOfTimeUs) {
        return Done{};
    }
    SqliteStatement newest(m_connection, kNewest);
    auto step = newest.step();
    for (; step == SqliteStatement::Step::Row; step = newest.step()) {
        const qint64 startedAtUs = newest.integer(2);
        const qint64 finishedAtUs = startedAtUs + newest.integer(3);
        if (finishedAtUs < earliestUs - kDisorderUs) {
            return Done{};
        }
        for (size_t i = 0; i < queries.size(); ++i) {
            if (finishedAtUs > queries[i].finishedUpToUs &&
                concerns(queries[i], newest.integer(0), newest.integer(1), startedAtUs)) {
                answer[i] -= Money::fromNano(newest.integer(4));
            }
        }
    }
    if (step == SqliteStatement::Step::Failed) {
        return m_connection.explainLastError();
    }
    return Done{};
}

Result<Done> SpendReader::addOutside(const std::vector<SpendQuery> &queries,
                                     std::vector<Money> &answer)
{
    SqliteStatement exists(m_connection, kExists);
    if (!exists.isValid()) {
        return m_connection.explainLastError();
    }
    bool failed = false;
    auto visited = m_writer.forEachOutside([&](qint64 id, const LedgerRow &row) {
        exists.bind(1, id);
        const auto step = exists.step();
        exists.reset();
        failed = failed || step == SqliteStatement::Step::Failed;
        if (step != SqliteStatement::Step::Done || !row.cost) {
            return;
        }
        for (size_t i = 0; i < queries.size(); ++i) {
            if (row.startedAtUs + row.totalUs <= queries[i].finishedUpToUs &&
                concerns(queries[i], row.keyId, row.teamId, row.startedAtUs)) {
                answer[i] += *row.cost;
            }
        }
    });
    if (failed) {
        return m_connection.explainLastError();
    }
    return visited;
}

Result<std::vector<quint64>> SpendReader::findHolds(const std::vector<quint64> &holdIds,
                                                    qint64 startedSinceUs)
{
    const QSet<quint64> wanted(holdIds.begin(), holdIds.end());
    QSet<quint64> found;
    SqliteStatement holds(m_connection, kHolds);
    if (holds.isValid()) {
        holds.bind(1, startedSinceUs);
    }
    auto step = holds.step();
    for (; step == SqliteStatement::Step::Row; step = holds.step()) {
        const auto id = quint64(holds.integer(0));
        if (wanted.contains(id)) {
            found.insert(id);
        }
    }
    if (step == SqliteStatement::Step::Failed) {
        return m_connection.explainLastError();
    }
    auto visited = m_writer.forEachOutside([&](qint64, const LedgerRow &row) {
        if (wanted.contains(row.holdId)) {
            found.insert(row.holdId);
        }
    });
    if (!visited) {
        return Error{visited.error()};
    }
    return std::vector<quint64>(found.cbegin(), found.cend());
}

} // namespace tidegate
