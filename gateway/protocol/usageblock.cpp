// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/usageblock.h"

#include "gateway/protocol/jsonreader.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tidegate {

using namespace simdjson;

namespace {

constexpr qint64 kLargestCount = qint64(1) << 53; // every JSON reader agrees on numbers up to here

// The counts as reported, by meaning; -1 where nothing is said.
struct Report
{
    qint64 input = -1;
    qint64 output = -1;
    qint64 total = -1;
    qint64 cached = -1;
    qint64 cachedAudio = -1;
    qint64 cacheMiss = -1;
    qint64 cacheWrite = -1;
    qint64 cacheWrite5m = -1;
    qint64 cacheWrite1h = -1;
    qint64 reasoning = -1;
    qint64 audioInput = -1;
    qint64 audioOutput = -1;
    qint64 toolInput = -1;
};

struct CountName
{
    std::string_view name;
    qint64 Report::*count;
};

// What stands in the block itself.
constexpr std::array<CountName, 24> kCounts{{
    {"prompt_tokens", &Report::input},
    {"input_tokens", &Report::input},
    {"promptTokenCount", &Report::input},
    {"prompt_eval_count", &Report::input}, // Ollama
    {"completion_tokens", &Report::output},
    {"output_tokens", &Report::output},
    {"candidatesTokenCount", &Report::output},
    {"responseTokenCount", &Report::output}, // Gemini's live API
    {"eval_count", &Report::output},         // Ollama
    {"total_tokens", &Report::total},
    {"totalTokenCount", &Report::total},
    {"cached_tokens", &Report::cached}, // Moonshot, Together
    {"num_cached_tokens", &Report::cached},
    {"cache_read_input_tokens", &Report::cached},
    {"cachedContentTokenCount", &Report::cached},
    {"prompt_cache_hit_tokens", &Report::cached}, // DeepSeek
    {"prompt_cache_miss_tokens", &Report::cacheMiss},
    {"cache_creation_input_tokens", &Report::cacheWrite},
    {"reasoning_tokens", &Report::reasoning},
    {"thoughtsTokenCount", &Report::reasoning},
    {"toolUsePromptTokenCount", &Report::toolInput},
    {"ephemeral_5m_input_tokens", &Report::cacheWrite5m},
    {"ephemeral_1h_input_tokens", &Report::cacheWrite1h},
    {"cache_write_tokens", &Report::cacheWrite},
}};

// What stands in prompt_tokens_details and its like.
constexpr std::array<CountName, 6> kInputDetails{{
    {"cached_tokens", &Report::cached},
    {"audio_tokens", &Report::audioInput},
    {"cache_write_tokens", &Report::cacheWrite},    // OpenRouter
    {"cache_creation_tokens", &Report::cacheWrite}, // LiteLLM
    {"ephemeral_5m_input_tokens", &Report::cacheWrite5m},
    {"ephemeral_1h_input_tokens", &Report::cacheWrite1h},
}};
constexpr std::array<CountName, 2> kOutputDetails{{
    {"reasoning_tokens", &Report::reasoning},
    {"audio_tokens", &Report::audioOutput},
}};
constexpr std::array<CountName, 1> kCachedDetails{{{"audio_tokens", &Report::cachedAudio}}};
constexpr std::array<CountName, 2> kBilledUnits{
    {{"input_tokens", &Report::input}, {"output_tokens", &Report::output}}};

qint64 countOf(ondemand::value value)
{
    int64_t number = 0;
    if (value.get_int64().get(number) == SUCCESS) {
        return number >= 0 && number <= kLargestCount ? number : -1;
    }
    // Some servers write whole numbers as 12.0.
    double real = 0;
    if (value.get_double().get(real) == SUCCESS && real >= 0 && real <= double(kLargestCount) &&
        real == std::floor(real)) {
        return qint64(real);
    }
    return -1;
}

template <size_t N>
qint64 *find(Report &report, const std::array<CountName, N> &names, std::string_view key)
{
    const auto it = std::find_if(names.begin(), names.end(),
                                 [key](const CountName &entry) { return entry.name == key; });
    return it == names.end() ? nullptr : &(report.*(it->count));
}

// Calls visit(key, value) for each member, as far as the text can be read.
template <typename Visit>
void forEachMember(ondemand::object object, Visit visit)
{
    for (auto fieldResult : object) {
        ondemand::field field;
        std::string_view key;
        if (std::move(fieldResult).get(field) != SUCCESS ||
            JsonReader::keyOf(field).get(key) != SUCCESS) {
            return;
        }
        visit(key, field.value());
    }
}

template <size_t N>
void readDetails(Report &report, ondemand::value value, const std::array<CountName, N> &names)
{
    ondemand::object details;
    if (value.get_object().get(details) != SUCCESS) {
        return;
    }
    forEachMember(details, [&report, &names](std::string_view key, ondemand::value detail) {
        if (qint64 *count = find(report, names, key)) {
            *count = std::max(*count, countOf(detail));
        } else if (key == "cached_tokens_details") {
            readDetails(report, detail, kCachedDetails);
        }
    });
}

// Gemini lists counts by modality, of which only audio has a price of its own.
void readModalities(qint64 &audio, ondemand::value value)
{
    ondemand::array modalities;
    if (value.get_array().get(modalities) != SUCCESS) {
        return;
    }
    for (auto element : modalities) {
        ondemand::object modality;
        if (element.get_object().get(modality) != SUCCESS) {
            return;
        }
        bool isAudio = false;
        qint64 tokens = -1;
        forEachMember(modality, [&isAudio, &tokens](std::string_view key, ondemand::value item) {
            std::string_view name;
            if (key == "modality") {
                isAudio = item.get_string().get(name) == SUCCESS && name == "AUDIO";
            } else if (key == "tokenCount") {
                tokens = countOf(item);
            }
        });
        if (isAudio) {
            audio = std::max(audio, tokens);
        }
    }
}

void readMember(Report &report, std::string_view key, ondemand::value value)
{
    if (qint64 *count = find(report, kCounts, key)) {
        *count = std::max(*count, countOf(value));
    } else if (key == "prompt_tokens_details" || key == "input_tokens_details" ||
               key == "input_token_details") {
        readDetails(report, value, kInputDetails);
    } else if (key == "completion_tokens_details" || key == "output_tokens_details" ||
               key == "output_token_details") {
        readDetails(report, value, kOutputDetails);
    } else if (key == "cache_creation") {
        readDetails(report, value, kInputDetails);
    } else if (key == "billed_units") {
        readDetails(report, value, kBilledUnits);
    } else if (key == "promptTokensDetails") {
        readModalities(report.audioInput, value);
    } else if (key == "candidatesTokensDetails" || key == "responseTokensDetails") {
        readModalities(report.audioOutput, value);
    } else if (key == "cacheTokensDetails") {
        readModalities(report.cachedAudio, value);
    }
}

qint64 known(qint64 count)
{
    return std::max<qint64>(0, count);
}

// The whole with what the style's counts leave out.
void complete(Report &report, UsageStyle style)
{
    if (report.cacheWrite5m >= 0 || report.cacheWrite1h >= 0) {
        report.cacheWrite =
            std::max(report.cacheWrite, known(report.cacheWrite5m) + known(report.cacheWrite1h));
    }
    const qint64 fromCache = known(report.cached) + known(report.cacheWrite);
    switch (style) {
    case UsageStyle::Anthropic:
        if (report.input >= 0) {
            report.input += fromCache;
        }
        return;
    case UsageStyle::Gemini:
        if (report.input >= 0) {
            report.input += known(report.toolInput);
            report.output = known(report.output);
        }
        if (report.output >= 0 || report.reasoning >= 0) {
            report.output = known(report.output) + known(report.reasoning);
        }
        return;
    case UsageStyle::OpenAi:
        break;
    }
    if (report.input < 0 && report.cached >= 0 && report.cacheMiss >= 0) {
        report.input = report.cached + report.cacheMiss;
    }
    if (report.input < 0 && report.total >= 0) {
        report.input = known(report.total - known(report.output)); // rerankers
        report.output = known(report.output);
    }
    if (report.input >= 0 && report.output < 0) {
        report.output = known(report.total - report.input); // embeddings: none
        return;
    }
    // A total beyond the sum tells what the parts leave out: xAI and Gemini's OpenAI endpoint the
    // thoughts, some Anthropic adapters the cache.
    const qint64 missing = report.total - report.input - report.output;
    if (report.input < 0 || missing <= 0) {
        return;
    }
    if (missing == report.reasoning || report.reasoning < 0) {
        if (missing != report.reasoning && missing == fromCache) {
            report.input += missing;
            return;
        }
        report.reasoning = missing;
        report.output += missing;
    } else if (missing == fromCache) {
        report.input += missing;
    }
}

qint64 atMost(qint64 part, qint64 whole)
{
    return whole >= 0 ? std::min(part, whole) : part;
}

TokenUsage usageOf(Report report, UsageStyle style)
{
    complete(report, style);
    TokenUsage usage;
    usage.input = report.input;
    usage.output = report.output;
    usage.cachedInput = atMost(report.cached, usage.input);
    usage.reasoning = atMost(report.reasoning, usage.output);
    usage.cacheWrite = atMost(report.cacheWrite, usage.input);
    usage.cacheWrite1h = atMost(report.cacheWrite1h, usage.cacheWrite);
    if (report.audioInput >= 0) {
        usage.audioInput =
            atMost(known(report.audioInput - known(report.cachedAudio)), usage.input);
    }
    usage.audioOutput = atMost(report.audioOutput, usage.output);
    return usage;
}

} // namespace

