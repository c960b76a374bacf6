// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tidegate::bench {

/// Durations in nanoseconds and their percentiles. Value type of one thread.
class Samples
{
public:
    void add(int64_t ns) { m_values.push_back(ns); }
    void clear() { m_values.clear(); }
    [[nodiscard]] size_t count() const { return m_values.size(); }
    /// Must be called after the last add() and before the figures are read.
    void sort();
    /// @p share of the samples are not above it (0 to 1); microseconds, 0 when there are none.
    [[nodiscard]] double quantileUs(double share) const;
    [[nodiscard]] double meanUs() const;

private:
    std::vector<int64_t> m_values;
};

} // namespace tidegate::bench
