// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/errorbody.h"

#include "gateway/protocol/jsonreader.h"

#include <algorithm>
#include <charconv>

namespace tidegate {

using namespace simdjson;

namespace {

// Deep enough for error.details[].retryDelay inside of an array.
constexpr int kMaxDepth = 6;

std::string lowered(std::string_view text)
{
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    return result;
}

int statusIn(std::string_view text)
{
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole && number >= 400 && number <= 599 ? number : 0;
}

class Reader
{
public:
    explicit Reader(ErrorBody &error)
        : m_error(error)
    {
    }

    // `inner`: the value stands inside of an "error" member, so its words are the ones that count.
    bool read(ondemand::value value, int depth, bool inner)
    {
        if (depth > kMaxDepth) {
            return true;
        }
        ondemand::json_type type{};
        if (value.type().get(type) != SUCCESS) {
            return false;
        }
        if (type == ondemand::json_type::object) {
            ondemand::object object;
            return value.get_object().get(object) == SUCCESS && readObject(object, depth, inner);
        }
        if (type == ondemand::json_type::array) {
            ondemand::array array;
            return value.get_array().get(array) == SUCCESS && readArray(array, depth, inner);
        }
        return true;
    }

    bool readArray(ondemand::array array, int depth, bool inner)
    {
        for (auto element : array) {
            ondemand::value value;
            if (element.get(value) != SUCCESS || !read(value, depth + 1, inner)) {
                return false;
            }
        }
        return true;
    }

    bool readObject(ondemand::object object, int depth, bool inner)
    {
        for (auto fieldResult : object) {
            ondemand::field field;
            std::string_view key;
            if (std::move(fieldResult).get(field) != SUCCESS ||
                JsonReader::keyOf(field).get(key) != SUCCESS ||
                !readField(key, field.value(), depth, inner)) {
                return false;
            }
        }
        return true;
    }

private:
    static void take(std::string &member, std::string_view text, bool inner)
    {
        if (inner || member.empty()) {
            member = lowered(text);
        }
    }

    bool readField(std::string_view key, ondemand::value value, int depth, bool inner)
    {
        ondemand::json_type type{};
        if (value.type().get(type) != SUCCESS) {
            return false;
        }
        if (type == ondemand::json_type::number && (key == "code" || key == "status")) {
            int64_t number = 0;
            if (value.get_int64().get(number) == SUCCESS && number >= 400 && number <= 599) {
                m_error.number = int(number);
            }
            return true;
        }
        if (type != ondemand::json_type::string) {
            // "message" may be an object (some FastAPI servers), "response" holds the error of the
            // Responses API, "metadata" what an upstream of OpenRouter said.
            const bool holdsError = key == "error" || key == "message" || key == "detail" ||
                                    key == "details" || key == "response" || key == "metadata" ||
                                    key.empty();
            return !holdsError || read(value, depth + 1, inner || key == "error");
        }
        std::string_view text;
        if (value.get_string().get(text) != SUCCESS) {
            return false;
        }
        readText(key, text, inner);
        return true;
    }

    void readText(std::string_view key, std::string_view text, bool inner)
    {
        if (key == "type" || key == "error_type") {
            take(m_error.type, text, inner);
        } else if (key == "code") {
            take(m_error.code, text, inner);
            m_error.number = std::max(m_error.number, statusIn(text));
        } else if (key == "status") {
            take(m_error.status, text, inner);
        } else if (key == "reason") {
            take(m_error.reason, text, inner);
        } else if (key == "retryDelay") {
            take(m_error.retryDelay, text, inner);
        } else if (key == "message" || key == "error" || key == "detail" || key == "raw") {
            m_error.message += m_error.message.empty() ? "" : "\n";
            m_error.message += lowered(text);
        }
    }

    ErrorBody &m_error;
};

} // namespace

ErrorBody readErrorBody(std::string_view body)
{
    body = body.substr(0, ErrorBody::kMaxBytes);
    ErrorBody error;
    ondemand::document document;
    const size_t start = body.find_first_not_of(" \t\r\n");
    if (start != std::string_view::npos && JsonReader::read(body, document) == SUCCESS) {
        Reader reader(error);
        ondemand::object object;
        ondemand::array array;
        if (body[start] == '{' && document.get_object().get(object) == SUCCESS) {
            error.isJson = reader.readObject(object, 0, false);
        } else if (body[start] == '[' && document.get_array().get(array) == SUCCESS) {
            error.isJson = reader.readArray(array, 0, false);
        }
    }
    if (!error.isJson) {
        error = ErrorBody();
        error.message = lowered(body);
    }
    return error;
}

} // namespace tidegate
