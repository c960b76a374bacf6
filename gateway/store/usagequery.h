// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/money.h"
#include "gateway/ledger/ledgerrow.h"

#include <QByteArray>
#include <QString>

#include <optional>
#include <vector>

namespace tidegate {

/// Which usage is asked for. Value type.
struct UsageQuery
{
    /// What usage is told apart by.
    enum class By : quint8
    {
        None,
        Key,
        Team,
        Model,       ///< as the client named it; empty where it was refused for its name or earlier
        ServedModel, ///< as the backend calls it
        Backend,
        Endpoint,
        // Time, in the zone's clock. Only for groupBy.
        Minute,
        QuarterHour,
        Hour,
        Day, ///< 23 or 25 hours where the clock changes
        Month,
    };
    [[nodiscard]] static constexpr bool isTime(By by) { return by >= By::Minute; }
    static constexpr int kMaxSteps = 20'000; ///< of time in one answer

    qint64 fromUs = 0; ///< wall clock since 1970 UTC; requests count where they started
    qint64 toUs = 0;   ///< not included
    By groupBy = By::None;
    By seriesBy = By::None;      ///< a second way, such as one line of a chart for each key
    QByteArray timeZone = "UTC"; ///< IANA name

    // Only what matches all of these; an empty list matches everything.
    std::vector<qint64> keyIds;
    std::vector<qint64> teamIds;
    std::vector<QByteArray> models; ///< requested or served
    std::vector<QByteArray> backends;
};

/// What a set of requests adds up to.
struct UsageTotals
{
    qint64 requests = 0;
    qint64 clientErrors = 0;   ///< refused, or answered 4xx
    qint64 upstreamErrors = 0; ///< failed, or answered 5xx
    qint64 cancelled = 0;      ///< the client left first
    qint64 streams = 0;
    qint64 inputTokens = 0; ///< as in TokenUsage, where known
    qint64 outputTokens = 0;
    qint64 cachedInputTokens = 0;
    qint64 reasoningTokens = 0;
    qint64 cacheWriteTokens = 0;
    qint64 cacheWrite1hTokens = 0;
    qint64 audioInputTokens = 0;
    qint64 audioOutputTokens = 0;
    Money cost;             ///< of the requests whose price is known
    qint64 unknownCost = 0; ///< requests that called a backend, at a price that is not known
    qint64 estimated = 0;   ///< requests whose tokens were counted by us
    qint64 bytesIn = 0;
    qint64 bytesOut = 0;

    // Right to 6 %; -1: there are none, or not asked for.
    qint64 p50Us = -1; ///< first request byte to last answer byte
    qint64 p95Us = -1;
    qint64 p99Us = -1;
    qint64 firstByteP50Us = -1; ///< first request byte to first answer byte (TTFT)
    qint64 firstByteP95Us = -1;
    qint64 firstByteP99Us = -1;

    [[nodiscard]] qint64 errors() const { return clientErrors + upstreamErrors; }
};

/// The answer to a UsageQuery. Value type.
struct UsageResult
{
    /// A key, team, model, backend, endpoint or step of time.
    struct Label
    {
        qint64 id = 0;        ///< of a key or team (0: none), Endpoint, or the step's start in us
        QString name;         ///< last known name; empty: none, and for steps of time
        bool deleted = false; ///< the key or team is gone
    };
    /// One group and series that has requests. Without percentiles.
    struct Cell
    {
        int group = 0;
        int series = 0;
        UsageTotals totals;
    };

    qint64 fromUs = 0; ///< as asked; wider where details are no longer kept (docs/ledger.md)
    qint64 toUs = 0;
    bool complete = true;      ///< false: a large older ledger is still being added up
    std::vector<Label> groups; ///< one without a name for By::None; every step of time, in order;
                               ///< else by requests, most first
    std::vector<Label> series; ///< one without a name for By::None; by requests, most first
    std::vector<UsageTotals> groupTotals;  ///< as many as groups
    std::vector<UsageTotals> seriesTotals; ///< as many as series
    std::vector<Cell> cells;               ///< by group, then series
    UsageTotals total;
};

} // namespace tidegate
