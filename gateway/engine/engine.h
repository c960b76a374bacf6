// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/engine/admincalls.h"
#include "gateway/engine/adminguard.h"
#include "gateway/engine/backendtest.h"
#include "gateway/engine/livefeed.h"
#include "gateway/http/requesthandler.h"
#include "gateway/observe/metricsshard.h"
#include "gateway/pipeline/admission.h"
#include "gateway/pipeline/authenticator.h"
#include "gateway/pipeline/endpoints.h"
#include "gateway/pipeline/exchangehost.h"
#include "gateway/pipeline/routes.h"

#include <QHostAddress>
#include <QObject>
#include <QTimer>

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

namespace tidegate {

class BackendProbe;
class EventSubscriber;
class Exchange;
class FrontDoor;
class Mirrors;
class UpstreamClient;

/// What one engine thread runs: front door, upstream client and the exchanges between them.
///
/// Made, used and destroyed in its engine thread; owned by its EngineThread. Reaches the rest of
/// the program only through the functions of Output, which may be called from any thread.
class Engine final : public QObject, private RequestHandler, private ExchangeHost
{
    Q_OBJECT

public:
    enum class Mode : quint8
    {
        Serving,
        Paused,
        Draining
    };

    struct Output
    {
        std::function<void(std::vector<LedgerRow> &&)> appendToLedger;
        /// @p idle: no exchange is in flight.
        std::function<void(const ExchangeBatch &, bool idle)> publish;
        /// Answers what comes below /admin/v1, later; may be empty.
        AdminHandler admin;
        /// Answers GET /metrics, later; may be empty.
        AdminHandler scrape;
        /// What this engine counts; null: its own, which nobody reads.
        std::shared_ptr<MetricsShard> metrics;
        Policies policies;                    ///< outlive the engine
        std::shared_ptr<RetryBudget> retries; ///< of all engines; null: its own
        /// As RequestHandler::quiet(), in the engine's thread; may be empty.
        std::function<void()> quiet;
        /// Readers of /admin/v1/events, of all engines; null: its own.
        std::shared_ptr<std::atomic<int>> subscribers;
    };

    Engine(Output output, Secret adminToken);
    ~Engine() override;

    Result<quint16> listen(const QHostAddress &address, quint16 port, bool shared);
    void setRoutes(RoutesPtr routes);
    void setMode(Mode mode);
    void setLiveFeedEnabled(bool enabled);
    /// Hands what has finished to the ledger now and not at the end of the interval.
    void flushRows();
    /// Sends whole server-sent events to the subscribers of /admin/v1/events.
    void sendToSubscribers(const QByteArray &events, qint64 count);
    void probe(const BackendConfig &backend, const Secret &key,
               std::function<void(const BackendTest &)> reply);
    /// Ends every exchange and hands all rows to the ledger. The engine is of no use afterwards.
    void shutDown();

private:
    // RequestHandler
    std::optional<ShortAnswer> screen(const HttpRequest &head) override;
    void handle(HttpRequest &&request, ResponseWriter &writer) override;
    ShortAnswer refusal(int status, std::string_view code, std::string_view message) override;
    void quiet() override;
    // ExchangeHost
    UpstreamClient &upstream() override { return *m_upstream; }
    [[nodiscard]] const Policies &policies() const override { return m_output.policies; }
    Retrying &retrying() override { return m_retrying; }
    Mirrors &mirrors() override { return *m_mirrors; }
    QObject *context() override { return this; }
    void exchangeChanged(Exchange &exchange) override;
    void exchangeFinished(Exchange &exchange) override;

    void mirrorFinished(LedgerRow &&row);
    [[nodiscard]] std::optional<ShortAnswer> judge(const HttpRequest &head);
    void sendModels(const HttpRequest &request, ResponseWriter &writer, const EndpointMatch &match);
    void sendReadiness(ResponseWriter &writer);
    void subscribe(ResponseWriter &writer);
    [[nodiscard]] bool isWatched() const;
    void sweep();
    void publish();
    void schedulePublish();

    Output m_output;
    AdminGuard m_adminGuard;
    std::unique_ptr<AdminCalls> m_adminCalls;
    std::unique_ptr<AdminCalls> m_scrapes;
    RoutesPtr m_routes;
    Authenticator m_authenticator;
    std::unique_ptr<UpstreamClient> m_upstream;
    const std::shared_ptr<RetryBudget> m_overallRetries;
    Retrying m_retrying;
    std::unique_ptr<Mirrors> m_mirrors;
    std::unique_ptr<FrontDoor> m_door;
    std::vector<std::unique_ptr<Exchange>> m_exchanges; ///< in flight
    std::vector<std::unique_ptr<Exchange>> m_finished; ///< to be destroyed when the stack has ended
    std::vector<std::unique_ptr<BackendProbe>> m_probes;
    std::vector<std::unique_ptr<EventSubscriber>> m_subscribers;
    std::vector<LedgerRow> m_rows;
    LiveFeed m_feed;
    QTimer m_publishTimer;
    qint64 m_finishedTotal = 0;
    qint64 m_publishDueNs = 0;
    Mode m_mode = Mode::Serving;
    bool m_feedWanted = false;
};

} // namespace tidegate
