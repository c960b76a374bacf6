// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <vector>

namespace tidegate {

/// Counts of durations in classes that grow with them: eight to each power of two, so that a
/// percentile is right to 6 % whatever its size, and two histograms add up exactly.
///
/// Value type, any thread.
class DurationHistogram
{
public:
    /// Class of a duration in microseconds; negative ones count as 0, those over 19 hours as that.
    [[nodiscard]] static int classOf(qint64 us);
    /// First duration of a class; that of class + 1 is where it ends.
    [[nodiscard]] static qint64 lowerBound(int durationClass);
    static constexpr int kClasses = 272;

    void add(int durationClass, quint32 count)
    {
        if (m_counts.empty()) {
            m_counts.resize(kClasses);
        }
        m_counts[size_t(durationClass)] += count;
    }
    void add(const DurationHistogram &other);

    /// By class; empty when there are none.
    [[nodiscard]] const std::vector<quint32> &counts() const { return m_counts; }
    [[nodiscard]] qint64 count() const;
    /// The duration that @p fraction (0…1) of all do not exceed, in microseconds, in the middle of
    /// its class; -1: there are none.
    [[nodiscard]] qint64 percentile(double fraction) const;

private:
    std::vector<quint32> m_counts; ///< by class; empty: none
};

} // namespace tidegate
