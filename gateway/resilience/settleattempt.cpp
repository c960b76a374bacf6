// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/settleattempt.h"

#include <algorithm>

namespace tidegate {

void settleAttempt(BreakerPermit &permit, Credentials &keys, quint64 keyId, const Verdict &verdict,
                   std::optional<qint64> retryAfterMs, qint64 nowNs)
{
    keys.settle(keyId, verdict, retryAfterMs, nowNs);
    if (verdict.disposition != Disposition::RateLimited || keyId == 0) {
        permit.settle(verdict, retryAfterMs, nowNs);
        return;
    }
    const qint64 readyAtNs = keys.readyAtNs(nowNs);
    if (readyAtNs > nowNs) {
        permit.failure(verdict.fault, (readyAtNs - nowNs + 999'999) / 1'000'000, nowNs);
    } else if (keys.hasSpare()) {
        permit.abandon();
    } else {
        // The only key, and no word about for how long: it stays ready, but the lane refused.
        permit.failure(verdict.fault, std::nullopt, nowNs);
    }
}

} // namespace tidegate
