// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/resilience/breakerpermit.h"
#include "gateway/resilience/credentials.h"

namespace tidegate {

/// Says to a lane's breaker and to the backend's keys how one attempt with the key @p keyId ended.
///
/// Any thread. Use it rather than the two settle() by themselves: a rate limit is the key's, and
/// only where no other key is ready the lane is closed, and then until the first is ready again.
void settleAttempt(BreakerPermit &permit, Credentials &keys, quint64 keyId, const Verdict &verdict,
                   std::optional<qint64> retryAfterMs, qint64 nowNs);

} // namespace tidegate
