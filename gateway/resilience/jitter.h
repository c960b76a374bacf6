// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

namespace tidegate {

/// The next number of a splitmix64 sequence: enough to spread retries, not for secrets.
///
/// Not thread-safe; the state belongs to whoever calls.
inline quint64 nextRandom(quint64 &state)
{
    state += 0x9e3779b97f4a7c15U;
    quint64 mixed = state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31);
}

/// A number from 0 up to, not including, 1.
inline double nextUnit(quint64 &state)
{
    return double(nextRandom(state) >> 11) * 0x1.0p-53;
}

} // namespace tidegate
