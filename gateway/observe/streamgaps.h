// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/observe/histogram.h"

namespace tidegate {

/// The times between the pieces of one stream as they came from the backend.
///
/// Value type, a member of the exchange; handed to the metrics once, when the exchange is over.
class StreamGaps
{
public:
    /// A piece has come. @p nowNs is monotonic.
    void arrived(qint64 nowNs)
    {
        if (m_lastNs != 0) {
            m_gaps.observe(bounds::kGap, (nowNs - m_lastNs) / 1000);
        }
        m_lastNs = nowNs;
    }

    [[nodiscard]] bool isEmpty() const { return m_lastNs == 0; }
    [[nodiscard]] const Histogram &histogram() const { return m_gaps; }

private:
    Histogram m_gaps;
    qint64 m_lastNs = 0;
};

} // namespace tidegate
