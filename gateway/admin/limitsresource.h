// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/admin/adminresource.h"

namespace tidegate {

class Gateway;

/// /admin/v1/limits: the `rate_limits` section as a collection of `default`, `per_ip` and one
/// `model:PATTERN` for each entry of per_model.
///
/// Lives in the main thread; owned by the AdminApi.
class LimitsResource final : public AdminResource
{
public:
    explicit LimitsResource(Gateway &gateway);

private:
    [[nodiscard]] std::vector<QJsonObject> items() const override;
    [[nodiscard]] QStringList readOnly() const override;
    void create(const QJsonObject &item, Answer answer) override;
    void change(const QString &id, const QJsonObject &item, Answer answer) override;
    void remove(const QString &id, std::function<void(const QString &error)> done) override;
    void save(const QString &name, const QJsonObject &limits, Answer answer);
    [[nodiscard]] QJsonObject stored() const;

    Gateway &m_gateway;
};

} // namespace tidegate
