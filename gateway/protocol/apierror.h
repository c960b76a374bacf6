// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <string_view>

namespace tidegate {

/// An error as the OpenAI API spells it.
///
/// Value type. Source: https://platform.openai.com/docs/guides/error-codes and contract.md's table.
struct ApiError
{
    int status = 500;
    QByteArray code;    ///< one of the contract's codes
    QByteArray message; ///< plain English: what, why, what to do
    QByteArray param;   ///< the request's field at fault; empty: null

    /// {"error":{"message":…,"type":…,"param":…,"code":…}}
    [[nodiscard]] QByteArray toJson() const;
};

/// Appends @p text as a JSON string with its quotes. Invalid UTF-8 is replaced by U+FFFD.
void appendJsonString(QByteArray &out, std::string_view text);
/// @p text as a JSON string with its quotes. Invalid UTF-8 is replaced by U+FFFD.
[[nodiscard]] QByteArray jsonString(std::string_view text);

} // namespace tidegate
