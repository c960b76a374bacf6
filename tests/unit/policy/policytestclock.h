// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/policy/policytime.h"

#include <QTest>

#include <cmath>
#include <random>

namespace tidegate {

/// A clock that a test moves, and the random numbers to move it by.
///
/// Used by one test in its thread. The seed is printed when the test fails, because QTest shows the
/// data tag.
class PolicyTestClock
{
public:
    explicit PolicyTestClock(quint32 seed, qint64 wallUs = 1'767'225'600'000'000) // 2026-01-01
        : random(seed)
        , now{1'000'000'000'000, wallUs}
    {
    }

    void advanceNs(qint64 ns)
    {
        now.monotonicNs += ns;
        m_restNs += ns;
        now.wallUs += m_restNs / 1000;
        m_restNs %= 1000;
    }
    void advanceMs(qint64 ms) { advanceNs(ms * 1'000'000); }
    /// Both ends included.
    qint64 number(qint64 from, qint64 to)
    {
        return std::uniform_int_distribution<qint64>(from, to)(random);
    }
    /// Any order of magnitude is as likely as any other.
    qint64 anyScale(qint64 from, qint64 to)
    {
        const double power = std::uniform_real_distribution<double>(std::log(double(from)),
                                                                    std::log(double(to)))(random);
        return std::clamp(qint64(std::exp(power)), from, to);
    }

    std::mt19937_64 random;
    PolicyTime now;

private:
    qint64 m_restNs = 0;
};

} // namespace tidegate
