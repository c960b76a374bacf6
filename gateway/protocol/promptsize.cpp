// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/promptsize.h"

#include "gateway/protocol/jsonreader.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace tidegate {

using namespace simdjson;

namespace {

constexpr qint64 kAsciiBytesPerToken = 4;
constexpr qint64 kOtherBytesPerToken = 3;
// Nothing of use is nested deeper; below it counts as text.
constexpr int kMaxDepth = 16;
// A larger bound than any model has; asking for more is asking for as much as there is.
constexpr qint64 kMostTokens = 1'000'000'000;

template <size_t N>
bool isOneOf(std::string_view key, const std::array<std::string_view, N> &names)
{
    return std::find(names.begin(), names.end(), key) != names.end();
}

// What wraps an image, a sound or a file in the messages of OpenAI, Anthropic and Gemini.
constexpr std::array<std::string_view, 11> kAttachments{
    "image_url", "input_audio", "image",      "file",     "file_data", "file_url",
    "file_id",   "inline_data", "inlineData", "fileData", "audio"};
// Part of every message's own cost, or never shown to the model.
constexpr std::array<std::string_view, 7> kLabels{"role",   "type",     "id",    "cache_control",
                                                  "detail", "filename", "status"};

// Bytes outside of ASCII, eight at a time: prompts are long, and this sees all of them.
qint64 countNonAscii(std::string_view text)
{
    constexpr quint64 kLowBits = 0x0101010101010101;
    qint64 count = 0;
    size_t at = 0;
    for (; at + sizeof(quint64) <= text.size(); at += sizeof(quint64)) {
        quint64 word = 0;
        std::memcpy(&word, text.data() + at, sizeof(word));
        count += qint64((((word >> 7) & kLowBits) * kLowBits) >> 56);
    }
    for (; at < text.size(); ++at) {
        count += static_cast<unsigned char>(text[at]) >> 7;
    }
    return count;
}

// In blocks of a fixed length, which the compiler turns into vector instructions.
qint64 countByte(std::string_view text, char byte)
{
    constexpr size_t kBlock = 128;
    qint64 count = 0;
    while (text.size() >= kBlock) {
        unsigned char inBlock = 0;
        for (size_t i = 0; i < kBlock; ++i) {
            inBlock += static_cast<unsigned char>(text[i] == byte);
        }
        count += inBlock;
        text.remove_prefix(kBlock);
    }
    return count + std::count(text.begin(), text.end(), byte);
}

bool isDataUrl(std::string_view token)
{
    return token.substr(0, 6) == "\"data:";
}

// A bound or a number of choices; -1 when it is none.
qint64 boundOf(ondemand::value value)
{
    int64_t number = 0;
    if (value.get_int64().get(number) != SUCCESS || number < 0) {
        return -1;
    }
    return std::min<qint64>(number, kMostTokens);
}

} // namespace

void PromptSize::add(std::string_view key, ondemand::value value)
{
    if (key == "messages" || key == "contents") {
        addMessages(value);
    } else if (key == "prompt" || key == "input") {
        addPrompt(value, key == "prompt");
    } else if (key == "system" || key == "instructions" || key == "systemInstruction" ||
               key == "system_instruction" || key == "suffix" || key == "query" ||
               key == "documents") {
        addContent(value, 0);
    } else if (key == "tools" || key == "functions" || key == "response_format") {
        addRaw(value);
    } else if (key == "max_tokens" || key == "max_completion_tokens" ||
               key == "max_output_tokens") {
        m_maxOutput = std::max(m_maxOutput, boundOf(value));
    } else if (key == "n" || key == "best_of") {
        m_choices = std::max(m_choices, boundOf(value));
    }
}

RequestSize PromptSize::result() const
{
    RequestSize size;
    size.inputTokens = m_tokens + (m_asciiBytes + kAsciiBytesPerToken - 1) / kAsciiBytesPerToken +
                       (m_otherBytes + kOtherBytesPerToken - 1) / kOtherBytesPerToken;
    size.maxOutputTokens = m_maxOutput;
    size.choices = m_choices * m_prompts;
    return size;
}

RequestSize PromptSize::of(const QByteArray &body)
{
    PromptSize prompt;
    ondemand::document document;
    ondemand::object object;
    prompt.m_broken =
        JsonReader::read(body, document) != SUCCESS || document.get_object().get(object) != SUCCESS;
    if (!prompt.m_broken) {
        for (auto fieldResult : object) {
            ondemand::field field;
            std::string_view key;
            if (std::move(fieldResult).get(field) != SUCCESS ||
                JsonReader::keyOf(field).get(key) != SUCCESS) {
                prompt.m_broken = true;
                break;
            }
            prompt.add(key, field.value());
        }
    }
    RequestSize size = prompt.result();
    if (prompt.m_broken) {
        size.inputTokens = std::max(size.inputTokens, qint64(body.size()) / kAsciiBytesPerToken);
    }
    return size;
}

void PromptSize::addMessages(ondemand::value value)
{
    ondemand::array messages;
    if (value.get_array().get(messages) != SUCCESS) {
        addContent(value, 0);
        return;
    }
    for (auto element : messages) {
        ondemand::value message;
        if (std::move(element).get(message) != SUCCESS) {
            m_broken = true;
            return;
        }
        m_tokens += kMessageTokens;
        addContent(message, 1);
    }
}

