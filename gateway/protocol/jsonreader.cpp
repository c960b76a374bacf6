// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/jsonreader.h"

#include <memory>
#include <string>

namespace tidegate {

namespace {

// Beyond this a parser's index is not kept: it may take several times the size of the text.
constexpr size_t kKeptBytes = 1024 * 1024;

struct ThreadReader
{
    std::unique_ptr<simdjson::ondemand::parser> parser =
        std::make_unique<simdjson::ondemand::parser>();
    std::string padded;
    bool oversized = false;
};

ThreadReader &threadReader()
{
    static thread_local ThreadReader reader;
    return reader;
}

} // namespace

simdjson::error_code JsonReader::read(std::string_view json, qsizetype capacity,
                                      simdjson::ondemand::document &document)
{
    ThreadReader &reader = threadReader();
    if (reader.oversized) {
        reader = ThreadReader();
    }
    reader.oversized = json.size() > kKeptBytes;
    if (size_t(capacity) < json.size() + simdjson::SIMDJSON_PADDING) {
        reader.padded.assign(json);
        reader.padded.reserve(json.size() + simdjson::SIMDJSON_PADDING);
        json = reader.padded;
        capacity = qsizetype(reader.padded.capacity());
    }
    return reader.parser
        ->iterate(simdjson::padded_string_view(json.data(), json.size(), size_t(capacity)))
        .get(document);
}

} // namespace tidegate
