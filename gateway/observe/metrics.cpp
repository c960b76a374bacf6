// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/observe/metrics.h"

#include "gateway/base/clock.h"

#include <map>
#include <tuple>

namespace tidegate {

namespace {

/// Adds shards up. Their indexes of names differ, so the names are what is compared.
class Sum
{
public:
    void add(const ShardFigures &shard)
    {
        for (const TrafficFigures &traffic : shard.traffic) {
            const quint16 model = index(m_models, m_sum.models, shard.models[traffic.model]);
            const quint16 backend =
                index(m_backends, m_sum.backends, shard.backends[traffic.backend]);
            const auto [at, made] = m_traffic.try_emplace(
                std::make_tuple(traffic.endpoint, model, backend), m_sum.traffic.size());
            if (made) {
                TrafficFigures &fresh = m_sum.traffic.emplace_back();
                fresh.endpoint = traffic.endpoint;
                fresh.model = model;
                fresh.backend = backend;
            }
            m_sum.traffic[at->second].add(traffic);
        }
        for (const KeyFigures &key : shard.keys) {
            const auto [at, made] = m_keys.try_emplace(key.keyId, m_sum.keys.size());
            if (made) {
                m_sum.keys.emplace_back().keyId = key.keyId;
            }
            KeyFigures &sum = m_sum.keys[at->second];
            sum.requests += key.requests;
            sum.inputTokens += key.inputTokens;
            sum.outputTokens += key.outputTokens;
            sum.cost += key.cost;
        }
        m_sum.errors.resize(shard.errors.size());
        for (size_t code = 0; code < shard.errors.size(); ++code) {
            for (size_t scope = 0; scope < kRefusedBy; ++scope) {
                m_sum.errors[code][scope] += shard.errors[code][scope];
            }
        }
        m_sum.refused.resize(shard.refused.size());
        for (size_t i = 0; i < shard.refused.size(); ++i) {
            m_sum.refused[i] += shard.refused[i];
        }
        for (size_t i = 0; i < shard.overhead.size(); ++i) {
            m_sum.overhead[i].add(shard.overhead[i]);
            m_sum.queueWait[i].add(shard.queueWait[i]);
        }
        m_sum.loopLag.add(shard.loopLag);
        m_sum.folded += shard.folded;
        m_sum.liveEventsDropped += shard.liveEventsDropped;
        m_sum.connections += shard.connections;
    }

    [[nodiscard]] ShardFigures take() { return std::move(m_sum); }

private:
    static quint16 index(QHash<QByteArray, quint16> &ids, QByteArrayList &names,
                         const QByteArray &name)
    {
        const auto found = ids.constFind(name);
        if (found != ids.cend()) {
            return *found;
        }
        ids.insert(name, quint16(names.size()));
        names.append(name);
        return quint16(names.size() - 1);
    }

    ShardFigures m_sum;
    QHash<QByteArray, quint16> m_models;
    QHash<QByteArray, quint16> m_backends;
    std::map<std::tuple<Endpoint, quint16, quint16>, size_t> m_traffic;
    std::map<qint64, size_t> m_keys;
};

} // namespace

Metrics::Metrics()
    : m_startedAtUs(wallClockUs())
{
}

std::shared_ptr<MetricsShard> Metrics::shard(size_t index)
{
    const std::lock_guard lock(m_mutex);
    while (m_shards.size() <= index) {
        m_shards.push_back(std::make_shared<MetricsShard>());
    }
    return m_shards[index];
}

ShardFigures Metrics::figures() const
{
    std::vector<std::shared_ptr<MetricsShard>> shards;
    {
        const std::lock_guard lock(m_mutex);
        shards = m_shards;
    }
    Sum sum;
    for (const auto &shard : shards) {
        sum.add(shard->figures());
    }
    return sum.take();
}

} // namespace tidegate
