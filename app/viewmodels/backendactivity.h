// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/observe/exchangeevent.h"

#include <QByteArray>
#include <QHash>
#include <QList>

#include <array>

namespace tidegate {

/// How each backend answered in the last five minutes, in slices of five seconds, from the
/// exchanges that the panel hears of anyway.
///
/// Lives in one thread, any; owned by BackendsModel. Constant size for each backend; a finished
/// exchange costs a look-up per lane that was called.
class BackendActivity
{
public:
    static constexpr int kSlices = 60;
    static constexpr qint64 kSliceUs = 5'000'000;

    struct Summary
    {
        qint64 requests = 0;
        qint64 failures = 0;
        double perMinute = 0;
        qint64 latencyUs = -1; ///< mean time to the first byte; -1: no answers
    };

    /// Counts the finished exchanges of @p batch. What the client was to blame for, or called off,
    /// is no failure.
    void add(const ExchangeBatch &batch);

    /// Mean time to the first byte, milliseconds, oldest slice first; -1 in slices without answers.
    [[nodiscard]] QList<double> latencies(const QByteArray &backend, qint64 nowUs) const;
    /// Share of failures, 0…1, oldest slice first; -1 in slices without requests.
    [[nodiscard]] QList<double> errors(const QByteArray &backend, qint64 nowUs) const;
    [[nodiscard]] Summary summary(const QByteArray &backend, qint64 nowUs) const;
    /// Forgets backends that are not in @p names.
    void keepOnly(const QList<QByteArray> &names);

private:
    struct Slice
    {
        qint64 number = -1; ///< since 1970, in slices; says whether it is still in the window
        int requests = 0;
        int failures = 0;
        int answers = 0;
        qint64 latencySumUs = 0;
    };
    using Ring = std::array<Slice, kSlices>;

    void count(const QByteArray &backend, qint64 atUs, bool failed, qint64 latencyUs);
    template <typename Value>
    [[nodiscard]] QList<double> read(const QByteArray &backend, qint64 nowUs, Value value) const;

    QHash<QByteArray, Ring> m_rings;
};

} // namespace tidegate
