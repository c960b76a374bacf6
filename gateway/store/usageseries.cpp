// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/usageseries.h"

#include "gateway/store/sqliteconnection.h"

namespace tidegate {
namespace {

constexpr qsizetype kMaxSeries = 10'000;
constexpr char kSelect[] =
    "SELECT id, kind, key_id, team_id, endpoint, requested_model, served_model, backend "
    "FROM usage_series";
constexpr char kInsert[] = "INSERT INTO usage_series (kind, key_id, team_id, endpoint, "
                           "requested_model, served_model, backend) "
                           "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id";

} // namespace

Result<Done> UsageSeries::load()
{
    m_index.clear();
    m_entries.clear();
    m_highestId = 0;
    SqliteStatement select(m_connection, kSelect);
    for (;;) {
        switch (select.step()) {
        case SqliteStatement::Step::Row:
            add({select.integer(0),
                 UsageKind(select.integer(1)),
                 select.integer(2),
                 select.integer(3),
                 select.integer(4),
                 select.bytes(5),
                 select.bytes(6),
                 select.bytes(7),
                 {}});
            break;
        case SqliteStatement::Step::Done:
            return Done{};
        case SqliteStatement::Step::Failed:
            return m_connection.explainLastError();
        }
    }
}

UsageSeries::Entry *UsageSeries::add(Entry entry)
{
    m_entries.push_back(std::move(entry));
    Entry &added = m_entries.back();
    m_index.insert(added.dimensions(), &added);
    m_highestId = std::max(m_highestId, added.id);
    return &added;
}

const UsageSeries::Entry *UsageSeries::find(const UsageDimensions &dimensions)
{
    Entry *entry = nullptr;
    if (m_index.size() < kMaxSeries || m_index.contains(dimensions)) {
        entry = findOrCreate(dimensions);
    } else {
        UsageDimensions other = dimensions;
        other.requestedModel = kOtherModels;
        other.servedModel = kOtherModels;
        entry = findOrCreate(other);
    }
    return entry && findSums(*entry) ? entry : nullptr;
}

UsageSeries::Entry *UsageSeries::findOrCreate(const UsageDimensions &dimensions)
{
    const auto known = m_index.constFind(dimensions);
    return known != m_index.cend() ? *known : create(dimensions);
}

bool UsageSeries::findSums(Entry &entry)
{
    if (entry.sumIds.back() != 0) {
        return true;
    }
    const std::array<UsageDimensions, kSums> sums{
        UsageDimensions{UsageKind::Total, 0, 0, 0, {}, {}, {}},
        UsageDimensions{UsageKind::Key, entry.keyId, 0, 0, {}, {}, {}},
        UsageDimensions{UsageKind::Team, 0, entry.teamId, 0, {}, {}, {}},
        UsageDimensions{UsageKind::Model, 0, 0, 0, entry.requestedModel, {}, {}},
        UsageDimensions{UsageKind::Backend, 0, 0, 0, {}, {}, entry.backend}};
    for (size_t i = 0; i < kSums; ++i) {
        const Entry *sum = findOrCreate(sums[i]);
        if (!sum) {
            return false;
        }
        entry.sumIds[i] = sum->id;
    }
    return true;
}

UsageSeries::Entry *UsageSeries::create(const UsageDimensions &dimensions)
{
    SqliteStatement insert(m_connection, kInsert);
    if (!insert.isValid()) {
        return nullptr;
    }
    insert.bind(1, qint64(dimensions.kind));
    insert.bind(2, dimensions.keyId);
    insert.bind(3, dimensions.teamId);
    insert.bind(4, dimensions.endpoint);
    insert.bindText(5, dimensions.requestedModel);
    insert.bindText(6, dimensions.servedModel);
    insert.bindText(7, dimensions.backend);
    if (insert.step() != SqliteStatement::Step::Row) {
        return nullptr;
    }
    return add({insert.integer(0),
                dimensions.kind,
                dimensions.keyId,
                dimensions.teamId,
                dimensions.endpoint,
                dimensions.requestedModel.toByteArray(),
                dimensions.servedModel.toByteArray(),
                dimensions.backend.toByteArray(),
                {}});
}

} // namespace tidegate
