// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/durationhistogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tidegate {

int DurationHistogram::classOf(qint64 us)
{
    const auto value = quint64(std::max<qint64>(us, 0));
    if (value < 8) {
        return int(value);
    }
    // The highest bit says which power of two, the three below it which eighth.
    const int shift = int(std::bit_width(value)) - 4;
    return std::min((shift + 1) * 8 + int((value >> shift) & 7), kClasses - 1);
}

qint64 DurationHistogram::lowerBound(int durationClass)
{
    if (durationClass < 8) {
        return durationClass;
    }
    return qint64(8 + durationClass % 8) << (durationClass / 8 - 1);
}

void DurationHistogram::add(const DurationHistogram &other)
{
    if (other.m_counts.empty()) {
        return;
    }
    m_counts.resize(kClasses);
    for (size_t i = 0; i < m_counts.size(); ++i) {
        m_counts[i] += other.m_counts[i];
    }
}

qint64 DurationHistogram::count() const
{
    qint64 sum = 0;
    for (const quint32 count : m_counts) {
        sum += count;
    }
    return sum;
}

qint64 DurationHistogram::percentile(double fraction) const
{
    const qint64 all = count();
    if (all == 0) {
        return -1;
    }
    const auto rank = std::clamp<qint64>(qint64(std::ceil(fraction * double(all))), 1, all);
    qint64 seen = 0;
    for (int i = 0; i < kClasses; ++i) {
        seen += m_counts[size_t(i)];
        if (seen >= rank) {
            return (lowerBound(i) + lowerBound(i + 1) - (i < 8 ? 1 : 0)) / 2;
        }
    }
    return lowerBound(kClasses - 1);
}

} // namespace tidegate
