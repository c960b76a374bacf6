// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHash>
#include <QJsonObject>

namespace tidegate {

class Gateway;

/// What keys and teams use of their limits and budgets at one instant, as their items show it.
///
/// Value type of the main thread.
class LiveUse
{
public:
    explicit LiveUse(const Gateway &gateway);

    /// The `usage` of a key's item.
    [[nodiscard]] QJsonObject ofKey(qint64 id) const;
    /// The `usage` of a team's item.
    [[nodiscard]] QJsonObject ofTeam(qint64 id) const;

private:
    struct Uses
    {
        QHash<qint64, QJsonObject> limits;
        QHash<qint64, QJsonObject> budgets;
    };
    [[nodiscard]] static QJsonObject of(const Uses &uses, qint64 id);

    Uses m_keys;
    Uses m_teams;
};

} // namespace tidegate
