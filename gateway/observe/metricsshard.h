// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/stringmap.h"
#include "gateway/ledger/ledgerrow.h"
#include "gateway/observe/histogram.h"
#include "gateway/observe/streamgaps.h"

#include <QByteArray>
#include <QByteArrayList>
#include <QHash>

#include <array>
#include <atomic>
#include <limits>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

/// Whose limit or budget refused a request.
enum class RefusedBy : quint8
{
    Nobody, ///< or not known
    Key,
    Team,
    Model,
    ClientIp
};
inline constexpr size_t kRefusedBy = 5;

/// What is known of a finished exchange besides its ledger row.
struct ExchangeExtras
{
    qint64 queueWaitUs = -1; ///< request complete to upstream call; -1: none was made
    RefusedBy refusedBy = RefusedBy::Nobody;
    const StreamGaps *gaps = nullptr; ///< of its stream; null or empty: none
};

/// The sums of one combination of endpoint, model and backend. Plain numbers.
struct TrafficFigures
{
    struct Status
    {
        quint64 requests = 0;
        int status = 0; ///< 0: not one that HTTP has, or one too many to tell apart
    };
    static constexpr size_t kStatuses = 12;

    Endpoint endpoint = Endpoint::Other;
    quint16 model = 0;                        ///< index into ShardFigures::models
    quint16 backend = 0;                      ///< index into ShardFigures::backends
    std::array<Status, kStatuses> statuses{}; ///< the first ones are used
    quint64 streams = 0;
    quint64 clientClosed = 0;
    quint64 estimated = 0;   ///< requests whose tokens were estimated
    quint64 priced = 0;      ///< requests whose cost is known
    quint64 unknownCost = 0; ///< requests with tokens and without a price
    quint64 retries = 0;     ///< upstream calls beyond each request's first
    qint64 inputTokens = 0;
    qint64 outputTokens = 0;
    qint64 cachedTokens = 0;     ///< of the input
    qint64 cacheWriteTokens = 0; ///< of the input
    qint64 reasoningTokens = 0;  ///< of the output
    Money cost;
    Histogram duration;
    Histogram firstByte; ///< of streams
    Histogram gap;       ///< of streams

    void addStatus(int status, quint64 requests);
    void add(const TrafficFigures &other);
};

/// The sums of one client key.
struct KeyFigures
{
    qint64 keyId = 0; ///< ClientKey::id; 0: none; MetricsShard::kOtherKey: those beyond the bound
    quint64 requests = 0;
    qint64 inputTokens = 0;
    qint64 outputTokens = 0;
    Money cost;
};

/// A copy of everything that one shard, or all of them, have counted.
struct ShardFigures
{
    using PerEndpoint = std::array<Histogram, size_t(Endpoint::Other) + 1>;

    QByteArrayList models;   ///< names by index; 0 is "other"
    QByteArrayList backends; ///< names by index; 0 is "none", 1 is "other"
    std::vector<TrafficFigures> traffic;
    std::vector<KeyFigures> keys;
    std::vector<std::array<quint64, kRefusedBy>> errors; ///< by index of errorCodeNames()
    PerEndpoint overhead;
    PerEndpoint queueWait;
    Histogram loopLag;
    std::vector<quint64> refused; ///< by index of refusedStatuses()
    quint64 folded = 0;           ///< requests counted under "other" for want of room
    qint64 liveEventsDropped = 0;
    qint64 connections = 0;
};

/// What one engine thread counts for /metrics.
///
/// Written by one engine thread, once for each finished exchange, under a lock that only a scrape
/// ever contends for; figures() may be called from any thread and holds it for one copy. Shared by
/// the Engine and Metrics. Labels come from closed sets: names that setNames() told, and at most
/// kMaxTraffic combinations of them. What does not fit is counted under "other", and how often that
/// happened is counted too. Nothing counted is ever forgotten, so counters only grow.
class MetricsShard
{
public:
    static constexpr size_t kMaxTraffic = 300; ///< combinations of endpoint, model and backend
    static constexpr size_t kMaxNames = 2'000; ///< models, and as many backends, ever known
    static constexpr size_t kMaxKeys = 500;
    static constexpr qint64 kOtherKey = std::numeric_limits<qint64>::min();

    MetricsShard();
    MetricsShard(const MetricsShard &) = delete;
    MetricsShard &operator=(const MetricsShard &) = delete;

    /// The names that may become labels from now on, besides all earlier ones.
    void setNames(const QByteArrayList &models, const QByteArrayList &backends);

    void finished(const LedgerRow &row, const ExchangeExtras &extras);
    /// A request was answered without becoming an exchange, e.g. 401 for an unknown key.
    void refused(int status);
    /// A timer of the engine's event loop was late by that much.
    void loopLag(qint64 us);
    void liveEventsDropped(qint64 count);
    void setConnections(qint64 count) { m_connections.store(count, std::memory_order_relaxed); }

    [[nodiscard]] ShardFigures figures() const;

    /// Codes of the contract's errors, by index of ShardFigures::errors; the last one is "other".
    [[nodiscard]] static const QByteArrayList &errorCodeNames();
    /// Statuses by index of ShardFigures::refused; the last one is 0 for all others.
    [[nodiscard]] static const std::vector<int> &refusedStatuses();

private:
    using NameIds = StringMap<quint16>;

    static quint16 idOf(const NameIds &ids, const QByteArray &name, quint16 otherwise);
    [[nodiscard]] TrafficFigures &trafficOf(const LedgerRow &row);
    [[nodiscard]] TrafficFigures *findOrAdd(Endpoint endpoint, quint16 model, quint16 backend,
                                            size_t bound);
    [[nodiscard]] KeyFigures &keyOf(qint64 id);

    mutable std::mutex m_mutex; ///< guards all but the atomics
    NameIds m_modelIds;
    NameIds m_backendIds;
    QHash<quint64, quint32> m_trafficIndex;
    QHash<qint64, quint32> m_keyIndex;
    ShardFigures m_figures;
    std::atomic<qint64> m_connections{0};
};

} // namespace tidegate
