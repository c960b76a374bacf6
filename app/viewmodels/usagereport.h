// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/money.h"

#include <QByteArray>
#include <QString>

#include <vector>

namespace tidegate {

/// What usage is told apart by.
enum class UsageGroup : quint8
{
    Key,
    Team,
    Model,
    Backend
};

/// Which usage is asked for. Value type.
struct UsageRequest
{
    /// How long one bar of the chart is. Days and months are those of the time zone, days with 23
    /// or 25 hours where the clock changes.
    enum class Step : quint8
    {
        Minute,
        Hour,
        Day,
        Month
    };

    qint64 fromUs = 0; ///< wall clock, microseconds since 1970 UTC
    qint64 toUs = 0;   ///< not included
    qint64 previousFromUs = 0;
    qint64 previousToUs = 0;
    Step step = Step::Hour;
    UsageGroup group = UsageGroup::Key;
    QByteArray timeZone = "UTC"; ///< IANA name
};

/// Counts and times of a set of requests.
struct UsageFigures
{
    qint64 requests = 0;
    qint64 errors = 0;
    qint64 cancelled = 0;
    qint64 tokensIn = 0;
    qint64 tokensOut = 0;
    qint64 cachedIn = 0;
    qint64 reasoning = 0;
    Money cost;
    qint64 unknownCost = 0; ///< requests whose model has no known price; not in `cost`
    qint64 estimated = 0;   ///< requests whose tokens were counted by us
    qint64 p50Us = -1;      ///< total time; -1: no requests
    qint64 p95Us = -1;
    qint64 p99Us = -1;

    [[nodiscard]] qint64 tokens() const { return tokensIn + tokensOut; }
};

/// The answer: figures by time and by group. Value type, made off the GUI thread.
struct UsageReport
{
    /// One key, team, model or backend.
    struct Series
    {
        QString name; ///< empty: requests without one
        UsageFigures total;
        std::vector<UsageFigures> steps; ///< as many as `startsUs`; without percentiles
    };

    std::vector<qint64> startsUs; ///< of the bars, in order
    std::vector<UsageFigures> steps;
    std::vector<Series> series; ///< the one with the most requests first
    UsageFigures total;
    UsageFigures previous; ///< of the period before
    bool complete = true;  ///< false: older requests are still being added up
};

} // namespace tidegate
