// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QTimer>

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace tidegate {

/// The places of one backend: at most so many requests at the same time, and a bounded queue,
/// first come first served, for those that wait.
///
/// Shared by all engine threads, part of a LaneState. Without a bound, entering and leaving are an
/// atomic addition each; with one, a lock is only taken while somebody waits.
class LaneQueue
{
    struct Waiter;

public:
    /// Called in the thread that asked, from its event loop: true, the place is yours; false, it
    /// took too long.
    using Ready = std::function<void(bool entered)>;

    /// A place among those served or waiting; gives it back when it goes.
    ///
    /// Lives in the thread that asked. The queue must outlive it.
    class Slot
    {
    public:
        Slot() = default;
        Slot(Slot &&other) noexcept;
        Slot &operator=(Slot &&other) noexcept;
        Slot(const Slot &) = delete;
        Slot &operator=(const Slot &) = delete;
        ~Slot() { release(); }

        /// True from tryEnter() or Ready(true) until release().
        [[nodiscard]] bool isHeld() const;
        [[nodiscard]] bool isWaiting() const { return m_waiter && !isHeld(); }
        explicit operator bool() const { return m_queue != nullptr; }
        /// Leaves, or stops waiting: then Ready is not called any more, not even if it had been on
        /// its way.
        void release();

    private:
        friend class LaneQueue;
        struct Later
        {
            void operator()(QTimer *timer) const;
        };

        LaneQueue *m_queue = nullptr;
        std::shared_ptr<Waiter> m_waiter; ///< null when it was entered at once
        std::unique_ptr<QTimer, Later> m_timer;
    };

    struct Figures
    {
        int active = 0;
        int waiting = 0;
        int maxConcurrency = 0; ///< 0: no bound
        int maxQueue = 0;
        qint64 refused = 0;  ///< since the start, because the queue was full
        qint64 timedOut = 0; ///< since the start
    };

    LaneQueue() = default;
    LaneQueue(const LaneQueue &) = delete;
    LaneQueue &operator=(const LaneQueue &) = delete;

    /// New bounds count at once: for those that wait, too. Who is in stays in.
    /// @p maxConcurrency 0: no bound. @p maxQueue: how many may wait.
    void setBounds(int maxConcurrency, int maxQueue);

    /// A held slot, or an empty one when all places are taken or others wait for one.
    [[nodiscard]] Slot tryEnter();
    /// A slot that waits at the end of the queue, or an empty one when the queue is full.
    /// @p context lives in this thread and stays until the slot is released. @p timeoutMs 0: none.
    /// Also when a place is free, @p ready is called later, never from here.
    [[nodiscard]] Slot wait(QObject *context, int timeoutMs, Ready ready);

    [[nodiscard]] int active() const { return m_active.load(std::memory_order_relaxed); }
    [[nodiscard]] int waiting() const { return m_waiting.load(std::memory_order_relaxed); }
    [[nodiscard]] bool isFull() const;
    [[nodiscard]] Figures figures() const;

private:
    bool takePlace();
    void leave();
    void giveUp(const std::shared_ptr<Waiter> &waiter);
    void expire(const std::shared_ptr<Waiter> &waiter);
    void admitWaiters();

    // Who leaves lowers m_active and then looks at m_waiting; who comes to wait raises m_waiting
    // and then looks at m_active. Sequentially consistent, so one of the two sees the other.
    std::atomic<int> m_active{0};
    std::atomic<int> m_waiting{0};
    std::atomic<int> m_maxConcurrency{0};
    std::atomic<int> m_maxQueue{0};
    std::atomic<qint64> m_refused{0};
    std::atomic<qint64> m_timedOut{0};
    mutable std::mutex m_mutex;
    std::list<std::shared_ptr<Waiter>> m_waiters; ///< guarded by m_mutex, in order of arrival
};

} // namespace tidegate
