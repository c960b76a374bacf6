// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/limituse.h"
#include "app/viewmodels/pricelist.h"
#include "app/viewmodels/usagereport.h"
#include "gateway/engine/backendstatus.h"
#include "gateway/engine/gateway.h"
#include "gateway/policy/team.h"

#include <QHash>
#include <QObject>

#include <functional>
#include <vector>

namespace tidegate {

/// What the ledger says about today and about the keys.
struct UsageSummary
{
    qint64 requestsToday = 0;         ///< finished since local midnight
    Money costToday;                  ///< of those whose price is known
    QHash<qint64, qint64> lastUsedUs; ///< ClientKey::id to wall clock, microseconds since 1970 UTC
};

/// Everything the panel may ask of the gateway, and hears from it; mirrors Gateway.
///
/// Lives in the GUI thread and is owned by the program. EngineLink passes it on to a Gateway,
/// DemoLink plays a gateway without a network, and tests have one of their own.
class GatewayLink : public QObject
{
    Q_OBJECT

public:
    using QObject::QObject;

    virtual void start() = 0;
    virtual void stop() = 0;
    virtual void stopNow() = 0;
    virtual void setAccepting(bool accepting) = 0;

    [[nodiscard]] virtual Gateway::State state() const = 0;
    [[nodiscard]] virtual QString failure() const = 0;
    [[nodiscard]] virtual quint16 port() const = 0;
    [[nodiscard]] virtual QUrl baseUrl() const = 0;
    /// Null until the first start.
    [[nodiscard]] virtual ConfigPtr config() const = 0;
    [[nodiscard]] virtual std::vector<ConfigProblem> problems() const = 0;
    [[nodiscard]] virtual int activeExchanges() const = 0;
    [[nodiscard]] virtual std::vector<ClientKey> clientKeys() const = 0;

    virtual void reloadConfig() = 0;
    virtual void refreshSecrets() = 0;
    virtual void saveBackend(const QByteArray &name, const QJsonObject &config,
                             Gateway::Reply<Done> reply) = 0;
    virtual void removeBackend(const QByteArray &name, Gateway::Reply<Done> reply) = 0;
    virtual void testBackend(const QJsonObject &config, const Secret &key,
                             std::function<void(BackendTest)> reply) = 0;

    /// Every backend at this instant, in the configuration's order. Cheap, but not free: for a
    /// timer while somebody looks.
    [[nodiscard]] virtual std::vector<BackendStatus> backendStatus() const = 0;
    /// Gets no new requests until resumed; those under way go on.
    virtual void drainBackend(const QByteArray &name, Gateway::Reply<Done> reply) = 0;
    virtual void resumeBackend(const QByteArray &name, Gateway::Reply<Done> reply) = 0;
    /// @p seconds 0: until it is reset.
    virtual void tripBreaker(const QByteArray &name, int seconds, Gateway::Reply<Done> reply) = 0;
    /// Closes the breaker and makes the backend's keys ready.
    virtual void resetBreaker(const QByteArray &name, Gateway::Reply<Done> reply) = 0;
    /// The managed command or SSH tunnel of that backend may run from now on.
    virtual void confirmCommand(const QByteArray &name, Gateway::Reply<Done> reply) = 0;
    virtual void startManaged(const QByteArray &name, Gateway::Reply<Done> reply) = 0;
    virtual void stopManaged(const QByteArray &name, Gateway::Reply<Done> reply) = 0;

    /// Public model names. @p config as in the file's `models:` entry.
    virtual void saveModel(const QByteArray &name, const QJsonObject &config,
                           Gateway::Reply<Done> reply) = 0;
    virtual void removeModel(const QByteArray &name, Gateway::Reply<Done> reply) = 0;
    /// What would happen now to a request, see Gateway::explainRoute(). Changes nothing.
    [[nodiscard]] virtual Result<QJsonObject> explainRoute(const QJsonObject &question) const = 0;

    /// @p config as in the file's `keys:` entry, without the key.
    virtual void createKey(const QString &name, const QJsonObject &config,
                           Gateway::Reply<Store::NewKey> reply) = 0;
    virtual void updateKey(qint64 id, const QString &name, const QJsonObject &config,
                           Gateway::Reply<ClientKey> reply) = 0;
    /// The old key works for @p overlapSeconds more.
    virtual void rotateKey(qint64 id, int overlapSeconds, Gateway::Reply<Store::NewKey> reply) = 0;
    virtual void revokeKey(qint64 id, Gateway::Reply<ClientKey> reply) = 0;
    virtual void deleteKey(qint64 id, Gateway::Reply<Done> reply) = 0;

    [[nodiscard]] virtual std::vector<Team> teams() const = 0;
    /// @p id 0: a new one. @p config as in the file's `teams:` entry.
    virtual void saveTeam(qint64 id, const QString &name, const QJsonObject &config,
                          Gateway::Reply<Done> reply) = 0;
    virtual void removeTeam(qint64 id, Gateway::Reply<Done> reply) = 0;

    [[nodiscard]] virtual PriceList prices() const = 0;
    /// @p config as in the price file.
    virtual void savePrice(const QString &pattern, const QJsonObject &config,
                           Gateway::Reply<Done> reply) = 0;
    virtual void removePrice(const QString &pattern, Gateway::Reply<Done> reply) = 0;
    virtual void saveSetting(const QString &key, const QJsonValue &value,
                             Gateway::Reply<Done> reply) = 0;
    /// Reads the ledger off the GUI thread; the answer comes later, in the GUI thread.
    virtual void readUsage(std::function<void(UsageSummary)> reply) = 0;
    /// Reads usage off the GUI thread; the answer comes later, in the GUI thread. There may be none
    /// when another question came after it.
    virtual void readReport(const UsageRequest &request, Gateway::Reply<UsageReport> reply) = 0;
    /// Current use of the limits and budgets of every key and team that has any.
    virtual void readLimits(std::function<void(std::vector<LimitUse>)> reply) = 0;
    /// True when there is no HTTP endpoint behind it.
    [[nodiscard]] virtual bool isSimulated() const { return false; }
    /// What a test request comes to when there is no endpoint.
    virtual void simulateRequest(const QString &model) { Q_UNUSED(model) }

Q_SIGNALS:
    void stateChanged();
    void configChanged();
    void problemsChanged();
    void keysChanged();
    void teamsChanged();
    void pricesChanged();
    /// Something else than counters changed in backendStatus().
    void backendStatusChanged();
    void budgetNotice(const tidegate::BudgetNotice &notice);
    void firstKeyCreated(const QByteArray &plaintext);
    void exchangesChanged(const tidegate::ExchangeBatch &batch);
};

} // namespace tidegate
