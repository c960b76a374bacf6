// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/money.h"
#include "gateway/protocol/requestsize.h"
#include "gateway/protocol/tokenusage.h"

#include <optional>
#include <vector>

namespace tidegate {

/// USD per million tokens of each kind. All are set: what a price file leaves out has its default.
struct TokenPrices
{
    Money input;
    Money output;
    Money cachedInput;  ///< default: input
    Money cacheWrite;   ///< default: input
    Money cacheWrite1h; ///< default: cacheWrite
    Money reasoning;    ///< default: output
    Money audioInput;   ///< default: input
    Money audioOutput;  ///< default: output

    bool operator==(const TokenPrices &) const = default;
};

/// What a model costs.
///
/// Value type, any thread. All arithmetic is on whole numbers: one 128-bit sum of tokens times
/// nano-dollars per million, divided and rounded once.
struct ModelPrice
{
    /// Prices of the whole request when its input is longer than `above` tokens.
    struct Tier
    {
        qint64 above = 0;
        TokenPrices prices;
        bool operator==(const Tier &) const = default;
    };

    /// The output counted for a hold when neither the request nor the price bounds it.
    static constexpr qint64 kAssumedMaxOutput = 16'384;

    TokenPrices prices;
    std::vector<Tier> tiers; ///< `above` ascending
    Money perRequest;
    qint64 maxOutput = 0; ///< the model's longest output, in tokens; 0: not known

    /// The cost of @p usage, to the nano-dollar, half a nano-dollar up. Nothing when the usage
    /// lacks a count whose price is not 0. Never negative; counts that contradict each other are
    /// read so that no token is charged twice: cached before written before audio input, reasoning
    /// before audio output, each at most what is left of the whole.
    [[nodiscard]] std::optional<Money> cost(const TokenUsage &usage) const;

    /// The most that a request of @p size can cost: every input token in the dearest class, every
    /// choice of the full output length, in the dearest tier within reach. The length is the
    /// request's, at most the model's longest output; without either, kAssumedMaxOutput. A tier
    /// counts as within reach from a quarter of its threshold on, because a token has at least one
    /// byte and estimates take four.
    [[nodiscard]] Money holdFor(const RequestSize &size) const;

    bool operator==(const ModelPrice &) const = default;
};

} // namespace tidegate
