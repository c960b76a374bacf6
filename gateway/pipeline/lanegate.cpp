// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/lanegate.h"

#include <utility>

namespace tidegate {

struct LaneGate::Waiter
{
    enum class State : quint8
    {
        Waiting,
        Called, ///< its call is on its way
        Over,
    };

    QObject *context = nullptr;
    Ready ready;                                        ///< only touched in the waiting thread
    std::atomic<State> state{State::Waiting};           ///< leaves Waiting under the gate's mutex
    std::list<std::shared_ptr<Waiter>>::iterator place; ///< valid while Waiting

    void call()
    {
        if (state.exchange(State::Over) == State::Called) {
            const Ready mine = std::move(ready);
            mine();
        }
    }
};

LaneGate::Wait::Wait(Wait &&other) noexcept
    : m_gate(std::exchange(other.m_gate, nullptr))
    , m_waiter(std::move(other.m_waiter))
    , m_timer(std::move(other.m_timer))
{
}

LaneGate::Wait &LaneGate::Wait::operator=(Wait &&other) noexcept
{
    if (this != &other) {
        release();
        m_gate = std::exchange(other.m_gate, nullptr);
        m_waiter = std::move(other.m_waiter);
        m_timer = std::move(other.m_timer);
    }
    return *this;
}

void LaneGate::Wait::release()
{
    m_timer.reset();
    LaneGate *gate = std::exchange(m_gate, nullptr);
    const std::shared_ptr<Waiter> waiter = std::move(m_waiter);
    if (gate && waiter) {
        gate->giveUp(waiter);
    }
}

// Not deleted at once: its own signal may be what led here.
void LaneGate::Wait::Later::operator()(QTimer *timer) const
{
    timer->stop();
    timer->deleteLater();
}

QString LaneGate::reason() const
{
    const std::scoped_lock lock(m_mutex);
    return m_reason;
}

void LaneGate::wake()
{
    if (state() != State::Asleep || m_asked.exchange(true)) {
        return;
    }
    std::function<void()> waker;
    {
        const std::scoped_lock lock(m_mutex);
        waker = m_waker;
    }
    if (waker) {
        waker();
    }
}

LaneGate::Wait LaneGate::wait(QObject *context, int timeoutMs, Ready ready)
{
    const auto waiter = std::make_shared<Waiter>();
    waiter->context = context;
    waiter->ready = std::move(ready);
    Wait wait;
    wait.m_gate = this;
    wait.m_waiter = waiter;
    {
        const std::scoped_lock lock(m_mutex);
        m_waiting.fetch_add(1);
        waiter->place = m_waiters.insert(m_waiters.end(), waiter);
        const State now = state();
        if (now == State::Open || now == State::Shut) {
            callAll(); // it has changed since the caller looked
        }
    }
    if (timeoutMs > 0) {
        wait.m_timer.reset(new QTimer);
        wait.m_timer->setSingleShot(true);
        QObject::connect(wait.m_timer.get(), &QTimer::timeout, context,
                         [this, waiter] { expire(waiter); });
        wait.m_timer->start(timeoutMs);
    }
    wake();
    return wait;
}

void LaneGate::giveUp(const std::shared_ptr<Waiter> &waiter)
{
    // What it holds on to belongs to this thread; the waiter itself may go in another.
    const Ready dropped = std::move(waiter->ready);
    const std::scoped_lock lock(m_mutex);
    if (waiter->state.exchange(Waiter::State::Over) == Waiter::State::Waiting) {
        m_waiters.erase(waiter->place);
        m_waiting.fetch_sub(1);
    }
}

void LaneGate::expire(const std::shared_ptr<Waiter> &waiter)
{
    {
        const std::scoped_lock lock(m_mutex);
        if (waiter->state.load() != Waiter::State::Waiting) {
            return; // its call is on its way
        }
        waiter->state.store(Waiter::State::Over);
        m_waiters.erase(waiter->place);
        m_waiting.fetch_sub(1);
    }
    const Ready ready = std::move(waiter->ready);
    ready();
}

void LaneGate::setWaker(std::function<void()> waker)
{
    const std::scoped_lock lock(m_mutex);
    m_waker = std::move(waker);
}

void LaneGate::set(State state, quint16 localPort, qint64 untilNs, const QString &reason)
{
    const std::scoped_lock lock(m_mutex);
    m_reason = reason;
    m_untilNs.store(untilNs, std::memory_order_relaxed);
    m_localPort.store(localPort, std::memory_order_release);
    m_asked.store(false);
    m_state.store(state, std::memory_order_release);
    if (state == State::Open || state == State::Shut) {
        callAll();
    }
}

// With the mutex held.
void LaneGate::callAll()
{
    for (const std::shared_ptr<Waiter> &waiter : std::exchange(m_waiters, {})) {
        waiter->state.store(Waiter::State::Called);
        m_waiting.fetch_sub(1);
        // The context is still there: its slot has not been released, or the waiter were gone.
        QMetaObject::invokeMethod(
            waiter->context, [waiter] { waiter->call(); }, Qt::QueuedConnection);
    }
}

} // namespace tidegate
