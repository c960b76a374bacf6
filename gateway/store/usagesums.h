// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/store/durationhistogram.h"
#include "gateway/store/usagefacts.h"
#include "gateway/store/usagequery.h"

#include <array>

namespace tidegate {

/// How long requests took.
struct UsageTimes
{
    DurationHistogram total;
    DurationHistogram firstByte;
};

/// What requests add up to, and its compact form in the roll-up tables.
///
/// Value type, any thread.
class UsageSums
{
public:
    void add(const UsageFacts &facts);
    void add(const UsageSums &other);
    /// A row of a roll-up table.
    void add(qint64 requests, Money cost)
    {
        m_requests += requests;
        m_cost += cost;
    }

    [[nodiscard]] qint64 requests() const { return m_requests; }
    [[nodiscard]] Money cost() const { return m_cost; }
    [[nodiscard]] UsageTotals totals() const;

    /// The counts, and @p times, in bytes: see docs/ledger.md.
    [[nodiscard]] QByteArray encode(const UsageTimes &times) const;
    /// Adds what encode() made; the times to those that are not null. False, with a part of it
    /// added, when the bytes are damaged.
    [[nodiscard]] bool addEncoded(QByteArrayView figures, UsageTimes *times,
                                  UsageTimes *moreTimes = nullptr);
    static void addTimes(const UsageFacts &facts, UsageTimes &times);

private:
    /// Their order is part of the format; new ones go to the end.
    enum Counter : quint8
    {
        ClientErrors,
        UpstreamErrors,
        Cancelled,
        Streams,
        InputTokens,
        OutputTokens,
        CachedInputTokens,
        ReasoningTokens,
        CacheWriteTokens,
        CacheWrite1hTokens,
        AudioInputTokens,
        AudioOutputTokens,
        UnknownCost,
        Estimated,
        BytesIn,
        BytesOut,
        kCounters
    };

    qint64 m_requests = 0;
    Money m_cost;
    std::array<qint64, kCounters> m_counters{};
};

} // namespace tidegate
