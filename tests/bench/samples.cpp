// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/samples.h"

#include <algorithm>
#include <numeric>

namespace tidegate::bench {

void Samples::sort()
{
    std::sort(m_values.begin(), m_values.end());
}

double Samples::quantileUs(double share) const
{
    if (m_values.empty()) {
        return 0;
    }
    const auto index = size_t(share * double(m_values.size() - 1) + 0.5);
    return double(m_values[index]) / 1000;
}

double Samples::meanUs() const
{
    if (m_values.empty()) {
        return 0;
    }
    return std::accumulate(m_values.begin(), m_values.end(), 0.0) / double(m_values.size()) / 1000;
}

} // namespace tidegate::bench
