// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

namespace tidegate {

/// Token counts of one exchange, in one meaning for all providers; -1 where unknown.
///
/// What is part of a whole is counted in the whole too: `input` has the cached, written and audio
/// tokens in it, `output` the reasoning ones. (OpenAI reports it so; Anthropic's input_tokens leave
/// the cache out, which the reader adds.)
struct TokenUsage
{
    qint64 input = -1;
    qint64 output = -1;
    qint64 cachedInput = -1;  ///< of input: read from the provider's prompt cache
    qint64 reasoning = -1;    ///< of output: thought, not shown
    qint64 cacheWrite = -1;   ///< of input: written to the cache, all life times together
    qint64 cacheWrite1h = -1; ///< of cacheWrite: with a life of an hour, which costs more
    qint64 audioInput = -1;   ///< of input: sound that was not read from the cache
    qint64 audioOutput = -1;  ///< of output
    bool estimated = false;   ///< counted by us because the upstream said nothing

    [[nodiscard]] bool isKnown() const { return input >= 0 || output >= 0; }
    bool operator==(const TokenUsage &) const = default;
};

/// Whose words a usage block is in. They use the same names for different things.
enum class UsageStyle : quint8
{
    OpenAi,    ///< and everything compatible: the input has the cached tokens in it
    Anthropic, ///< input_tokens leaves out what is read from and written to the cache
    Gemini,    ///< usageMetadata: the output leaves out the thoughts
};

} // namespace tidegate
