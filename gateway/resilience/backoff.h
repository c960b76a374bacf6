// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <optional>

namespace tidegate {

/// The `retry:` section's times.
struct BackoffConfig
{
    enum class Jitter : quint8
    {
        Full,  ///< anything from 0 to the step: spreads best
        Equal, ///< half of the step and anything up to the other half: never at once
    };

    qint64 baseMs = 250; ///< the first step; each is twice the one before
    qint64 maxMs = 5000; ///< the largest step
    Jitter jitter = Jitter::Full;

    bool operator==(const BackoffConfig &) const = default;
};

/// How long to wait before a retry.
///
/// Value type; one per engine thread or per exchange, used in its thread.
class Backoff
{
public:
    explicit Backoff(quint64 seed);

    /// Milliseconds before retry number @p retry (1 is the first). Never less than @p retryAfterMs;
    /// where that is what counts, up to a tenth of it, and no more than a step, is added, so that
    /// those who were told the same do not come back at the same moment.
    [[nodiscard]] qint64 delayMs(const BackoffConfig &config, int retry,
                                 std::optional<qint64> retryAfterMs);

private:
    quint64 m_random;
};

} // namespace tidegate
