// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/gatewaylink.h"

#include <QThreadPool>

#include <atomic>

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
    [[nodiscard]] std::vector<BackendStatus> backendStatus() const override;
    void drainBackend(const QByteArray &name, Gateway::Reply<Done> reply) override;
    void resumeBackend(const QByteArray &name, Gateway::Reply<Done> reply) override;
    void tripBreaker(const QByteArray &name, int seconds, Gateway::Reply<Done> reply) override;
    void resetBreaker(const QByteArray &name, Gateway::Reply<Done> reply) override;
    void confirmCommand(const QByteArray &name, Gateway::Reply<Done> reply) override;
    void startManaged(const QByteArray &name, Gateway::Reply<Done> reply) override;
    void stopManaged(const QByteArray &name, Gateway::Reply<Done> reply) override;
    void saveModel(const QByteArray &name, const QJsonObject &config,
                   Gateway::Reply<Done> reply) override;
    void removeModel(const QByteArray &name, Gateway::Reply<Done> reply) override;
    [[nodiscard]] Result<QJsonObject> explainRoute(const QJsonObject &question) const override;
    void createKey(const QString &name, const QJsonObject &config,
                   Gateway::Reply<Store::NewKey> reply) override;
    void updateKey(qint64 id, const QString &name, const QJsonObject &config,
                   Gateway::Reply<ClientKey> reply) override;
    void rotateKey(qint64 id, int overlapSeconds, Gateway::Reply<Store::NewKey> reply) override;
    void revokeKey(qint64 id, Gateway::Reply<ClientKey> reply) override;
    void deleteKey(qint64 id, Gateway::Reply<Done> reply) override;
    [[nodiscard]] std::vector<Team> teams() const override { return m_gateway.teams(); }
    void saveTeam(qint64 id, const QString &name, const QJsonObject &config,
                  Gateway::Reply<Done> reply) override;
    void removeTeam(qint64 id, Gateway::Reply<Done> reply) override;
    [[nodiscard]] PriceList prices() const override;
    void savePrice(const QString &pattern, const QJsonObject &config,
                   Gateway::Reply<Done> reply) override;
    void removePrice(const QString &pattern, Gateway::Reply<Done> reply) override;
    void saveSetting(const QString &key, const QJsonValue &value,
                     Gateway::Reply<Done> reply) override;
    void readUsage(std::function<void(UsageSummary)> reply) override;
    void readReport(const UsageRequest &request, Gateway::Reply<UsageReport> reply) override;
    void readLimits(std::function<void(std::vector<LimitUse>)> reply) override;

private:
    void noteBudget(const BudgetEvent &event);

    Gateway &m_gateway;
    std::atomic<quint64> m_lastReport = 0; ///< a question that was overtaken is not answered
    QThreadPool m_readers;                 ///< of the ledger; ends before the link does
};

} // namespace tidegate
