// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <optional>
#include <string_view>

namespace tidegate {

/// Reads an HTTP-date in any of its three forms (RFC 9110 §5.6.7) as milliseconds since 1970 UTC.
///
/// Pure; any thread. A two-digit year is taken for the one within 50 years of @p nowMs.
[[nodiscard]] std::optional<qint64> parseHttpDate(std::string_view text, qint64 nowMs);

/// Reads an RFC 3339 time, such as "2026-01-31T12:00:00.25Z" or with "+02:00".
[[nodiscard]] std::optional<qint64> parseRfc3339(std::string_view text);

} // namespace tidegate
