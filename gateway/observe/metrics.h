// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/observe/metricsshard.h"

#include <memory>
#include <mutex>
#include <vector>

namespace tidegate {

/// All that is counted in this process: one shard for each engine thread, and their sum.
///
/// Owned by the Gateway, used from any thread. Shards outlive their engines, so that stopping and
/// starting the gateway in the panel sets no counter back.
class Metrics
{
public:
    Metrics();
    Metrics(const Metrics &) = delete;
    Metrics &operator=(const Metrics &) = delete;

    /// The shard of the engine with that index, from 0; made when there is none.
    [[nodiscard]] std::shared_ptr<MetricsShard> shard(size_t index);
    /// The sum of all shards.
    [[nodiscard]] ShardFigures figures() const;
    /// Wall clock at which counting began, microseconds since 1970 UTC.
    [[nodiscard]] qint64 startedAtUs() const { return m_startedAtUs; }

private:
    const qint64 m_startedAtUs;
    mutable std::mutex m_mutex;
    std::vector<std::shared_ptr<MetricsShard>> m_shards; ///< guarded by m_mutex
};

} // namespace tidegate
