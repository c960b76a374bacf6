// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/admin/adminresource.h"
#include "gateway/engine/gateway.h"

namespace tidegate {

class SecretSource;

/// /admin/v1/backends
///
/// Lives in the main thread; owned by the AdminApi. A provider key in plain text goes to the
/// keychain and only its name to the database; without a keychain it is refused.
class BackendsResource final : public AdminResource
{
public:
    /// @p secrets may be null: then there is no keychain. Not owned.
    BackendsResource(Gateway &gateway, SecretSource *secrets);

    void addRoutes(AdminRouter &router);

private:
    [[nodiscard]] std::vector<QJsonObject> items() const override;
    [[nodiscard]] QStringList readOnly() const override;
    void create(const QJsonObject &item, Answer answer) override;
    void change(const QString &id, const QJsonObject &item, Answer answer) override;
    void remove(const QString &id, std::function<void(const QString &error)> done) override;
    void save(const QString &name, QJsonObject config, Answer answer);
    void store(const QString &name, const QJsonObject &config, Answer answer);
    void test(const AdminCall &call);
    void trip(const AdminCall &call);
    /// What a call without fields in its body does to the backend that it names.
    using Action = void (Gateway::*)(const QByteArray &, Gateway::Reply<Done>);
    [[nodiscard]] AdminRouter::Handler doing(Action action);
    [[nodiscard]] Gateway::Reply<Done> answerTo(const AdminCall &call) const;

    Gateway &m_gateway;
    SecretSource *m_secrets;
};

} // namespace tidegate
