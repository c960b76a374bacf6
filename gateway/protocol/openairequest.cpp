// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/openairequest.h"

#include "gateway/protocol/apierror.h"
#include "gateway/protocol/jsonreader.h"

#include <array>

namespace tidegate {

using namespace simdjson;

namespace {

// raw_json_token() runs on to the next token, so white space may follow.
std::string_view trimmed(std::string_view token)
{
    while (!token.empty() && (token.back() == ' ' || token.back() == '\t' || token.back() == '\n' ||
                              token.back() == '\r')) {
        token.remove_suffix(1);
    }
    return token;
}

// The text may have been copied to padded memory: offsets are what holds for both.
qsizetype offsetIn(const char *start, std::string_view token)
{
    return token.data() - start;
}

Error jsonError(error_code code)
{
    return Error{QStringLiteral("The request body is not valid JSON: %1.")
                     .arg(QLatin1StringView(error_message(code)))};
}

} // namespace

Result<OpenAiRequest> OpenAiRequest::parse(const QByteArray &body)
{
    ondemand::document document;
    if (const auto error = JsonReader::read(body, document)) {
        return jsonError(error);
    }
    ondemand::object object;
    if (const auto error = document.get_object().get(object)) {
        return error == INCORRECT_TYPE
                   ? Error{QStringLiteral("The request body must be a JSON object.")}
                   : jsonError(error);
    }
    OpenAiRequest request;
    const char *start = nullptr;
    std::string_view whole;
    if (const auto error = object.raw_json().get(whole)) {
        return jsonError(error);
    }
    // The object may be preceded by white space only; what follows it must be white space too.
    const qsizetype leading = body.indexOf('{');
    start = whole.data() - leading;
    request.m_objectStart = leading + 1;
    if (!trimmed({body.constData() + leading + whole.size(),
                  size_t(body.size() - leading) - whole.size()})
             .empty()) {
        return Error{QStringLiteral("The request body has more text after its JSON object.")};
    }
    if (const auto error = object.reset().error()) {
        return jsonError(error);
    }
    for (auto fieldResult : object) {
        ondemand::field field;
        if (const auto error = std::move(fieldResult).get(field)) {
            return jsonError(error);
        }
        std::string_view key;
        if (const auto error = JsonReader::keyOf(field).get(key)) {
            return jsonError(error);
        }
        ondemand::value value = field.value();
        if (key == "model") {
            const std::string_view token = trimmed(value.raw_json_token());
            std::string_view text;
            if (const auto error = value.get_string().get(text)) {
                return error == INCORRECT_TYPE ? Error{QStringLiteral("'model' must be a string.")}
                                               : jsonError(error);
            }
            request.m_model = QByteArray(text.data(), qsizetype(text.size()));
            request.m_modelStart = offsetIn(start, token);
            request.m_modelLength = qsizetype(token.size());
        } else if (key == "stream") {
            bool stream = false;
            if (!value.is_null()) {
                if (const auto error = value.get_bool().get(stream)) {
                    return error == INCORRECT_TYPE
                               ? Error{QStringLiteral("'stream' must be true or false.")}
                               : jsonError(error);
                }
            }
            request.m_stream = stream;
        } else if (key == "tools") {
            ondemand::array tools;
            if (value.get_array().get(tools) == SUCCESS) {
                bool empty = true;
                request.m_hasTools = tools.is_empty().get(empty) == SUCCESS && !empty;
            }
        } else if (key == "encoding_format") {
            std::string_view format;
            request.m_wantsBase64 = value.get_string().get(format) == SUCCESS && format == "base64";
        } else if (key == "stream_options") {
            const std::string_view token = trimmed(value.raw_json_token());
            request.m_streamOptionsStart = offsetIn(start, token);
            request.m_streamOptionsLength = qsizetype(token.size());
            request.m_includeUsageStart = -1;
            request.m_includeUsage = IncludeUsage::Absent;
            ondemand::object options;
            request.m_streamOptionsIsObject = value.get_object().get(options) == SUCCESS;
            request.m_streamOptionsEmpty = true;
            if (!request.m_streamOptionsIsObject) {
                continue;
            }
            for (auto optionResult : options) {
                ondemand::field option;
                if (const auto error = std::move(optionResult).get(option)) {
                    return jsonError(error);
                }
                request.m_streamOptionsEmpty = false;
                std::string_view optionKey;
                if (JsonReader::keyOf(option).get(optionKey) == SUCCESS &&
                    optionKey == "include_usage") {
                    ondemand::value flag = option.value();
                    const std::string_view flagToken = trimmed(flag.raw_json_token());
                    request.m_includeUsageStart = offsetIn(start, flagToken);
                    request.m_includeUsageLength = qsizetype(flagToken.size());
                    bool asked = false;
                    request.m_includeUsage = flag.get_bool().get(asked) == SUCCESS && asked
                                                 ? IncludeUsage::True
                                                 : IncludeUsage::False;
                }
            }
        }
    }
    return request;
}

QByteArray OpenAiRequest::spliced(const QByteArray &body, std::string_view model,
                                  bool askForUsage) const
{
    struct Edit
    {
        qsizetype at = 0;
        qsizetype removed = 0;
        QByteArray inserted;
    };
    std::array<Edit, 2> edits;
    size_t count = 0;
    if (!model.empty() && hasModel() &&
        model != std::string_view(m_model.constData(), size_t(m_model.size()))) {
        edits[count++] = {m_modelStart, m_modelLength, jsonString(model)};
    }
    if (askForUsage && m_includeUsage != IncludeUsage::True) {
        if (m_includeUsageStart >= 0) {
            edits[count++] = {m_includeUsageStart, m_includeUsageLength, "true"};
        } else if (m_streamOptionsStart >= 0 && m_streamOptionsIsObject) {
            edits[count++] = {m_streamOptionsStart + 1, 0,
                              m_streamOptionsEmpty ? QByteArray(R"("include_usage":true)")
                                                   : QByteArray(R"("include_usage":true,)")};
        } else if (m_streamOptionsStart >= 0) {
            edits[count++] = {m_streamOptionsStart, m_streamOptionsLength,
                              R"({"include_usage":true})"};
        } else {
            // A body that gets here has at least "stream", so a comma is right.
            edits[count++] = {m_objectStart, 0, R"("stream_options":{"include_usage":true},)"};
        }
    }
    if (count == 0) {
        return body;
    }
    if (count == 2 && edits[1].at < edits[0].at) {
        std::swap(edits[0], edits[1]);
    }
    QByteArray out;
    out.reserve(body.size() + edits[0].inserted.size() + edits[1].inserted.size());
    qsizetype from = 0;
    for (size_t i = 0; i < count; ++i) {
        out.append(body.constData() + from, edits[i].at - from).append(edits[i].inserted);
        from = edits[i].at + edits[i].removed;
    }
    out.append(body.constData() + from, body.size() - from);
    return out;
}

namespace {

// Content is a string or an array of parts, of which the text ones count.
QByteArray textOf(ondemand::value content)
{
    std::string_view text;
    if (content.get_string().get(text) == SUCCESS) {
        return {text.data(), qsizetype(text.size())};
    }
    QByteArray joined;
    ondemand::array parts;
    if (content.get_array().get(parts) != SUCCESS) {
        return joined;
    }
    for (auto part : parts) {
        ondemand::object object;
        if (part.get_object().get(object) == SUCCESS &&
            object["text"].get_string().get(text) == SUCCESS) {
            joined.append(text.data(), qsizetype(text.size()));
        }
    }
    return joined;
}

} // namespace

QByteArray OpenAiRequest::lastUserText(const QByteArray &body)
{
    ondemand::document document;
    if (JsonReader::read(body, document) != SUCCESS) {
        return {};
    }
    QByteArray last;
    ondemand::array messages;
    if (document["messages"].get_array().get(messages) != SUCCESS) {
        for (const std::string_view key : {std::string_view("prompt"), std::string_view("input")}) {
            ondemand::value value;
            document.rewind();
            if (document[key].get(value) == SUCCESS) {
                return textOf(value);
            }
        }
        return last;
    }
    for (auto message : messages) {
        ondemand::object object;
        if (message.get_object().get(object) != SUCCESS) {
            continue;
        }
        bool fromUser = false;
        QByteArray text;
        for (auto fieldResult : object) {
            ondemand::field field;
            std::string_view key;
            if (std::move(fieldResult).get(field) != SUCCESS ||
                JsonReader::keyOf(field).get(key) != SUCCESS) {
                return last;
            }
            if (key == "role") {
                std::string_view role;
                fromUser = field.value().get_string().get(role) == SUCCESS && role == "user";
            } else if (key == "content") {
                text = textOf(field.value());
            }
        }
        if (fromUser) {
            last = text;
        }
    }
    return last;
}

} // namespace tidegate
