// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/admin/adminresource.h"

namespace tidegate {

class Gateway;

/// /admin/v1/teams
///
/// Lives in the main thread; owned by the AdminApi.
class TeamsResource final : public AdminResource
{
public:
    explicit TeamsResource(Gateway &gateway);

private:
    [[nodiscard]] std::vector<QJsonObject> items() const override;
    [[nodiscard]] QStringList readOnly() const override;
    void create(const QJsonObject &item, Answer answer) override;
    void change(const QString &id, const QJsonObject &item, Answer answer) override;
    void remove(const QString &id, std::function<void(const QString &error)> done) override;
    /// @p id 0: a new team.
    void save(qint64 id, const QJsonObject &item, Answer answer);

    Gateway &m_gateway;
};

} // namespace tidegate