// Text, texts, token numbers, lists of those, or (Responses) messages.
void PromptSize::addPrompt(ondemand::value value, bool isCompletion)
{
    ondemand::array elements;
    if (value.get_array().get(elements) != SUCCESS) {
        addContent(value, 0);
        return;
    }
    std::string_view raw;
    if (elements.raw_json().get(raw) != SUCCESS) {
        m_broken = true;
        return;
    }
    qint64 prompts = 0;
    if (raw.find('"') == std::string_view::npos && raw.find('{') == std::string_view::npos) {
        // Only numbers, in one list or in lists: a comma stands between any two.
        if (raw.find_first_of("0123456789") != std::string_view::npos) {
            m_tokens += 1 + countByte(raw, ',');
        }
        prompts = raw.find('[', 1) == std::string_view::npos ? 1 : countByte(raw, '[') - 1;
    } else if (elements.reset().error() != SUCCESS) {
        m_broken = true;
    } else {
        for (auto element : elements) {
            ondemand::value item;
            ondemand::json_type type{};
            if (std::move(element).get(item) != SUCCESS || item.type().get(type) != SUCCESS) {
                m_broken = true;
                break;
            }
            ++prompts;
            if (type == ondemand::json_type::object) {
                m_tokens += kMessageTokens;
            }
            addContent(item, 1);
        }
    }
    if (isCompletion) {
        m_prompts = std::clamp<qint64>(prompts, 1, kMostTokens);
    }
}

void PromptSize::addText(std::string_view text)
{
    const qint64 others = countNonAscii(text);
    m_otherBytes += others;
    m_asciiBytes += qint64(text.size()) - others;
}

void PromptSize::addContent(ondemand::value value, int depth)
{
    ondemand::json_type type{};
    if (value.type().get(type) != SUCCESS) {
        m_broken = true;
        return;
    }
    if (depth > kMaxDepth) {
        addRaw(value);
        return;
    }
    switch (type) {
    case ondemand::json_type::string: {
        const std::string_view token = value.raw_json_token();
        if (isDataUrl(token)) {
            m_tokens += kAttachmentTokens;
        } else {
            addText(token.substr(1, std::max<size_t>(token.size(), 2) - 2));
        }
        break;
    }
    case ondemand::json_type::array: {
        ondemand::array items;
        if (value.get_array().get(items) != SUCCESS) {
            m_broken = true;
            return;
        }
        for (auto element : items) {
            ondemand::value item;
            if (std::move(element).get(item) != SUCCESS) {
                m_broken = true;
                return;
            }
            addContent(item, depth + 1);
        }
        break;
    }
    case ondemand::json_type::object: {
        ondemand::object members;
        if (value.get_object().get(members) != SUCCESS) {
            m_broken = true;
            return;
        }
        for (auto fieldResult : members) {
            ondemand::field field;
            std::string_view key;
            if (std::move(fieldResult).get(field) != SUCCESS ||
                JsonReader::keyOf(field).get(key) != SUCCESS) {
                m_broken = true;
                return;
            }
            addMember(key, field.value(), depth + 1);
        }
        break;
    }
    default:
        m_tokens += 1; // a number, true, false or null
        break;
    }
}

void PromptSize::addMember(std::string_view key, ondemand::value value, int depth)
{
    if (isOneOf(key, kLabels)) {
        return;
    }
    if (isOneOf(key, kAttachments)) {
        m_tokens += kAttachmentTokens;
    } else if (key == "source") {
        addSource(value);
    } else {
        addContent(value, depth);
    }
}

// Anthropic's images and documents: base64, an address, or plain text.
void PromptSize::addSource(ondemand::value value)
{
    ondemand::object source;
    if (value.get_object().get(source) != SUCCESS) {
        addContent(value, kMaxDepth);
        return;
    }
    bool isText = false;
    std::string_view data;
    for (auto fieldResult : source) {
        ondemand::field field;
        std::string_view key;
        if (std::move(fieldResult).get(field) != SUCCESS ||
            JsonReader::keyOf(field).get(key) != SUCCESS) {
            m_broken = true;
            return;
        }
        if (key == "type") {
            isText = field.value().raw_json_token().substr(0, 6) == R"("text")";
        } else if (key == "data") {
            data = field.value().raw_json_token();
        }
    }
    if (isText) {
        addText(data);
    } else {
        m_tokens += kAttachmentTokens;
    }
}

// JSON that the model is shown as it is: tools and schemas.
void PromptSize::addRaw(ondemand::value value)
{
    ondemand::json_type type{};
    std::string_view raw;
    ondemand::array items;
    ondemand::object members;
    if (value.type().get(type) == SUCCESS && type == ondemand::json_type::array &&
        value.get_array().get(items) == SUCCESS && items.raw_json().get(raw) == SUCCESS) {
        addText(raw);
    } else if (type == ondemand::json_type::object && value.get_object().get(members) == SUCCESS &&
               members.raw_json().get(raw) == SUCCESS) {
        addText(raw);
    } else {
        m_broken =
            m_broken || type == ondemand::json_type::array || type == ondemand::json_type::object;
        addText(value.raw_json_token());
    }
}

} // namespace tidegate
