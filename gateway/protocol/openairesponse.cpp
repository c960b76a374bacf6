// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/openairesponse.h"

#include "gateway/protocol/jsonreader.h"

namespace tidegate {

using namespace simdjson;

namespace {

bool contains(std::string_view text, std::string_view needle)
{
    return text.find(needle) != std::string_view::npos;
}

// True when a "finish_reason" with a value other than null stands in the text.
bool hasFinishReason(std::string_view data)
{
    constexpr std::string_view kKey = R"("finish_reason")";
    for (size_t at = data.find(kKey); at != std::string_view::npos; at = data.find(kKey, at)) {
        at += kKey.size();
        const size_t value = data.find_first_not_of(" \t:", at);
        if (value != std::string_view::npos && data[value] != 'n') {
            return true;
        }
    }
    return false;
}

// OpenAI:
// https://platform.openai.com/docs/api-reference/completions/object#completions/object-usage
TokenUsage usageOf(ondemand::object object)
{
    TokenUsage usage;
    for (auto fieldResult : object) {
        ondemand::field field;
        std::string_view key;
        if (std::move(fieldResult).get(field) != SUCCESS ||
            JsonReader::keyOf(field).get(key) != SUCCESS) {
            break;
        }
        int64_t number = 0;
        if (key == "prompt_tokens" || key == "input_tokens") {
            if (field.value().get_int64().get(number) == SUCCESS) {
                usage.input = number;
            }
        } else if (key == "completion_tokens" || key == "output_tokens") {
            if (field.value().get_int64().get(number) == SUCCESS) {
                usage.output = number;
            }
        } else if (key == "prompt_tokens_details" || key == "completion_tokens_details") {
            const bool prompt = key.front() == 'p';
            ondemand::object details;
            if (field.value().get_object().get(details) == SUCCESS &&
                details[prompt ? "cached_tokens" : "reasoning_tokens"].get_int64().get(number) ==
                    SUCCESS) {
                (prompt ? usage.cachedInput : usage.reasoning) = number;
            }
        }
    }
    // Embeddings report no completion tokens: there are none.
    if (usage.input >= 0 && usage.output < 0) {
        usage.output = 0;
    }
    return usage;
}

} // namespace

OpenAiChunk readChunk(std::string_view data)
{
    OpenAiChunk chunk;
    if (data == "[DONE]") {
        chunk.done = true;
        return chunk;
    }
    chunk.finish = hasFinishReason(data);
    chunk.content = true;
    if (!contains(data, R"("usage")") && !contains(data, R"("error")")) {
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
        } else if (key == "usage") {
            ondemand::object usage;
            if (field.value().get_object().get(usage) == SUCCESS) {
                chunk.usage = usageOf(usage);
            }
        } else if (key == "error") {
            chunk.error = !field.value().is_null();
        }
    }
    chunk.usageOnly = hasChoices && choicesEmpty && chunk.usage.isKnown();
    chunk.content = hasChoices && !choicesEmpty;
    return chunk;
}

} // namespace tidegate
