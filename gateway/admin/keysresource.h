// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/admin/adminresource.h"

namespace tidegate {

class Gateway;
struct ClientKey;

/// /admin/v1/keys
///
/// Lives in the main thread; owned by the AdminApi. A key itself is only in the answer to the
/// request that made it; its hash in none.
class KeysResource final : public AdminResource
{
public:
    explicit KeysResource(Gateway &gateway);

    void addRoutes(AdminRouter &router);

private:
    [[nodiscard]] std::vector<QJsonObject> items() const override;
    [[nodiscard]] QStringList readOnly() const override;
    void create(const QJsonObject &item, Answer answer) override;
    void change(const QString &id, const QJsonObject &item, Answer answer) override;
    void remove(const QString &id, std::function<void(const QString &error)> done) override;
    void rotate(const AdminCall &call);

    /// Nothing when it can be stored.
    [[nodiscard]] static std::optional<ApiError> check(const QString &name,
                                                       const QJsonObject &config);
    [[nodiscard]] static QJsonObject itemOf(const ClientKey &key);

    Gateway &m_gateway;
};

} // namespace tidegate
