// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <algorithm>
#include <array>
#include <numeric>

namespace tidegate {

/// How many durations fell into which of a fixed row of buckets, and their sum.
///
/// Value type without any locking; plain numbers, so that copying one costs a memcpy.
struct Histogram
{
    static constexpr size_t kBounds = 16;
    /// Upper bounds of the buckets, inclusive, in microseconds, rising. One more bucket has no
    /// bound.
    using Bounds = std::array<qint64, kBounds>;

    std::array<quint64, kBounds + 1> counts{}; ///< each bucket's own, not summed up
    qint64 sumUs = 0;

    void observe(const Bounds &bounds, qint64 us)
    {
        us = std::max<qint64>(us, 0); // a monotonic clock's, but better never a negative sum
        size_t bucket = 0;
        while (bucket < kBounds && us > bounds[bucket]) {
            ++bucket;
        }
        ++counts[bucket];
        sumUs += us;
    }

    void add(const Histogram &other)
    {
        for (size_t i = 0; i < counts.size(); ++i) {
            counts[i] += other.counts[i];
        }
        sumUs += other.sumUs;
    }

    [[nodiscard]] quint64 count() const
    {
        return std::accumulate(counts.begin(), counts.end(), quint64(0));
    }
};

/// The buckets of each histogram, chosen for what it measures.
namespace bounds {

inline constexpr Histogram::Bounds kOverhead{10,     20,     30,      50,       75,    100,
                                             150,    250,    500,     1'000,    2'500, 5'000,
                                             10'000, 25'000, 100'000, 1'000'000};
inline constexpr Histogram::Bounds kDuration{
    1'000,    5'000,     10'000,    25'000,     50'000,     100'000,    250'000,     500'000,
    1000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000, 60'000'000, 120'000'000, 600'000'000};
inline constexpr Histogram::Bounds kFirstByte{
    5'000,   10'000,    25'000,    50'000,    100'000,   200'000,   300'000,    500'000,
    750'000, 1'000'000, 1'500'000, 2'000'000, 3'000'000, 5'000'000, 10'000'000, 30'000'000};
inline constexpr Histogram::Bounds kGap{
    1'000,  2'500,   5'000,   10'000,  15'000,    20'000,    30'000,     50'000,
    75'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 10'000'000, 30'000'000};
inline constexpr Histogram::Bounds kWait{50,      100,       250,       500,       1'000,   2'500,
                                         5'000,   10'000,    25'000,    50'000,    100'000, 250'000,
                                         500'000, 1'000'000, 5'000'000, 30'000'000};

} // namespace bounds

} // namespace tidegate
