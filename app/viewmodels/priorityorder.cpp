// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/priorityorder.h"

#include <algorithm>

namespace tidegate {

namespace {

constexpr int kStep = 10;
constexpr int kHighest = 1'000'000;

} // namespace

std::optional<std::vector<PriorityPlace>> movedPlaces(std::vector<PriorityPlace> places, int from,
                                                      int to)
{
    const int count = int(places.size());
    if (from < 0 || from >= count || to < 0 || to >= count || places[size_t(from)].fixed) {
        return std::nullopt;
    }
    if (from < to) {
        std::rotate(places.begin() + from, places.begin() + from + 1, places.begin() + to + 1);
    } else {
        std::rotate(places.begin() + to, places.begin() + from, places.begin() + from + 1);
    }
    const auto moved = places.begin() + to;
    const bool first = to == 0;
    const bool last = to == count - 1;
    if (first && last) {
        return places;
    }
    const int below = first ? -1 : (moved - 1)->priority;
    const int above = last ? kHighest + 1 : (moved + 1)->priority;
    if (above - below >= 2) {
        moved->priority = first  ? std::max(above - kStep, above / 2)
                          : last ? std::min(below + kStep, kHighest)
                                 : below + std::min(kStep, (above - below) / 2);
        return places;
    }
    const auto isFixed = [](const PriorityPlace &place) { return place.fixed; };
    const auto shift = [](auto begin, auto end, int by) {
        std::for_each(begin, end, [by](PriorityPlace &place) { place.priority += by; });
    };
    // No room in between: those after it make some, else those before it.
    const int start = first ? 0 : below + kStep;
    const int up = start + kStep - above;
    if (std::none_of(moved + 1, places.end(), isFixed) && places.back().priority + up <= kHighest &&
        start <= kHighest) {
        moved->priority = start;
        shift(moved + 1, places.end(), last ? 0 : up);
        return places;
    }
    const int down = below - (above - 2 * kStep);
    if (!first && std::none_of(places.begin(), moved, isFixed) &&
        places.front().priority - down >= 0) {
        moved->priority = above - kStep;
        shift(places.begin(), moved, -down);
        return places;
    }
    return std::nullopt;
}

} // namespace tidegate
