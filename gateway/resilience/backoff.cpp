// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/backoff.h"

#include "gateway/resilience/jitter.h"
#include "gateway/resilience/retryafter.h"

#include <algorithm>

namespace tidegate {

Backoff::Backoff(quint64 seed)
    : m_random(seed)
{
}

qint64 Backoff::delayMs(const BackoffConfig &config, int retry, std::optional<qint64> retryAfterMs)
{
    const qint64 longest = std::max(config.maxMs, config.baseMs);
    qint64 step = config.baseMs;
    for (int i = 1; i < retry && step > 0 && step < longest; ++i) {
        step *= 2;
    }
    step = std::min(step, longest);
    const double unit = nextUnit(m_random);
    const qint64 least = config.jitter == BackoffConfig::Jitter::Full ? 0 : step / 2;
    const qint64 delay = least + qint64(unit * double(step - least + 1));
    if (!retryAfterMs || *retryAfterMs <= delay) {
        return delay;
    }
    const qint64 floor = std::min(*retryAfterMs, RetryAfter::kMaxMs);
    const qint64 spread = std::min(floor / 10, step);
    return floor + qint64(unit * double(spread));
}

} // namespace tidegate
