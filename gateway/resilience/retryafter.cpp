// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/retryafter.h"

#include "gateway/resilience/errorbody.h"
#include "gateway/resilience/httpdate.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace tidegate {

namespace {

using Fields = std::span<const std::pair<std::string_view, std::string_view>>;

// No honest value is longer.
constexpr size_t kMaxLength = 64;
// Numbers from here on are no durations but times: seconds since 1970 (from 2001 on), then
// milliseconds. Beyond them (the year 5138) nothing makes sense.
constexpr double kFirstEpochSeconds = 1e9;
constexpr double kFirstEpochMs = 1e12;
constexpr double kLastEpochMs = 1e14;

std::string_view trimmed(std::string_view text)
{
    const size_t start = text.find_first_not_of(" \t");
    if (start == std::string_view::npos) {
        return {};
    }
    return text.substr(start, text.find_last_not_of(" \t") - start + 1);
}

std::optional<std::string_view> find(Fields fields, std::string_view name)
{
    for (const auto &[fieldName, value] : fields) {
        if (fieldName == name && value.size() <= kMaxLength) {
            return trimmed(value);
        }
    }
    return std::nullopt;
}

// Digits with at most one point among or before them: no sign, exponent, "inf" or "nan". Takes the
// number off the front of the text.
std::optional<double> takeNumber(std::string_view &text)
{
    double value = 0;
    double worth = 1;
    bool point = false;
    size_t digits = 0;
    size_t length = 0;
    for (; length < text.size(); ++length) {
        const char c = text[length];
        if (c == '.' && !point) {
            point = true;
        } else if (c >= '0' && c <= '9') {
            ++digits;
            worth *= point ? 0.1 : 1;
            value = point ? value + worth * (c - '0') : value * 10 + (c - '0');
        } else {
            break;
        }
    }
    if (digits == 0) {
        return std::nullopt;
    }
    text.remove_prefix(length);
    return value;
}

std::optional<double> wholeNumber(std::string_view text)
{
    const std::optional<double> value = takeNumber(text);
    return value && text.empty() ? value : std::nullopt;
}

// "6m0s", "1.2s", "20ms", "1h2m3s", "1d": as Go writes durations, besides days. Milliseconds.
std::optional<double> duration(std::string_view text)
{
    struct Unit
    {
        std::string_view name;
        double ms;
    };
    constexpr Unit kUnits[] = {{"ms", 1},   {"us", 0.001}, {"\xc2\xb5s", 0.001}, {"ns", 1e-6},
                               {"s", 1000}, {"m", 60'000}, {"h", 3'600'000},     {"d", 86'400'000}};
    if (text.empty()) {
        return std::nullopt;
    }
    double sum = 0;
    while (!text.empty()) {
        const std::optional<double> value = takeNumber(text);
        const auto *const unit =
            std::find_if(std::begin(kUnits), std::end(kUnits),
                         [&text](const Unit &u) { return text.starts_with(u.name); });
        if (!value || unit == std::end(kUnits)) {
            return std::nullopt;
        }
        text.remove_prefix(unit->name.size());
        sum += *value * unit->ms;
    }
    return sum;
}

// What a clock on the other side reads, and how to measure its times.
struct Clock
{
    double serverMs; // now, as the answer has it
    double oursMs;   // now, as we have it

    // A time that the server wrote as text: by its own clock.
    [[nodiscard]] double untilDate(qint64 ms) const { return double(ms) - serverMs; }
};

std::optional<double> secondsOrEpoch(std::string_view text, const Clock &clock)
{
    const std::optional<double> number = wholeNumber(text);
    if (!number || *number >= kLastEpochMs) {
        return std::nullopt;
    }
    if (*number >= kFirstEpochMs) {
        return *number - clock.serverMs;
    }
    // Between the two scales lie seconds after the year 5138.
    if (*number >= kLastEpochMs / 1000) {
        return std::nullopt;
    }
    return *number >= kFirstEpochSeconds ? *number * 1000 - clock.serverMs : *number * 1000;
}

std::optional<double> retryAfterField(std::string_view text, const Clock &clock)
{
    if (const auto ms = secondsOrEpoch(text, clock)) {
        return ms;
    }
    if (const auto date = parseHttpDate(text, qint64(clock.oursMs))) {
        return clock.untilDate(*date);
    }
    return std::nullopt;
}

std::optional<double> resetField(std::string_view text, const Clock &clock)
{
    if (const auto ms = secondsOrEpoch(text, clock)) {
        return ms;
    }
    if (const auto ms = duration(text)) {
        return ms;
    }
    if (const auto time = parseRfc3339(text)) {
        return clock.untilDate(*time);
    }
    return std::nullopt;
}

// The names of what is left of a limit, or how it stands, made from the name of its reset.
std::string withReplaced(std::string_view name, std::string_view part, std::string_view other)
{
    std::string result(name);
    result.replace(result.rfind(part), part.size(), other);
    return result;
}

bool isResetField(std::string_view name)
{
    constexpr std::string_view kReset = "reset";
    return (name.starts_with("x-ratelimit-") && name.find(kReset) != std::string_view::npos) ||
           (name.starts_with("anthropic-ratelimit-") && name.ends_with(kReset)) ||
           name == "ratelimit-reset";
}

bool isUsedUp(Fields fields, std::string_view resetName)
{
    // Anthropic's unified limits have a status in place of a number.
    if (const auto status = find(fields, withReplaced(resetName, "reset", "status"))) {
        return *status == "rejected";
    }
    const auto remaining = find(fields, withReplaced(resetName, "reset", "remaining"));
    if (!remaining) {
        return true; // nothing says otherwise, and the answer is a refusal
    }
    const bool negative = remaining->starts_with('-');
    const std::optional<double> left = wholeNumber(*remaining);
    return negative || (left && *left < 1);
}

std::optional<double> latest(std::optional<double> a, std::optional<double> b)
{
    return !a ? b : !b ? a : std::max(a, b);
}

RetryAfter made(double ms, std::string_view source)
{
    const bool capped = ms > double(RetryAfter::kMaxMs);
    return {capped ? RetryAfter::kMaxMs : std::max<qint64>(0, qint64(std::ceil(ms - 1e-6))), capped,
            source};
}

} // namespace

std::optional<RetryAfter> readRetryAfter(Fields fields, std::string_view body, qint64 nowWallUs)
{
    Clock clock{double(nowWallUs) / 1000, double(nowWallUs) / 1000};
    if (const auto date = find(fields, "date")) {
        if (const auto ms = parseHttpDate(*date, nowWallUs / 1000)) {
            clock.serverMs = double(*ms);
        }
    }
    std::optional<double> asked;
    if (const auto text = find(fields, "retry-after-ms")) {
        asked = wholeNumber(*text);
    }
    if (!asked) {
        if (const auto text = find(fields, "retry-after")) {
            asked = retryAfterField(*text, clock);
        }
    }
    std::optional<double> inBody;
    if (body.find("retryDelay") != std::string_view::npos) {
        const ErrorBody error = readErrorBody(body);
        inBody = error.retryDelay.size() <= kMaxLength ? duration(error.retryDelay) : std::nullopt;
    }
    if (const auto ms = latest(asked, inBody)) {
        return made(*ms, inBody && *ms == *inBody ? "retry_info" : "retry-after");
    }
    std::optional<double> reset;
    for (const auto &[name, value] : fields) {
        if (value.size() <= kMaxLength && isResetField(name) && isUsedUp(fields, name)) {
            reset = latest(reset, resetField(trimmed(value), clock));
        }
    }
    return reset ? std::optional(made(*reset, "reset")) : std::nullopt;
}

} // namespace tidegate
