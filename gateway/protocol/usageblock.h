// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/protocol/tokenusage.h"

#include <simdjson.h>

#include <string_view>

namespace tidegate {

/// Reads a usage block: what stands behind "usage" or "usageMetadata". Uses @p block up.
///
/// Any thread. A count that is not a whole number from 0 to 2^53 is unknown. A part is never larger
/// than its whole. Of a count given twice, or in two places, the larger one counts.
[[nodiscard]] TokenUsage readUsage(simdjson::ondemand::object block, UsageStyle style);
/// The same for the block's text. Nothing is known when it is not a JSON object.
[[nodiscard]] TokenUsage readUsage(std::string_view block, UsageStyle style);

/// Adds a later report of the same exchange to @p total: what it knows replaces what was known.
/// Streams report in parts (Anthropic) or again and again with growing counts (vLLM, Gemini).
void mergeUsage(TokenUsage &total, const TokenUsage &later);

} // namespace tidegate
