// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/admin/adminresource.h"

namespace tidegate {

class Gateway;

/// /admin/v1/models: public model names and their targets.
///
/// Lives in the main thread; owned by the AdminApi.
class ModelsResource final : public AdminResource
{
public:
    explicit ModelsResource(Gateway &gateway);

    void addRoutes(AdminRouter &router);

private:
    [[nodiscard]] std::vector<QJsonObject> items() const override;
    [[nodiscard]] QStringList readOnly() const override;
    void create(const QJsonObject &item, Answer answer) override;
    void change(const QString &id, const QJsonObject &item, Answer answer) override;
    void remove(const QString &id, std::function<void(const QString &error)> done) override;
    void explain(const AdminCall &call) const;
    void save(const QString &name, const QJsonObject &config, Answer answer);

    Gateway &m_gateway;
};

} // namespace tidegate
