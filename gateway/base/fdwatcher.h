// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace tidegate {

/// Hears that a file descriptor is ready. Called in the thread that watches it.
///
/// Spurious calls are possible, so use non-blocking descriptors. Any watch, the calling one too,
/// may be changed or destroyed inside a call.
class FdWatcher
{
public:
    /// Only what was asked for is set. An error or a hang-up sets both, so that the next read or
    /// write tells what happened.
    virtual void fdReady(bool readable, bool writable) = 0;
    /// The peer closed its sending side or the connection broke while only
    /// FdWatch::setHangUpInterest() was on; comes instead of fdReady(). Repeats until that interest
    /// is taken away.
    virtual void fdHungUp() {}

protected:
    ~FdWatcher() = default;
};

} // namespace tidegate
