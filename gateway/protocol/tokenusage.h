// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

namespace tidegate {

/// Token counts of one exchange; -1 where unknown.
struct TokenUsage
{
    qint64 input = -1;
    qint64 output = -1;
    qint64 cachedInput = -1;
    qint64 reasoning = -1;
    bool estimated = false; ///< counted by us because the upstream said nothing

    [[nodiscard]] bool isKnown() const { return input >= 0 || output >= 0; }
    bool operator==(const TokenUsage &) const = default;
};

} // namespace tidegate
