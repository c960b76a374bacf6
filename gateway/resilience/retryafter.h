// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace tidegate {

/// How long a backend asked to be left alone.
struct RetryAfter
{
    static constexpr qint64 kMaxMs = qint64(24) * 3600 * 1000;

    qint64 ms = 0;             ///< 0…kMaxMs, from the moment the answer came
    bool capped = false;       ///< it asked for more than kMaxMs
    std::string_view source{}; ///< where it stood: "retry-after", "reset" or "retry_info"
};

/// Reads an answer's wish in all its spellings. Pure; any thread. Nothing when there is none that
/// can be read.
///
/// What is asked for outright counts: retry-after-ms, else Retry-After (RFC 9110: seconds, also
/// with a fraction, or a date in any of its three forms), and Google's RetryInfo in the body; of
/// two, the later. Without any, the reset of a limit that is used up counts (x-ratelimit-reset-*,
/// anthropic-ratelimit-*-reset, ratelimit-reset), the latest of them. It comes second, because it
/// says when all of the limit is there again, which may be long after the next request is welcome.
/// Dates are measured against the answer's own Date where it has one, else against @p nowWallUs,
/// so that a clock that is wrong on either side does no harm.
/// @p fields with lower-cased names, @p body the error's JSON or nothing.
[[nodiscard]] std::optional<RetryAfter>
readRetryAfter(std::span<const std::pair<std::string_view, std::string_view>> fields,
               std::string_view body, qint64 nowWallUs);

} // namespace tidegate
