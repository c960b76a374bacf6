// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/modelprice.h"

#include <algorithm>
#include <limits>

namespace tidegate {

namespace {

// Counts up to 2^53 at up to 2^63 nano-dollars fit many times over: sums need no overflow checks.
__extension__ using Wide = __int128;

constexpr qint64 kMostTokens = qint64(1) << 53;
constexpr Wide kPerMillion = 1'000'000;

// From nano-dollars times a million, half up. At the bound for what no Money can hold.
Money rounded(Wide sum)
{
    const Wide nano = (sum + kPerMillion / 2) / kPerMillion;
    constexpr qint64 kMaximum = std::numeric_limits<qint64>::max();
    return Money::fromNano(nano > kMaximum ? kMaximum : qint64(nano));
}

Wide charge(qint64 tokens, Money perMillion)
{
    return Wide(tokens) * perMillion.nano();
}

qint64 bounded(qint64 tokens)
{
    return std::min(tokens, kMostTokens);
}

// A part of what is left of a whole: unknown parts are none, and no token is in two parts.
qint64 take(qint64 part, qint64 &left)
{
    const qint64 taken = std::clamp<qint64>(part, 0, left);
    left -= taken;
    return taken;
}

Wide inputCharge(const TokenUsage &usage, const TokenPrices &prices)
{
    qint64 left = bounded(usage.input);
    const qint64 cached = take(usage.cachedInput, left);
    qint64 written = take(std::max(usage.cacheWrite, usage.cacheWrite1h), left);
    const qint64 written1h = take(usage.cacheWrite1h, written);
    const qint64 audio = take(usage.audioInput, left);
    return charge(cached, prices.cachedInput) + charge(written, prices.cacheWrite) +
           charge(written1h, prices.cacheWrite1h) + charge(audio, prices.audioInput) +
           charge(left, prices.input);
}

Wide outputCharge(const TokenUsage &usage, const TokenPrices &prices)
{
    qint64 left = bounded(usage.output);
    const qint64 reasoning = take(usage.reasoning, left);
    const qint64 audio = take(usage.audioOutput, left);
    return charge(reasoning, prices.reasoning) + charge(audio, prices.audioOutput) +
           charge(left, prices.output);
}

Money dearestInput(const TokenPrices &prices)
{
    return std::max({prices.input, prices.cachedInput, prices.cacheWrite, prices.cacheWrite1h,
                     prices.audioInput});
}

Money dearestOutput(const TokenPrices &prices)
{
    return std::max({prices.output, prices.reasoning, prices.audioOutput});
}

} // namespace

std::optional<Money> ModelPrice::cost(const TokenUsage &usage) const
{
    const TokenPrices *inForce = &prices;
    for (const Tier &tier : tiers) {
        if (usage.input > tier.above) {
            inForce = &tier.prices;
        }
    }
    Wide sum = Wide(perRequest.nano()) * kPerMillion;
    if (usage.input >= 0) {
        sum += inputCharge(usage, *inForce);
    } else if (!dearestInput(*inForce).isZero()) {
        return std::nullopt;
    }
    if (usage.output >= 0) {
        sum += outputCharge(usage, *inForce);
    } else if (!dearestOutput(*inForce).isZero()) {
        return std::nullopt;
    }
    return rounded(sum);
}

Money ModelPrice::holdFor(const RequestSize &size) const
{
    Money input = dearestInput(prices);
    Money output = dearestOutput(prices);
    for (const Tier &tier : tiers) {
        if (size.inputTokens > tier.above / 4) {
            input = std::max(input, dearestInput(tier.prices));
            output = std::max(output, dearestOutput(tier.prices));
        }
    }
    qint64 length = size.maxOutputTokens;
    if (length < 0) {
        length = maxOutput > 0 ? maxOutput : kAssumedMaxOutput;
    } else if (maxOutput > 0) {
        length = std::min(length, maxOutput);
    }
    const qint64 choices = std::max<qint64>(1, size.choices);
    // More than Money can hold is the same as its bound, which no budget has.
    qint64 outputTokens = 0;
    if (__builtin_mul_overflow(length, choices, &outputTokens)) {
        outputTokens = kMostTokens;
    }
    return rounded(Wide(perRequest.nano()) * kPerMillion +
                   charge(bounded(std::max<qint64>(0, size.inputTokens)), input) +
                   charge(bounded(outputTokens), output));
}

} // namespace tidegate
