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
};

} // namespace tidegate
