// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <span>
#include <string_view>

namespace tidegate {

/// One line of the table of model families.
struct ToolFamily
{
    std::string_view pattern; ///< of the lower-cased model name without its organisation
    std::string_view parser;  ///< as inference servers call it; "none": no tools
};

/// The parser of tool calls that @p model needs: @p configured (a backend's tool_call_parser) where
/// it is set, "native" for hosted APIs, else what its family is known for; empty for a model that
/// nobody knows.
///
/// Pure; any thread. @p backendType as in the configuration file: "openai", "vllm", ….
[[nodiscard]] std::string_view toolCallParser(std::string_view backendType, std::string_view model,
                                              std::string_view configured);

/// False when tools must not be sent to @p model there: its parser is "none". A model that nobody
/// knows gets the benefit of the doubt.
[[nodiscard]] bool supportsTools(std::string_view backendType, std::string_view model,
                                 std::string_view configured);

/// The table, most specific pattern first as far as they overlap.
[[nodiscard]] std::span<const ToolFamily> toolFamilies();

} // namespace tidegate