TokenUsage readUsage(ondemand::object block, UsageStyle style)
{
    Report report;
    forEachMember(block, [&report](std::string_view key, ondemand::value value) {
        readMember(report, key, value);
    });
    return usageOf(report, style);
}

TokenUsage readUsage(std::string_view block, UsageStyle style)
{
    ondemand::document document;
    ondemand::object object;
    if (JsonReader::read(block, document) != SUCCESS ||
        document.get_object().get(object) != SUCCESS) {
        return {};
    }
    return readUsage(object, style);
}

void mergeUsage(TokenUsage &total, const TokenUsage &later)
{
    const auto replace = [](qint64 &count, qint64 newer) { count = newer >= 0 ? newer : count; };
    // Anthropic's last event may repeat the input without the cache, which is in it here.
    const bool cacheLeftOut = later.cachedInput < 0 && later.cacheWrite < 0 &&
                              (total.cachedInput > 0 || total.cacheWrite > 0);
    if (!cacheLeftOut) {
        replace(total.input, later.input);
    }
    replace(total.output, later.output);
    replace(total.cachedInput, later.cachedInput);
    replace(total.reasoning, later.reasoning);
    replace(total.cacheWrite, later.cacheWrite);
    replace(total.cacheWrite1h, later.cacheWrite1h);
    replace(total.audioInput, later.audioInput);
    replace(total.audioOutput, later.audioOutput);
    total.estimated = later.estimated;
}

} // namespace tidegate
