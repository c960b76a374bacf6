// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/usagesums.h"

#include <algorithm>

namespace tidegate {
namespace {

// An upstream may claim any number: this much of one row is believed, so that sums cannot overflow.
constexpr qint64 kMost = 1'000'000'000'000;

void putVarint(QByteArray &bytes, quint64 value)
{
    while (value >= 0x80) {
        bytes.append(char(value | 0x80));
        value >>= 7;
    }
    bytes.append(char(value));
}

/// Reads numbers from bytes; 0 and not ok() beyond the end.
class VarintReader
{
public:
    explicit VarintReader(QByteArrayView bytes)
        : m_at(bytes.begin())
        , m_end(bytes.end())
    {
    }

    quint64 next()
    {
        quint64 value = 0;
        for (int shift = 0; shift < 64 && m_at != m_end; shift += 7) {
            const auto byte = quint8(*m_at++);
            value |= quint64(byte & 0x7f) << shift;
            if (byte < 0x80) {
                return value;
            }
        }
        m_ok = false;
        return 0;
    }
    [[nodiscard]] bool ok() const { return m_ok; }

private:
    QByteArrayView::const_iterator m_at;
    QByteArrayView::const_iterator m_end;
    bool m_ok = true;
};

void putHistogram(QByteArray &bytes, const DurationHistogram &histogram)
{
    const auto &counts = histogram.counts();
    putVarint(bytes, quint64(std::count_if(counts.begin(), counts.end(),
                                           [](quint32 count) { return count != 0; })));
    int before = 0;
    for (int i = 0; i < int(counts.size()); ++i) {
        if (counts[size_t(i)] != 0) {
            putVarint(bytes, quint64(i - before));
            putVarint(bytes, counts[size_t(i)]);
            before = i;
        }
    }
}

bool addHistogram(VarintReader &reader, DurationHistogram *first, DurationHistogram *second)
{
    quint64 at = 0;
    for (quint64 left = reader.next(); left > 0 && reader.ok(); --left) {
        at += reader.next();
        const auto count = quint32(reader.next());
        if (at >= DurationHistogram::kClasses) {
            return false;
        }
        if (first) {
            first->add(int(at), count);
        }
        if (second) {
            second->add(int(at), count);
        }
    }
    return reader.ok();
}

qint64 believable(qint64 count)
{
    return std::clamp<qint64>(count, 0, kMost);
}

} // namespace

void UsageSums::add(const UsageFacts &facts)
{
    const TokenUsage &usage = facts.usage;
    ++m_requests;
    switch (facts.outcome) {
    case Outcome::ClientError:
        ++m_counters[ClientErrors];
        break;
    case Outcome::UpstreamError:
        ++m_counters[UpstreamErrors];
        break;
    case Outcome::ClientClosed:
        ++m_counters[Cancelled];
        break;
    case Outcome::Success:
        break;
    }
    m_counters[Streams] += facts.stream ? 1 : 0;
    m_counters[InputTokens] += believable(usage.input);
    m_counters[OutputTokens] += believable(usage.output);
    m_counters[CachedInputTokens] += believable(usage.cachedInput);
    m_counters[ReasoningTokens] += believable(usage.reasoning);
    m_counters[CacheWriteTokens] += believable(usage.cacheWrite);
    m_counters[CacheWrite1hTokens] += believable(usage.cacheWrite1h);
    m_counters[AudioInputTokens] += believable(usage.audioInput);
    m_counters[AudioOutputTokens] += believable(usage.audioOutput);
    m_counters[Estimated] += usage.estimated ? 1 : 0;
    m_counters[BytesIn] += believable(facts.bytesIn);
    m_counters[BytesOut] += believable(facts.bytesOut);
    if (facts.cost) {
        m_cost += *facts.cost;
    } else if (facts.attempts > 0) {
        ++m_counters[UnknownCost]; // what was never sent costs nothing
    }
}

void UsageSums::add(const UsageSums &other)
{
    m_requests += other.m_requests;
    m_cost += other.m_cost;
    for (size_t i = 0; i < m_counters.size(); ++i) {
        m_counters[i] += other.m_counters[i];
    }
}

void UsageSums::addTimes(const UsageFacts &facts, UsageTimes &times)
{
    times.total.add(DurationHistogram::classOf(facts.totalUs), 1);
    if (facts.firstByteUs >= 0) {
        times.firstByte.add(DurationHistogram::classOf(facts.firstByteUs), 1);
    }
}

UsageTotals UsageSums::totals() const
{
    UsageTotals totals;
    totals.requests = m_requests;
    totals.cost = m_cost;
    totals.clientErrors = m_counters[ClientErrors];
    totals.upstreamErrors = m_counters[UpstreamErrors];
    totals.cancelled = m_counters[Cancelled];
    totals.streams = m_counters[Streams];
    totals.inputTokens = m_counters[InputTokens];
    totals.outputTokens = m_counters[OutputTokens];
    totals.cachedInputTokens = m_counters[CachedInputTokens];
    totals.reasoningTokens = m_counters[ReasoningTokens];
    totals.cacheWriteTokens = m_counters[CacheWriteTokens];
    totals.cacheWrite1hTokens = m_counters[CacheWrite1hTokens];
    totals.audioInputTokens = m_counters[AudioInputTokens];
    totals.audioOutputTokens = m_counters[AudioOutputTokens];
    totals.unknownCost = m_counters[UnknownCost];
    totals.estimated = m_counters[Estimated];
    totals.bytesIn = m_counters[BytesIn];
    totals.bytesOut = m_counters[BytesOut];
    return totals;
}

QByteArray UsageSums::encode(const UsageTimes &times) const
{
    QByteArray bytes;
    bytes.reserve(160);
    quint64 present = 0;
    for (size_t i = 0; i < m_counters.size(); ++i) {
        present |= quint64(m_counters[i] != 0) << i;
    }
    putVarint(bytes, present);
    for (const qint64 counter : m_counters) {
        if (counter != 0) {
            putVarint(bytes, quint64(counter));
        }
    }
    putHistogram(bytes, times.total);
    putHistogram(bytes, times.firstByte);
    return bytes;
}

bool UsageSums::addEncoded(QByteArrayView figures, UsageTimes *times, UsageTimes *moreTimes)
{
    VarintReader reader(figures);
    const quint64 present = reader.next();
    if (present >> kCounters != 0) {
        return false;
    }
    for (size_t i = 0; i < m_counters.size(); ++i) {
        if (present >> i & 1) {
            m_counters[i] += qint64(reader.next());
        }
    }
    if (!times && !moreTimes) {
        return reader.ok();
    }
    return reader.ok() &&
           addHistogram(reader, times ? &times->total : nullptr,
                        moreTimes ? &moreTimes->total : nullptr) &&
           addHistogram(reader, times ? &times->firstByte : nullptr,
                        moreTimes ? &moreTimes->firstByte : nullptr);
}

} // namespace tidegate
