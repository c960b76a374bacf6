// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <simdjson.h>

#include <string_view>

namespace tidegate {

/// simdjson's parser and padded scratch memory, one of each per thread.
///
/// Owned by the thread. A document from read() is valid until the next read() in the same thread.
class JsonReader
{
public:
    /// Starts to read @p json. Bytes with 64 bytes of spare capacity behind them are read in place.
    static simdjson::error_code read(std::string_view json, qsizetype capacity,
                                     simdjson::ondemand::document &document);
    static simdjson::error_code read(std::string_view json, simdjson::ondemand::document &document)
    {
        return read(json, qsizetype(json.size()), document);
    }
    static simdjson::error_code read(const QByteArray &json, simdjson::ondemand::document &document)
    {
        return read({json.constData(), size_t(json.size())}, json.capacity(), document);
    }
    /// The name of @p field with its escapes resolved. Some versions of simdjson, as
    /// Ubuntu 24.04's, want an argument that others default or lack; hence a template.
    template <typename Field>
    static simdjson::simdjson_result<std::string_view> keyOf(Field &field)
    {
        if constexpr (requires { field.unescaped_key(); }) {
            return field.unescaped_key();
        } else {
            return field.unescaped_key(false);
        }
    }
};

} // namespace tidegate
