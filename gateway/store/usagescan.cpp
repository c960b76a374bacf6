// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/usagescan.h"

#include "gateway/store/ledgerstate.h"
#include "gateway/store/namerepository.h"
#include "gateway/store/sqliteconnection.h"
#include "gateway/store/usageplan.h"
#include "gateway/store/usageseries.h"
#include "gateway/store/usagesums.h"

#include <algorithm>
#include <numeric>

namespace tidegate {
namespace {

using By = UsageQuery::By;

// With more rows than this waiting to be added up, a report leaves them out: reading them takes
// about a second per million.
constexpr qint64 kMostUnaddedRows = 200'000;

constexpr char kQuarters[] = "SELECT start_s, requests, cost_nano, figures FROM usage_quarter "
                             "WHERE series = ? AND start_s >= ? AND start_s < ?";
constexpr char kHours[] = "SELECT start_s, requests, cost_nano, figures FROM usage_hour "
                          "WHERE series = ? AND start_s >= ? AND start_s < ?";
constexpr char kDays[] = "SELECT start_s, requests, cost_nano, figures FROM usage_day "
                         "WHERE series = ? AND start_s >= ? AND start_s < ?";
constexpr char kBlocks[] = "SELECT first_id, last_id FROM ledger_blocks "
                           "WHERE last_started_us >= ? AND first_started_us < ?";
constexpr char kRows[] = "SELECT " TIDEGATE_USAGE_COLUMNS " FROM requests "
                         "WHERE id >= ? AND id <= ? AND started_at_us >= ? AND started_at_us < ?";
constexpr char kHighestId[] = "SELECT coalesce(max(id), 0) FROM requests";

/// The values of one way to tell usage apart, in the order in which they turn up.
class Dimension
{
public:
    explicit Dimension(By by)
        : m_by(by)
    {
        if (by == By::None || UsageQuery::isTime(by)) {
            m_labels.emplace_back();
        }
    }

    int indexOf(const UsageDimensions &dimensions)
    {
        switch (m_by) {
        case By::Key:
            return indexOf(dimensions.keyId);
        case By::Team:
            return indexOf(dimensions.teamId);
        case By::Endpoint:
            return indexOf(dimensions.endpoint);
        case By::Model:
            return indexOf(dimensions.requestedModel);
        case By::ServedModel:
            return indexOf(dimensions.servedModel);
        case By::Backend:
            return indexOf(dimensions.backend);
        default:
            return 0;
        }
    }

    [[nodiscard]] std::vector<UsageResult::Label> &labels() { return m_labels; }

private:
    int indexOf(qint64 id)
    {
        auto it = m_byId.find(id);
        if (it == m_byId.end()) {
            it = m_byId.insert(id, int(m_labels.size()));
            m_labels.push_back({id, QString(), false});
        }
        return *it;
    }

    int indexOf(QByteArrayView text)
    {
        const QByteArray key = text.toByteArray();
        auto it = m_byText.find(key);
        if (it == m_byText.end()) {
            it = m_byText.insert(key, int(m_labels.size()));
            m_labels.push_back({0, QString::fromUtf8(key), false});
        }
        return *it;
    }

