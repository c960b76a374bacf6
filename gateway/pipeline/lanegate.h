// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <QTimer>

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace tidegate {

/// Whether requests can reach a backend that Tidegate starts or tunnels to by itself, and the
/// waiting until they can. Always open for all other backends.
///
/// Shared by all engine threads and the main thread, part of a LaneState. Asking whether it is open
/// is one atomic read. The main thread opens and shuts it.
class LaneGate
{
    struct Waiter;

public:
    enum class State : quint8
    {
        Open,
        Asleep,   ///< can be started for a request
        Starting, ///< on its way
        Shut      ///< cannot be reached, and waiting does not help
    };

    /// Called in the thread that asked, from its event loop, once: the gate is open or shut, or it
    /// took too long. state() says which.
    using Ready = std::function<void()>;

    /// A place among those that wait; gives it back when it goes.
    ///
    /// Lives in the thread that asked. The gate must outlive it.
    class Wait
    {
    public:
        Wait() = default;
        Wait(Wait &&other) noexcept;
        Wait &operator=(Wait &&other) noexcept;
        Wait(const Wait &) = delete;
        Wait &operator=(const Wait &) = delete;
        ~Wait() { release(); }
        explicit operator bool() const { return m_gate != nullptr; }
        /// Waits no more: Ready is not called any more, not even if it had been on its way.
        void release();

    private:
        friend class LaneGate;
        struct Later
        {
            void operator()(QTimer *timer) const;
        };

        LaneGate *m_gate = nullptr;
        std::shared_ptr<Waiter> m_waiter;
        std::unique_ptr<QTimer, Later> m_timer;
    };

    LaneGate() = default;
    LaneGate(const LaneGate &) = delete;
    LaneGate &operator=(const LaneGate &) = delete;

    [[nodiscard]] State state() const { return m_state.load(std::memory_order_acquire); }
    [[nodiscard]] bool isOpen() const { return state() == State::Open; }
    /// The port on 127.0.0.1 that leads to the backend; 0: it is reached directly.
    [[nodiscard]] quint16 localPort() const { return m_localPort.load(std::memory_order_acquire); }
    /// Monotonic; when asking again may help. 0: not known.
    [[nodiscard]] qint64 untilNs() const { return m_untilNs.load(std::memory_order_relaxed); }
    /// Why it is not open, to go after the backend's name: "is starting".
    [[nodiscard]] QString reason() const;
    /// How long a request waits for it at most, milliseconds.
    [[nodiscard]] int patienceMs() const { return m_patienceMs.load(std::memory_order_relaxed); }
    /// Requests that wait for it.
    [[nodiscard]] int waiting() const { return m_waiting.load(); }

    /// A request uses the backend now. For how long it is idle.
    void used(qint64 nowNs) { m_lastUsedNs.store(nowNs, std::memory_order_relaxed); }
    [[nodiscard]] qint64 lastUsedNs() const { return m_lastUsedNs.load(std::memory_order_relaxed); }

    /// Asks for the backend to be started if it is asleep. Cheap when that was asked already.
    void wake();
    /// A slot that waits until the gate is open or shut. @p context lives in this thread and stays
    /// until the slot is released. Wakes the backend. @p timeoutMs 0: none. @p ready is called
    /// later, never from here.
    [[nodiscard]] Wait wait(QObject *context, int timeoutMs, Ready ready);

    // ---- for the main thread

    /// Who starts the backend. Called in any thread; set before the gate is first not open.
    void setWaker(std::function<void()> waker);
    void set(State state, quint16 localPort, qint64 untilNs, const QString &reason);
    void setPatience(int ms) { m_patienceMs.store(ms, std::memory_order_relaxed); }

private:
    void giveUp(const std::shared_ptr<Waiter> &waiter);
    void expire(const std::shared_ptr<Waiter> &waiter);
    void callAll();

    std::atomic<State> m_state{State::Open};
    std::atomic<quint16> m_localPort{0};
    std::atomic<qint64> m_untilNs{0};
    std::atomic<qint64> m_lastUsedNs{0};
    std::atomic<int> m_patienceMs{0};
    std::atomic<int> m_waiting{0};
    std::atomic<bool> m_asked{false}; ///< to be woken, since the last set()
    mutable std::mutex m_mutex;
    QString m_reason; ///< guarded by m_mutex, as the next two
    std::function<void()> m_waker;
    std::list<std::shared_ptr<Waiter>> m_waiters;
};

} // namespace tidegate
