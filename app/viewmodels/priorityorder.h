// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

namespace tidegate {

/// Where a backend stands: lower priorities are tried first.
struct PriorityPlace
{
    int priority = 0;
    bool fixed = false; ///< set by the configuration file: cannot be changed

    bool operator==(const PriorityPlace &) const = default;
};

/// The places after the one at @p from was moved to @p to, in the new order. As few priorities as
/// possible change, and the moved one has one of its own. Nothing when that cannot be, because
/// priorities that would have to change are fixed. Pure; any thread.
[[nodiscard]] std::optional<std::vector<PriorityPlace>>
movedPlaces(std::vector<PriorityPlace> places, int from, int to);

} // namespace tidegate
