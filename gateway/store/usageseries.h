// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/store/usagefacts.h"

#include <QHash>

#include <array>
#include <deque>

namespace tidegate {

class SqliteConnection;

/// The rows of `usage_series` in memory.
///
/// Lives in its connection's thread; owned by LedgerRollup or UsageScan.
class UsageSeries
{
public:
    /// What models are called when there are too many to tell apart.
    static constexpr char kOtherModels[] = "(other)";

    explicit UsageSeries(SqliteConnection &connection)
        : m_connection(connection)
    {
    }

    /// In how many series each request counts, besides the one that says everything.
    static constexpr size_t kSums = 5;
    struct Entry
    {
        qint64 id = 0;
        UsageKind kind = UsageKind::Everything;
        qint64 keyId = 0;
        qint64 teamId = 0;
        qint64 endpoint = 0;
        QByteArray requestedModel;
        QByteArray servedModel;
        QByteArray backend;
        std::array<qint64, kSums> sumIds{}; ///< of UsageKind::Everything: where else it counts

        [[nodiscard]] UsageDimensions dimensions() const
        {
            return {kind, keyId, teamId, endpoint, requestedModel, servedModel, backend};
        }
    };

    /// Reads them all, anew.
    Result<Done> load();
    /// The series of @p dimensions that says everything, made if there is none, with those of its
    /// sums. Models share one when there are too many, so that a client that invents names cannot
    /// make the reports grow without end. Null: the database failed. What was made is only there
    /// when the transaction is committed; load() again when it was not.
    const Entry *find(const UsageDimensions &dimensions);

    /// Calls @p visit with id and dimensions of each.
    template <typename Visit>
    void forEach(Visit visit) const
    {
        for (const Entry &entry : m_entries) {
            visit(entry.id, entry.dimensions());
        }
    }
    [[nodiscard]] qint64 highestId() const { return m_highestId; }

private:
    Entry *add(Entry entry);
    Entry *findOrCreate(const UsageDimensions &dimensions);
    Entry *create(const UsageDimensions &dimensions);
    bool findSums(Entry &entry);

    SqliteConnection &m_connection;
    std::deque<Entry> m_entries; ///< does not move what m_index points to
    QHash<UsageDimensions, Entry *> m_index;
    qint64 m_highestId = 0;
};

} // namespace tidegate
