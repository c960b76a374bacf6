// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/admin/adminresource.h"

namespace tidegate {

class Gateway;

/// /admin/v1/prices: the prices in force, most specific first.
///
/// Lives in the main thread; owned by the AdminApi. A price of the database counts instead of one
/// that the shipped table or the price file has for the same pattern.
class PricesResource final : public AdminResource
{
public:
    explicit PricesResource(Gateway &gateway);

private:
    [[nodiscard]] std::vector<QJsonObject> items() const override;
    [[nodiscard]] QStringList readOnly() const override;
    void create(const QJsonObject &item, Answer answer) override;
    void change(const QString &id, const QJsonObject &item, Answer answer) override;
    void remove(const QString &id, std::function<void(const QString &error)> done) override;
    void save(const QString &pattern, const QJsonObject &config, Answer answer);

    Gateway &m_gateway;
};

} // namespace tidegate
