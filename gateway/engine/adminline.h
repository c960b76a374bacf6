// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <condition_variable>
#include <functional>
#include <mutex>

namespace tidegate {

class AdminCalls;

/// What the two ends of an admin call share: the way back into the engine thread, which may end
/// first, and how much of a streamed answer is on its way.
///
/// Used by the engine thread and by the one thread that answers; shared by both ends. The lock is
/// held for a few instructions only, never while anything is read or written.
class AdminLine
{
public:
    explicit AdminLine(AdminCalls &calls)
        : m_calls(&calls)
    {
    }

    // For the answering end.

    /// Runs @p step in the engine thread, later; not at all once the line is cut.
    void post(std::function<void(AdminCalls &)> step);
    /// Waits until @p bytes more may be on their way. False once the line is cut.
    [[nodiscard]] bool waitForRoom(qint64 bytes);
    [[nodiscard]] bool isCut() const;

    // For the engine's end.

    /// @p bytes have been taken over by the client's connection.
    void taken(qint64 bytes);
    /// The client left, the answer is complete, or the engine ends.
    void cut();

private:
    mutable std::mutex m_mutex;
    std::condition_variable m_changed;
    AdminCalls *m_calls; ///< null once cut
    qint64 m_onTheWay = 0;
};

} // namespace tidegate
