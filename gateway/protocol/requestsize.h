// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

namespace tidegate {

/// How large a request is before anybody has counted: what limits and budgets reserve.
struct RequestSize
{
    qint64 inputTokens = 0;      ///< estimated; exact for prompts given as token numbers
    qint64 maxOutputTokens = -1; ///< of each choice, as asked for; -1: the request does not say
    qint64 choices = 1;          ///< answers asked for: n times the prompts of a completion

    bool operator==(const RequestSize &) const = default;
};

} // namespace tidegate
