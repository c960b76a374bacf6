// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/money.h"

#include <QByteArray>

#include <optional>

namespace tidegate {

/// How requests and tokens per minute are counted.
enum class LimitAlgorithm : quint8
{
    TokenBucket,   ///< fills evenly; a minute's worth may be used at once
    SlidingWindow, ///< never more than the limit within any 60 seconds
};

/// What a key, team, model or client address may use. 0: no limit.
struct Limits
{
    qint64 requestsPerMinute = 0;
    qint64 tokensPerMinute = 0; ///< input and output together
    qint64 tokensPerDay = 0;    ///< days in UTC
    int maxConcurrency = 0;     ///< requests in flight
    LimitAlgorithm algorithm = LimitAlgorithm::TokenBucket;

    [[nodiscard]] bool isEmpty() const
    {
        return requestsPerMinute == 0 && tokensPerMinute == 0 && tokensPerDay == 0 &&
               maxConcurrency == 0;
    }
    bool operator==(const Limits &) const = default;
};

enum class BudgetPeriod : quint8
{
    Hour,
    Day,
    Week, ///< from Monday, ISO 8601
    Month,
    Total
};

/// What a key or team may spend in a period of a time zone's calendar.
struct BudgetRule
{
    Money amount;
    BudgetPeriod period = BudgetPeriod::Total;
    QByteArray timeZone = "UTC"; ///< IANA name
    int softPercent = 80;        ///< of the amount: the threshold of the warning event
    bool shadow = false;         ///< only reports, refuses nothing

    bool operator==(const BudgetRule &) const = default;
};

} // namespace tidegate