    By m_by;
    QHash<qint64, int> m_byId;
    QHash<QByteArray, int> m_byText;
    std::vector<UsageResult::Label> m_labels;
};

template <typename List, typename Value>
bool allows(const List &list, const Value &value)
{
    return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

bool matches(const UsageQuery &query, const UsageDimensions &dimensions)
{
    return allows(query.keyIds, dimensions.keyId) && allows(query.teamIds, dimensions.teamId) &&
           allows(query.backends, dimensions.backend) &&
           (allows(query.models, dimensions.requestedModel) ||
            allows(query.models, dimensions.servedModel));
}

/// One query on its way through the tables.
class Scan
{
public:
    Scan(SqliteConnection &connection, const UsageQuery &query)
        : m_connection(connection)
        , m_query(query)
        , m_series(connection)
        , m_groups(query.groupBy)
        , m_lines(query.seriesBy)
    {
    }

    Result<UsageResult> run()
    {
        if (UsageQuery::isTime(m_query.seriesBy)) {
            return Error{QStringLiteral("Series of usage cannot be steps of time.")};
        }
        auto state = LedgerState::read(m_connection);
        if (!state) {
            return Error{state.error()};
        }
        auto plan = UsagePlan::make(m_query, *state);
        if (!plan) {
            return Error{plan.error()};
        }
        m_plan = std::move(plan).value();
        if (auto loaded = m_series.load(); !loaded) {
            return Error{loaded.error()};
        }
        resolveSeries();
        if (!scanSums(kDays, m_plan.days) || !scanSums(kHours, m_plan.hours) ||
            !scanSums(kQuarters, m_plan.quarters) || !scanEdges() ||
            !scanNewest(state->rolledUpTo)) {
            return m_connection.explainLastError();
        }
        return finish();
    }

private:
    struct Place
    {
        int group = -1; ///< -1: filtered out
        int line = 0;
    };

    [[nodiscard]] bool byTime() const { return UsageQuery::isTime(m_query.groupBy); }

    /// Which series have what is asked for, without saying more: those are the fewest rows.
    [[nodiscard]] UsageKind kindNeeded() const
    {
        UsageKind kind = UsageKind::Total;
        const auto need = [&kind](bool needed, UsageKind other) {
            if (needed && kind != other) {
                kind = kind == UsageKind::Total ? other : UsageKind::Everything;
            }
        };
        for (const By by : {m_query.groupBy, m_query.seriesBy}) {
            need(by == By::Key, UsageKind::Key);
            need(by == By::Team, UsageKind::Team);
            need(by == By::Model, UsageKind::Model);
            need(by == By::Backend, UsageKind::Backend);
            need(by == By::ServedModel || by == By::Endpoint, UsageKind::Everything);
        }
        need(!m_query.keyIds.empty(), UsageKind::Key);
        need(!m_query.teamIds.empty(), UsageKind::Team);
        need(!m_query.backends.empty(), UsageKind::Backend);
        need(!m_query.models.empty(), UsageKind::Everything); // requested or served
        return kind;
    }

    void resolveSeries()
    {
        m_series.forEach([this, kind = kindNeeded()](qint64 id, const UsageDimensions &dimensions) {
            if (dimensions.kind != kind) {
                return;
            }
            if (const Place place = placeOf(dimensions); place.group >= 0) {
                m_wanted.push_back({id, place});
            }
        });
    }

    Place placeOf(const UsageDimensions &dimensions)
    {
        if (!matches(m_query, dimensions)) {
            return {};
        }
        return {m_groups.indexOf(dimensions), m_lines.indexOf(dimensions)};
    }

    bool scanSums(const char *sql, const std::vector<UsagePlan::Span> &spans)
    {
        SqliteStatement select(m_connection, sql, true);
        if (!select.isValid()) {
            return false;
        }
        for (size_t first = 0; first < spans.size();) {
            // Neighbouring spans are read in one go.
            size_t last = first;
            while (last + 1 < spans.size() && spans[last + 1].start == spans[last].end) {
                ++last;
            }
            for (const auto &[series, place] : m_wanted) {
                select.bind(1, series);
                select.bind(2, spans[first].start);
                select.bind(3, spans[last].end);
                size_t at = first;
                auto step = select.step();
                for (; step == SqliteStatement::Step::Row; step = select.step()) {
                    const qint64 start = select.integer(0);
                    while (start >= spans[at].end) {
                        ++at;
                    }
                    if (!addSums(select, place, spans[at].step)) {
                        return false;
                    }
                }
                select.reset();
                if (step == SqliteStatement::Step::Failed) {
                    return false;
                }
            }
            first = last + 1;
        }
        return true;
    }

    bool addSums(const SqliteStatement &select, Place place, int step)
    {
        const int group = byTime() ? step : place.group;
        UsageSums &sums = cell(group, place.line);
        sums.add(select.integer(1), Money::fromNano(select.integer(2)));
        if (!sums.addEncoded(select.view(3), &m_groupTimes[size_t(group)], lineTimes(place.line))) {
            m_connection.recordDamage(QStringLiteral("sums of usage cannot be read"));
            return false;
        }
        return true;
    }

    /// Rows of the parts of time that no quarter fills.
    bool scanEdges()
    {
        for (size_t first = 0; first < m_plan.rows.size();) {
            size_t last = first;
            while (last + 1 < m_plan.rows.size() &&
                   m_plan.rows[last + 1].start == m_plan.rows[last].end) {
                ++last;
            }
            const qint64 startUs = m_plan.rows[first].start;
            const qint64 endUs = m_plan.rows[last].end;
            SqliteStatement blocks(m_connection, kBlocks);
            if (!blocks.isValid()) {
                return false;
            }
            blocks.bind(1, startUs);
            blocks.bind(2, endUs);
            auto step = blocks.step();
            for (; step == SqliteStatement::Step::Row; step = blocks.step()) {
                if (!scanRows(blocks.integer(0), blocks.integer(1), startUs, endUs)) {
                    return false;
                }
            }
            if (step == SqliteStatement::Step::Failed) {
                return false;
            }
            first = last + 1;
        }
        return true;
    }

    /// Rows that are not in the tables yet.
    bool scanNewest(qint64 rolledUpTo)
    {
        SqliteStatement highest(m_connection, kHighestId);
        if (highest.step() != SqliteStatement::Step::Row) {
            return false;
        }
        const qint64 lastId = highest.integer(0);
        if (lastId - rolledUpTo > kMostUnaddedRows) {
            m_complete = false;
            return true;
        }
        return scanRows(rolledUpTo + 1, lastId, m_plan.fromUs, m_plan.toUs);
    }

    bool scanRows(qint64 firstId, qint64 lastId, qint64 startUs, qint64 endUs)
    {
        if (!m_rows.isValid()) {
            m_rows = SqliteStatement(m_connection, kRows, true);
            if (!m_rows.isValid()) {
                return false;
            }
        }
        m_rows.bind(1, firstId);
        m_rows.bind(2, lastId);
        m_rows.bind(3, startUs);
        m_rows.bind(4, endUs);
        auto step = m_rows.step();
        for (; step == SqliteStatement::Step::Row; step = m_rows.step()) {
            const UsageFacts facts = UsageFacts::of(m_rows);
            const Place place = placeOf(facts.dimensions);
            if (place.group < 0) {
                continue;
            }
            const int group = byTime() ? m_plan.stepAt(facts.startedAtUs) : place.group;
            cell(group, place.line).add(facts);
            UsageSums::addTimes(facts, m_groupTimes[size_t(group)]);
            if (UsageTimes *times = lineTimes(place.line)) {
                UsageSums::addTimes(facts, *times);
            }
        }
        m_rows.reset();
        return step == SqliteStatement::Step::Done;
    }

    /// Makes room for the times of group and line as well.
    UsageSums &cell(int group, int line)
    {
        if (size_t(group) >= m_cells.size()) {
            m_cells.resize(size_t(group) + 1);
            m_groupTimes.resize(size_t(group) + 1);
        }
        auto &lines = m_cells[size_t(group)];
        if (size_t(line) >= lines.size()) {
            lines.resize(size_t(line) + 1);
        }
        return lines[size_t(line)];
    }

    /// Null when there is one line alone, whose times are those of everything.
    UsageTimes *lineTimes(int line)
    {
        if (m_query.seriesBy == By::None) {
            return nullptr;
        }
        if (size_t(line) >= m_lineTimes.size()) {
            m_lineTimes.resize(size_t(line) + 1);
        }
        return &m_lineTimes[size_t(line)];
    }

    static UsageTotals totalsOf(const UsageSums &sums, const UsageTimes &times)
    {
        UsageTotals totals = sums.totals();
        totals.p50Us = times.total.percentile(0.50);
        totals.p95Us = times.total.percentile(0.95);
        totals.p99Us = times.total.percentile(0.99);
        totals.firstByteP50Us = times.firstByte.percentile(0.50);
        totals.firstByteP95Us = times.firstByte.percentile(0.95);
        totals.firstByteP99Us = times.firstByte.percentile(0.99);
        return totals;
    }

    Result<UsageResult> finish()
    {
        UsageResult result;
        result.fromUs = m_plan.fromUs;
        result.toUs = m_plan.toUs;
        result.complete = m_complete;

        const size_t groups = byTime() ? m_plan.stepsUs.size() : m_groups.labels().size();
        const size_t lines = m_lines.labels().size();
        m_cells.resize(groups);
        m_groupTimes.resize(groups);
        m_lineTimes.resize(lines);
        std::vector<UsageSums> groupSums(groups);
        std::vector<UsageSums> lineSums(lines);
        UsageSums sum;
        UsageTimes times;
        for (size_t group = 0; group < groups; ++group) {
            for (size_t line = 0; line < m_cells[group].size(); ++line) {
                groupSums[group].add(m_cells[group][line]);
                lineSums[line].add(m_cells[group][line]);
            }
            sum.add(groupSums[group]);
            times.total.add(m_groupTimes[group].total);
            times.firstByte.add(m_groupTimes[group].firstByte);
        }
        if (m_query.seriesBy == By::None) {
            m_lineTimes.front() = times;
        }
        result.total = totalsOf(sum, times);

        const std::vector<int> groupOrder = order(groupSums, !byTime(), m_query.groupBy);
        const std::vector<int> lineOrder = order(lineSums, true, m_query.seriesBy);
        std::vector<int> lineAt(lines, -1);
        for (const int line : lineOrder) {
            lineAt[size_t(line)] = int(result.series.size());
            result.series.push_back(m_lines.labels()[size_t(line)]);
            result.seriesTotals.push_back(
                totalsOf(lineSums[size_t(line)], m_lineTimes[size_t(line)]));
        }
        for (const int group : groupOrder) {
            const auto index = size_t(group);
            const int place = int(result.groups.size());
            result.groups.push_back(
                byTime() ? UsageResult::Label{m_plan.stepsUs[index], QString(), false}
                         : m_groups.labels()[index]);
            result.groupTotals.push_back(totalsOf(groupSums[index], m_groupTimes[index]));
            const size_t firstCell = result.cells.size();
            for (size_t line = 0; line < m_cells[index].size(); ++line) {
                if (m_cells[index][line].requests() > 0) {
                    result.cells.push_back({place, lineAt[line], m_cells[index][line].totals()});
                }
            }
            std::sort(result.cells.begin() + qsizetype(firstCell), result.cells.end(),
                      [](const auto &a, const auto &b) { return a.series < b.series; });
        }
        if (auto named = setNames(result); !named) {
            return Error{named.error()};
        }
        return result;
    }

    /// Indexes in the order of the answer: as they are, or those with requests, most first.
    static std::vector<int> order(const std::vector<UsageSums> &sums, bool byRequests, By by)
    {
        std::vector<int> indexes(sums.size());
        std::iota(indexes.begin(), indexes.end(), 0);
        if (!byRequests || by == By::None) {
            return indexes;
        }
        indexes.erase(
            std::remove_if(indexes.begin(), indexes.end(),
                           [&sums](int index) { return sums[size_t(index)].requests() == 0; }),
            indexes.end());
        std::stable_sort(indexes.begin(), indexes.end(), [&sums](int a, int b) {
            return sums[size_t(a)].requests() > sums[size_t(b)].requests();
        });
        return indexes;
    }

    Result<Done> setNames(UsageResult &result)
    {
        const auto isNamed = [](By by) { return by == By::Key || by == By::Team; };
        if (!isNamed(m_query.groupBy) && !isNamed(m_query.seriesBy)) {
            return Done{};
        }
        const auto names = NameRepository(m_connection).all();
        if (!names) {
            return Error{names.error()};
        }
        QHash<std::pair<int, qint64>, const KnownName *> byId;
        for (const KnownName &name : *names) {
            byId.insert({int(name.kind), name.id}, &name);
        }
        const auto label = [&](By by, std::vector<UsageResult::Label> &labels) {
            if (!isNamed(by)) {
                return;
            }
            const NameKind kind = by == By::Key ? NameKind::Key : NameKind::Team;
            for (auto &entry : labels) {
                if (const KnownName *name = byId.value({int(kind), entry.id})) {
                    entry.name = name->name;
                    entry.deleted = name->deleted;
                }
            }
        };
        label(m_query.groupBy, result.groups);
        label(m_query.seriesBy, result.series);
        return Done{};
    }

    SqliteConnection &m_connection;
    const UsageQuery &m_query;
    UsagePlan m_plan;
    UsageSeries m_series;
    Dimension m_groups;
    Dimension m_lines;
    std::vector<std::pair<qint64, Place>> m_wanted; ///< series that have what is asked for
    std::vector<std::vector<UsageSums>> m_cells;    ///< by group, then line
    std::vector<UsageTimes> m_groupTimes;
    std::vector<UsageTimes> m_lineTimes;
    SqliteStatement m_rows;
    bool m_complete = true;
};

} // namespace

Result<UsageResult> UsageScan::run(const UsageQuery &query)
{
    // All tables as they are at one moment.
    if (!m_connection.execute("BEGIN")) {
        return m_connection.explainLastError();
    }
    auto result = Scan(m_connection, query).run();
    if (!m_connection.execute("COMMIT") && result) {
        return m_connection.explainLastError();
    }
    return result;
}

} // namespace tidegate
