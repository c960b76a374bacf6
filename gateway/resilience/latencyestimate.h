// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <array>
#include <atomic>
#include <mutex>
#include <optional>

namespace tidegate {

/// How fast a lane answers: the load to compare lanes by, and the time after which an answer is
/// late.
///
/// One per lane, shared by all engine threads; every function from any of them, each well under
/// 100 ns. Times are monotonic nanoseconds.
///
/// The estimate is a peak EWMA of the time to the first byte: a slower answer counts at once and in
/// full, faster ones pull it down over some ten seconds, and so does time without requests, so that
/// a lane that was slow is tried again. Late is the 95th percentile of the last minutes.
class LatencyEstimate
{
public:
    /// What a lane is taken for before it was used.
    static constexpr qint64 kInitialNs = 1'000'000'000;
    /// A failure counts as at least this slow: a lane that fails fast must not look fast.
    static constexpr qint64 kFailureNs = 5'000'000'000;
    /// In this time the estimate loses 63 % of what it is too high by.
    static constexpr qint64 kDecayNs = 10'000'000'000;
    /// In this time an observation loses half of its weight for the percentile.
    static constexpr qint64 kHalfLifeNs = 60'000'000'000;
    /// With fewer there is no percentile.
    static constexpr int kMinObservations = 20;

    /// A request was sent.
    void started() { m_inFlight.fetch_add(1, std::memory_order_relaxed); }
    /// It ended, however it did.
    void ended() { m_inFlight.fetch_sub(1, std::memory_order_relaxed); }
    /// Its first byte came after @p latencyNs.
    void answered(qint64 latencyNs, qint64 nowNs);
    /// It failed after @p elapsedNs.
    void failed(qint64 elapsedNs, qint64 nowNs);

    [[nodiscard]] int inFlight() const { return m_inFlight.load(std::memory_order_relaxed); }
    /// Whether anything was observed: without it the estimate is a guess.
    [[nodiscard]] bool isKnown() const;
    /// The estimate, decayed to now.
    [[nodiscard]] qint64 estimateNs(qint64 nowNs) const;
    /// Less is better: the estimate times the requests in flight, the next one counted.
    [[nodiscard]] double load(qint64 nowNs) const;
    /// The time within which @p share (0…1) of the answers came, to 7 %; nothing while too few are
    /// known. Failures are not in it.
    [[nodiscard]] std::optional<qint64> percentileNs(double share, qint64 nowNs) const;

private:
    // Eight steps for each doubling, from 1 ms to about 17 minutes.
    static constexpr int kStepsPerDoubling = 8;
    static constexpr int kBuckets = 20 * kStepsPerDoubling;

    [[nodiscard]] static size_t bucketOf(qint64 ns);
    [[nodiscard]] static qint64 middleOf(size_t bucket);
    [[nodiscard]] double decayed(qint64 nowNs) const;
    void observe(qint64 ns, qint64 nowNs);
    void age(qint64 nowNs) const;

    std::atomic<int> m_inFlight{0};
    mutable std::mutex m_mutex;
    double m_estimateNs = double(kInitialNs);
    qint64 m_atNs = 0; ///< of the estimate; 0: never
    mutable qint64 m_agedNs = 0;
    mutable float m_total = 0;
    mutable std::array<float, kBuckets> m_counts = {};
};

} // namespace tidegate
