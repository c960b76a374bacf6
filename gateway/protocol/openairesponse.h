// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/protocol/tokenusage.h"

#include <string_view>

namespace tidegate {

/// What one event of a stream, or one whole answer, says besides its content.
struct OpenAiChunk
{
    bool done = false;      ///< data: [DONE]
    bool error = false;     ///< has an "error" member instead of choices
    bool finish = false;    ///< some choice has a finish_reason
    bool usageOnly = false; ///< usage with an empty list of choices: what include_usage adds
    bool content = false;   ///< has choices, so something a user may see
    TokenUsage usage;       ///< known when the chunk carries one
};

/// Reads the payload of one event, or a whole answer. Cheap: parses only what may carry usage or an
/// error.
///
/// Any thread. @p data without the "data:" prefix. Broken JSON reads as content. @p style is only
/// about the usage, which is found where OpenAI (also its Responses), Anthropic, Gemini and Groq
/// put it.
[[nodiscard]] OpenAiChunk readChunk(std::string_view data, UsageStyle style = UsageStyle::OpenAi);

/// True for an event of a chat or completion stream that shows a user nothing yet: a role, empty
/// text, no choices. Until one says more, another lane's stream may still take its place.
///
/// Any thread. @p data without the "data:" prefix. Broken JSON, and what is of another form, is
/// taken for something to show.
[[nodiscard]] bool isOpening(std::string_view data);

} // namespace tidegate
