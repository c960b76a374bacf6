// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/gatewaylink.h"

#include <QThreadPool>

namespace tidegate {

/// The real gateway, for the panel.
///
/// Lives in the GUI thread, owned by the program. The Gateway is not owned.
class EngineLink : public GatewayLink
{
    Q_OBJECT

public:
    explicit EngineLink(Gateway &gateway, QObject *parent = nullptr);
    ~EngineLink() override;

    void start() override { m_gateway.start(); }
    void stop() override { m_gateway.stop(); }
    void stopNow() override { m_gateway.stopNow(); }
    void setAccepting(bool accepting) override { m_gateway.setAccepting(accepting); }

    [[nodiscard]] Gateway::State state() const override { return m_gateway.state(); }
    [[nodiscard]] QString failure() const override { return m_gateway.failure(); }
    [[nodiscard]] quint16 port() const override { return m_gateway.port(); }
    [[nodiscard]] QUrl baseUrl() const override { return m_gateway.baseUrl(); }
    [[nodiscard]] ConfigPtr config() const override { return m_gateway.config(); }
    [[nodiscard]] std::vector<ConfigProblem> problems() const override
    {
        return m_gateway.problems();
    }
    [[nodiscard]] int activeExchanges() const override { return m_gateway.activeExchanges(); }
    [[nodiscard]] std::vector<ClientKey> clientKeys() const override
    {
        return m_gateway.clientKeys();
    }

    void reloadConfig() override { m_gateway.reloadConfig(); }
    void refreshSecrets() override { m_gateway.refreshSecrets(); }
    void saveBackend(const QByteArray &name, const QJsonObject &config,
                     Gateway::Reply<Done> reply) override;
    void removeBackend(const QByteArray &name, Gateway::Reply<Done> reply) override;
    void testBackend(const QJsonObject &config, const Secret &key,
                     std::function<void(BackendTest)> reply) override;
    void createKey(const QString &name, Gateway::Reply<Store::NewKey> reply) override;
    void revokeKey(qint64 id, Gateway::Reply<ClientKey> reply) override;
    void saveSetting(const QString &key, const QJsonValue &value,
                     Gateway::Reply<Done> reply) override;
    void readUsage(std::function<void(UsageSummary)> reply) override;

private:
    Gateway &m_gateway;
    QThreadPool m_readers; ///< of the ledger; ends before the link does
};

} // namespace tidegate
