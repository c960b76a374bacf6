// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/desktop/demobackends.h"
#include "app/desktop/demofeed.h"
#include "app/viewmodels/gatewaylink.h"
#include "app/viewmodels/wallclock.h"

#include <QTimer>

#include <memory>

namespace tidegate {

/// A gateway that is only played: no network, no files, no keychain. For `--demo`, for screenshots
/// and for the tests of the panel.
///
/// Lives in the GUI thread, owned by the program.
class DemoLink : public GatewayLink
{
    Q_OBJECT

public:
    /// The frozen clock of screenshots: 2026-11-20 14:03:27 UTC.
    static constexpr qint64 kFrozenUs = 1'795'183'407'000'000;

    struct Options
    {
        bool frozen = false; ///< up to kFrozenUs, then nothing moves
        bool empty = false;  ///< no backends and no keys, as at the first start
        bool quiet = false;  ///< no traffic
    };

    explicit DemoLink(Options options, QObject *parent = nullptr);

    /// The time in which it plays. Not valid any more when the link is gone.
    [[nodiscard]] WallClock clock() const;

    void start() override;
    void stop() override;
    void stopNow() override;
    void setAccepting(bool accepting) override;

    [[nodiscard]] Gateway::State state() const override { return m_state; }
    [[nodiscard]] QString failure() const override { return m_failure; }
    [[nodiscard]] quint16 port() const override;
    [[nodiscard]] QUrl baseUrl() const override;
    [[nodiscard]] ConfigPtr config() const override { return m_config; }
    [[nodiscard]] std::vector<ConfigProblem> problems() const override { return m_problems; }
    [[nodiscard]] int activeExchanges() const override { return m_feed.active(); }
    [[nodiscard]] std::vector<ClientKey> clientKeys() const override { return m_keys; }

    void reloadConfig() override;
    void refreshSecrets() override;
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
    [[nodiscard]] std::vector<Team> teams() const override { return m_teams; }
    void saveTeam(qint64 id, const QString &name, const QJsonObject &config,
                  Gateway::Reply<Done> reply) override;
    void removeTeam(qint64 id, Gateway::Reply<Done> reply) override;
    [[nodiscard]] PriceList prices() const override { return m_prices; }
    void savePrice(const QString &pattern, const QJsonObject &config,
                   Gateway::Reply<Done> reply) override;
    void removePrice(const QString &pattern, Gateway::Reply<Done> reply) override;
    void saveSetting(const QString &key, const QJsonValue &value,
                     Gateway::Reply<Done> reply) override;
    void readUsage(std::function<void(UsageSummary)> reply) override;
    void readReport(const UsageRequest &request, Gateway::Reply<UsageReport> reply) override;
    void readLimits(std::function<void(std::vector<LimitUse>)> reply) override;
    [[nodiscard]] bool isSimulated() const override { return true; }
    void simulateRequest(const QString &model) override;

    // For tests of the panel.
    void fail(const QString &why);
    void setProblems(std::vector<ConfigProblem> problems);
    void feed(const ExchangeBatch &batch);
    void noteBudget(const BudgetNotice &notice) { Q_EMIT budgetNotice(notice); }
    /// The next reports wait until released, or fail.
    void holdReports(bool hold);
    void playStatus(const BackendStatus &status);
    void failReports(const QString &why) { m_reportFailure = why; }

private:
    [[nodiscard]] ClientKey *keyOf(qint64 id);
    [[nodiscard]] LimitUse useOf(const ClientKey &key) const;
    [[nodiscard]] LimitUse useOf(const Team &team) const;
    void setState(Gateway::State state);
    void handle(Gateway::Reply<Done> reply, std::function<void(DemoBackends &)> what);
    void change(std::function<void(ConfigSnapshot &)> edit);
    void tick();
    void later(std::function<void()> what);

    [[nodiscard]] qint64 nowUs() const;

    Options m_options;
    qint64 m_frozenUs; ///< the clock when it is frozen
    DemoFeed m_feed;
    DemoBackends m_backends;
    QTimer m_timer;
    Gateway::State m_state = Gateway::State::Stopped;
    QString m_failure;
    ConfigPtr m_config;
    std::vector<ConfigProblem> m_problems;
    std::vector<ClientKey> m_keys;
    std::vector<Team> m_teams;
    PriceList m_prices;
    qint64 m_nextKeyId = 5;
    qint64 m_nextTeamId = 3;
    bool m_holdReports = false;
    std::vector<std::function<void()>> m_heldReports;
    QString m_reportFailure;
};

} // namespace tidegate
