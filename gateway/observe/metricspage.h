// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/observe/metricsshard.h"
#include "gateway/observe/metricstext.h"
#include "gateway/observe/processfigures.h"

#include <QByteArray>
#include <QByteArrayList>
#include <QHash>

#include <optional>
#include <vector>

namespace tidegate {

/// The state of the gateway at the time of a scrape, as far as it is not counted by the shards.
/// Value type.
struct GatewayFigures
{
    struct Backend
    {
        QByteArray name;
        qint64 inFlight = 0;
        std::optional<bool> reachable; ///< nothing: not tried yet
        QByteArray health;             ///< one of healthNames()
        bool draining = false;
        QByteArray breaker;                      ///< one of breakerStateNames()
        std::vector<quint64> breakerTransitions; ///< into each of breakerStateNames()
        std::vector<qint64> keys;                ///< in each of keyStateNames()
        qint64 waiting = 0;                      ///< in the queue
        qint64 queueRefused = 0;                 ///< since the start, because it was full
        qint64 queueTimedOut = 0;                ///< since the start
    };
    struct Budget
    {
        bool team = false; ///< else a client key
        QByteArray name;
        Money limit;
        Money spent; ///< settled in the running period
        Money held;  ///< reserved for requests in flight
    };
    struct Ledger
    {
        qint64 queued = 0;
        qint64 written = 0;
        qint64 spilled = 0; ///< rows in the spill file now
        qint64 lost = 0;
    };

    std::vector<Backend> backends;
    std::vector<Budget> budgets; ///< in a fixed order; those beyond kMaxBudgets are summed up
    std::optional<Ledger> ledger;
    QHash<qint64, QByteArray> keyNames;    ///< ClientKey::id → name
    std::optional<qint64> priceAgeSeconds; ///< nothing: no price table, or one without a date
    qint64 prices = 0;                     ///< entries of the price table
    qint64 logLinesDropped = 0;
    quint64 configRevision = 0;
    qint64 startedAtUs = 0; ///< wall clock
    ProcessFigures process;

    /// The closed sets that label a backend's series.
    [[nodiscard]] static const QByteArrayList &healthNames();
    [[nodiscard]] static const QByteArrayList &breakerStateNames();
    [[nodiscard]] static const QByteArrayList &keyStateNames();

    static constexpr size_t kMaxBudgets = 500; ///< of keys, and as many of teams
};

/// The page of /metrics. Linear in the number of series; takes milliseconds for thousands of them,
/// so it is no work for an engine thread. Any other one.
[[nodiscard]] QByteArray renderPrometheus(const ShardFigures &counted, const GatewayFigures &state,
                                          MetricsFormat format);

} // namespace tidegate
