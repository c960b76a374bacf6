// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/livefeed.h"

#include "gateway/pipeline/exchange.h"

#include <algorithm>
#include <utility>

namespace tidegate {

void LiveFeed::setEnabled(bool enabled)
{
    if (std::exchange(m_enabled, enabled) && !enabled) {
        for (Exchange *exchange : m_dirty) {
            exchange->liveMark.dirty = false;
        }
        m_dirty.clear();
        m_ended.clear();
        m_new = 0;
        m_dropped = 0;
    }
}

bool LiveFeed::admit(Exchange &exchange)
{
    if (exchange.liveMark.shown) {
        return true;
    }
    if (m_new >= kMaxNew) {
        return false;
    }
    ++m_new;
    exchange.liveMark.shown = true;
    return true;
}

void LiveFeed::changed(Exchange &exchange)
{
    if (m_enabled && !exchange.liveMark.dirty && admit(exchange)) {
        exchange.liveMark.dirty = true;
        m_dirty.push_back(&exchange);
    }
}

void LiveFeed::finished(Exchange &exchange)
{
    if (exchange.liveMark.dirty) {
        m_dirty.erase(std::find(m_dirty.begin(), m_dirty.end(), &exchange));
        exchange.liveMark.dirty = false;
    }
    if (!m_enabled) {
        return;
    }
    if (admit(exchange)) {
        m_ended.push_back(exchange.event());
    } else {
        ++m_dropped;
    }
}

ExchangeBatch LiveFeed::take(int active, qint64 finishedTotal)
{
    ExchangeBatch batch;
    batch.active = active;
    batch.finishedTotal = finishedTotal;
    batch.dropped = m_dropped;
    batch.events.reserve(qsizetype(m_ended.size() + m_dirty.size()));
    for (ExchangeEvent &event : m_ended) {
        batch.events.append(std::move(event));
    }
    for (Exchange *exchange : m_dirty) {
        exchange->liveMark.dirty = false;
        batch.events.append(exchange->event());
    }
    std::sort(batch.events.begin(), batch.events.end(),
              [](const ExchangeEvent &a, const ExchangeEvent &b) { return a.id < b.id; });
    m_ended.clear();
    m_dirty.clear();
    m_new = 0;
    m_dropped = 0;
    return batch;
}

} // namespace tidegate
