// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/openairesponse.h"

#include "gateway/protocol/jsonreader.h"
#include "gateway/protocol/usageblock.h"

namespace tidegate {

using namespace simdjson;

namespace {

// A name to look for, and where in it stands a letter that is rare in chunks: looking for that one
// is several times faster than for the quotes, of which JSON is full.
struct Needle
{
    std::string_view text;
    size_t rare;
};
constexpr Needle kUsage{R"("usage)", 4}; // without the closing quote, for Gemini's "usageMetadata"
constexpr Needle kError{R"("error")", 2};
constexpr Needle kFinishReason{R"("finish_reason")", 7};

size_t find(std::string_view data, const Needle &needle, size_t from = 0)
{
    const char letter = needle.text[needle.rare];
    for (size_t at = data.find(letter, from + needle.rare); at != std::string_view::npos;
         at = data.find(letter, at + 1)) {
        const size_t start = at - needle.rare;
        if (data.compare(start, needle.text.size(), needle.text) == 0) {
            return start;
        }
    }
    return std::string_view::npos;
}

bool contains(std::string_view data, const Needle &needle)
{
    return find(data, needle) != std::string_view::npos;
}

// True when a "finish_reason" with a value other than null stands in the text.
bool hasFinishReason(std::string_view data)
{
    for (size_t at = find(data, kFinishReason); at != std::string_view::npos;
         at = find(data, kFinishReason, at)) {
        at += kFinishReason.text.size();
        const size_t value = data.find_first_not_of(" \t:", at);
        if (value != std::string_view::npos && data[value] != 'n') {
            return true;
        }
    }
    return false;
}

// The usage of an object that is not the whole answer: a Responses event's response, the message
// that starts an Anthropic stream, Groq's own member of a chunk.
TokenUsage nestedUsage(ondemand::value value, UsageStyle style)
{
    ondemand::object object;
    ondemand::object usage;
    if (value.get_object().get(object) != SUCCESS ||
        object["usage"].get_object().get(usage) != SUCCESS) {
        return {};
    }
    return readUsage(usage, style);
}

bool isNothing(ondemand::value value)
{
    ondemand::json_type type{};
    if (value.type().get(type) != SUCCESS) {
        return false;
    }
    std::string_view text;
    ondemand::array array;
    switch (type) {
    case ondemand::json_type::null:
        return true;
    case ondemand::json_type::string:
        return value.get_string().get(text) == SUCCESS && text.empty();
    case ondemand::json_type::array:
        return value.get_array().get(array) == SUCCESS && array.is_empty().value_unsafe();
    default:
        return false;
    }
}

// A choice's delta with nothing but a role.
bool isOpeningDelta(ondemand::value value)
{
    ondemand::object delta;
    if (value.get_object().get(delta) != SUCCESS) {
        return false;
    }
    for (auto fieldResult : delta) {
        ondemand::field field;
        std::string_view key;
        if (std::move(fieldResult).get(field) != SUCCESS ||
            JsonReader::keyOf(field).get(key) != SUCCESS ||
            (key != "role" && !isNothing(field.value()))) {
            return false;
        }
    }
    return true;
}

bool isOpeningChoice(ondemand::value value)
{
    ondemand::object choice;
    if (value.get_object().get(choice) != SUCCESS) {
        return false;
    }
    for (auto fieldResult : choice) {
        ondemand::field field;
        std::string_view key;
        if (std::move(fieldResult).get(field) != SUCCESS ||
            JsonReader::keyOf(field).get(key) != SUCCESS) {
            return false;
        }
        const bool opening = key == "delta" ? isOpeningDelta(field.value())
                                            : key == "index" || isNothing(field.value());
        if (!opening) {
            return false;
        }
    }
    return true;
}

} // namespace

OpenAiChunk readChunk(std::string_view data, UsageStyle style)
{
    OpenAiChunk chunk;
    if (data == "[DONE]") {
        chunk.done = true;
        return chunk;
    }
    chunk.finish = hasFinishReason(data);
    chunk.content = true;
    if (!contains(data, kUsage) && !contains(data, kError)) {
        return chunk;
    }
    ondemand::document document;
    ondemand::object object;
    if (JsonReader::read(data, document) != SUCCESS ||
        document.get_object().get(object) != SUCCESS) {
        return chunk;
    }
    bool hasChoices = false;
    bool choicesEmpty = false;
    for (auto fieldResult : object) {
        ondemand::field field;
        std::string_view key;
        if (std::move(fieldResult).get(field) != SUCCESS ||
            JsonReader::keyOf(field).get(key) != SUCCESS) {
            break;
        }
        if (key == "choices") {
            ondemand::array choices;
            if (field.value().get_array().get(choices) == SUCCESS) {
                hasChoices = true;
                choicesEmpty = choices.is_empty().value_unsafe();
            }
        } else if (key == "usage" || key == "usageMetadata") {
            ondemand::object usage;
            if (field.value().get_object().get(usage) == SUCCESS) {
                mergeUsage(chunk.usage, readUsage(usage, style));
            }
        } else if (key == "response" || key == "message" || key == "x_groq") {
            mergeUsage(chunk.usage, nestedUsage(field.value(), style));
        } else if (key == "error") {
            chunk.error = !field.value().is_null();
        }
    }
    chunk.usageOnly = hasChoices && choicesEmpty && chunk.usage.isKnown();
    chunk.content = hasChoices && !choicesEmpty;
    return chunk;
}

bool isOpening(std::string_view data)
{
    ondemand::document document;
    ondemand::object object;
    ondemand::array choices;
    if (JsonReader::read(data, document) != SUCCESS ||
        document.get_object().get(object) != SUCCESS ||
        object["choices"].get_array().get(choices) != SUCCESS) {
        return false;
    }
    for (auto element : choices) {
        ondemand::value choice;
        if (element.get(choice) != SUCCESS || !isOpeningChoice(choice)) {
            return false;
        }
    }
    return true;
}

} // namespace tidegate
