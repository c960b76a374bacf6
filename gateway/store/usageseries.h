// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/store/usagefacts.h"

#include <QHash>

#include <deque>
#include <optional>

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

    /// Reads them all, anew.
    Result<Done> load();
    /// The id of @p dimensions, made if there is none. Models share an id when there are too many
    /// series, so that a client that invents names cannot make the reports grow without end.
    /// Nothing: the database failed. What was made is only there when the transaction is committed;
    /// load() again when it was not.
    std::optional<qint64> idOf(const UsageDimensions &dimensions);

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
    struct Entry
    {
        qint64 id = 0;
        qint64 keyId = 0;
        qint64 teamId = 0;
        qint64 endpoint = 0;
        QByteArray requestedModel;
        QByteArray servedModel;
        QByteArray backend;

        [[nodiscard]] UsageDimensions dimensions() const
        {
            return {keyId, teamId, endpoint, requestedModel, servedModel, backend};
        }
    };

    void add(Entry entry);
    std::optional<qint64> create(const UsageDimensions &dimensions);

    SqliteConnection &m_connection;
    std::deque<Entry> m_entries; ///< does not move what m_ids points into
    QHash<UsageDimensions, qint64> m_ids;
    qint64 m_highestId = 0;
};

} // namespace tidegate
