// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/usageseries.h"

#include "gateway/store/sqliteconnection.h"

namespace tidegate {
namespace {

constexpr qsizetype kMaxSeries = 10'000;
constexpr char kSelect[] =
    "SELECT id, key_id, team_id, endpoint, requested_model, served_model, backend "
    "FROM usage_series";
constexpr char kInsert[] =
    "INSERT INTO usage_series (key_id, team_id, endpoint, requested_model, served_model, backend) "
    "VALUES (?, ?, ?, ?, ?, ?) RETURNING id";

} // namespace

Result<Done> UsageSeries::load()
{
    m_ids.clear();
    m_entries.clear();
    m_highestId = 0;
    SqliteStatement select(m_connection, kSelect);
    for (;;) {
        switch (select.step()) {
        case SqliteStatement::Step::Row:
            add({select.integer(0), select.integer(1), select.integer(2), select.integer(3),
                 select.bytes(4), select.bytes(5), select.bytes(6)});
            break;
        case SqliteStatement::Step::Done:
            return Done{};
        case SqliteStatement::Step::Failed:
            return m_connection.explainLastError();
        }
    }
}

void UsageSeries::add(Entry entry)
{
    m_entries.push_back(std::move(entry));
    const Entry &added = m_entries.back();
    m_ids.insert(added.dimensions(), added.id);
    m_highestId = std::max(m_highestId, added.id);
}

std::optional<qint64> UsageSeries::idOf(const UsageDimensions &dimensions)
{
    const auto known = m_ids.constFind(dimensions);
    if (known != m_ids.cend()) {
        return *known;
    }
    if (m_ids.size() < kMaxSeries || dimensions.requestedModel == kOtherModels) {
        return create(dimensions);
    }
    UsageDimensions other = dimensions;
    other.requestedModel = kOtherModels;
    other.servedModel = kOtherModels;
    return idOf(other);
}

std::optional<qint64> UsageSeries::create(const UsageDimensions &dimensions)
{
    SqliteStatement insert(m_connection, kInsert);
    if (!insert.isValid()) {
        return std::nullopt;
    }
    insert.bind(1, dimensions.keyId);
    insert.bind(2, dimensions.teamId);
    insert.bind(3, dimensions.endpoint);
    insert.bindText(4, dimensions.requestedModel);
    insert.bindText(5, dimensions.servedModel);
    insert.bindText(6, dimensions.backend);
    if (insert.step() != SqliteStatement::Step::Row) {
        return std::nullopt;
    }
    add({insert.integer(0), dimensions.keyId, dimensions.teamId, dimensions.endpoint,
         dimensions.requestedModel.toByteArray(), dimensions.servedModel.toByteArray(),
         dimensions.backend.toByteArray()});
    return m_entries.back().id;
}

} // namespace tidegate
