// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>

namespace tidegate {

/// Work for the end of the present turn of the thread's event loop, when everything that was ready
/// has been dealt with and before the thread waits again.
///
/// What many events of a turn have in common is done once for all of them, and what is sent leaves
/// together: a process that waits for it wakes up once. Lives in one thread with an event
/// dispatcher; owned by whoever has the work, and forgotten with it.
class TurnEnd
{
public:
    /// In this order, and again from the first while there is something to do.
    enum class Stage
    {
        Requests, ///< complete requests go to their handler
        Calls,    ///< calls to upstreams begin
        Answers,  ///< answers go to the clients
        Uploads,  ///< requests go to the upstreams
    };
    static constexpr int kStages = 4;

    TurnEnd(Stage stage, std::function<void()> work);
    ~TurnEnd();
    TurnEnd(const TurnEnd &) = delete;
    TurnEnd &operator=(const TurnEnd &) = delete;

    /// Runs the work once at the end of this turn, however often it is asked for.
    void schedule();

private:
    class Agenda;

    const Stage m_stage;
    const std::function<void()> m_work;
    bool m_scheduled = false;
};

} // namespace tidegate
