// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/engine/adminreply.h"
#include "gateway/observe/metrics.h"
#include "gateway/observe/metricspage.h"
#include "gateway/pipeline/routes.h"

#include <QThreadPool>

#include <functional>
#include <mutex>
#include <vector>

namespace tidegate {

/// Answers GET /metrics in a thread of its own, because a page of thousands of series takes
/// milliseconds that no engine thread has.
///
/// Owned by the Gateway. Every function may be called from any thread.
class MetricsScraper
{
public:
    /// Asked at each scrape, in the scraper's thread.
    struct Sources
    {
        std::function<GatewayFigures::Ledger()> ledger;
        std::function<std::vector<GatewayFigures::Budget>(const ConfigSnapshot &)> budgets;
        std::function<qint64()> logLinesDropped;
    };

    explicit MetricsScraper(Sources sources);
    MetricsScraper(const MetricsScraper &) = delete;
    MetricsScraper &operator=(const MetricsScraper &) = delete;

    [[nodiscard]] Metrics &metrics() { return m_metrics; }
    void setRoutes(RoutesPtr routes);
    /// Answers @p request soon.
    void scrape(const AdminRequest &request);
    /// Waits for the scrapes under way, some milliseconds. For the end of what the sources read.
    void finish();

private:
    [[nodiscard]] GatewayFigures state();

    const Sources m_sources;
    Metrics m_metrics;
    std::mutex m_mutex;
    RoutesPtr m_routes;                   ///< guarded by m_mutex
    QHash<qint64, QByteArray> m_keyNames; ///< of keys that are gone, too: their counters stay
    QThreadPool m_pool; ///< one thread, so m_keyNames needs no lock; last, so that it ends first
};

} // namespace tidegate
