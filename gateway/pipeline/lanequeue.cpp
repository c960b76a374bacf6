// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/lanequeue.h"

#include <utility>

namespace tidegate {

struct LaneQueue::Waiter
{
    enum class State : quint8
    {
        Waiting,
        Granted, ///< has a place; its thread does not know yet
        Held,
        Over,
    };

    QObject *context = nullptr;
    Ready ready;                                        ///< only touched in the waiting thread
    std::atomic<State> state{State::Waiting};           ///< changed under the queue's mutex
    std::list<std::shared_ptr<Waiter>>::iterator place; ///< valid while Waiting
};

LaneQueue::Slot::Slot(Slot &&other) noexcept
    : m_queue(std::exchange(other.m_queue, nullptr))
    , m_waiter(std::move(other.m_waiter))
    , m_timer(std::move(other.m_timer))
{
}

LaneQueue::Slot &LaneQueue::Slot::operator=(Slot &&other) noexcept
{
    if (this != &other) {
        release();
        m_queue = std::exchange(other.m_queue, nullptr);
        m_waiter = std::move(other.m_waiter);
        m_timer = std::move(other.m_timer);
    }
    return *this;
}

bool LaneQueue::Slot::isHeld() const
{
    return m_queue && (!m_waiter || m_waiter->state.load() == Waiter::State::Held);
}

void LaneQueue::Slot::release()
{
    m_timer.reset();
    LaneQueue *queue = std::exchange(m_queue, nullptr);
    const std::shared_ptr<Waiter> waiter = std::move(m_waiter);
    if (queue && waiter) {
        queue->giveUp(waiter);
    } else if (queue) {
        queue->leave();
    }
}

// Not deleted at once: its own signal may be what led here.
void LaneQueue::Slot::Later::operator()(QTimer *timer) const
{
    timer->stop();
    timer->deleteLater();
}

void LaneQueue::setBounds(int maxConcurrency, int maxQueue)
{
    const std::scoped_lock lock(m_mutex);
    m_maxConcurrency.store(maxConcurrency);
    m_maxQueue.store(maxQueue);
    admitWaiters();
}

bool LaneQueue::takePlace()
{
    int active = m_active.load();
    for (;;) {
        const int most = m_maxConcurrency.load();
        if (most > 0 && active >= most) {
            return false;
        }
        if (m_active.compare_exchange_weak(active, active + 1)) {
            return true;
        }
    }
}

LaneQueue::Slot LaneQueue::tryEnter()
{
    Slot slot;
    if (m_waiting.load() == 0 && takePlace()) {
        slot.m_queue = this;
    }
    return slot;
}

LaneQueue::Slot LaneQueue::wait(QObject *context, int timeoutMs, Ready ready)
{
    const auto waiter = std::make_shared<Waiter>();
    waiter->context = context;
    waiter->ready = std::move(ready);
    Slot slot;
    {
        const std::scoped_lock lock(m_mutex);
        m_waiting.fetch_add(1);
        waiter->place = m_waiters.insert(m_waiters.end(), waiter);
        admitWaiters(); // a place may have become free since the caller looked
        if (waiter->state.load() == Waiter::State::Waiting &&
            int(m_waiters.size()) > m_maxQueue.load()) {
            waiter->state.store(Waiter::State::Over);
            m_waiters.erase(waiter->place);
            m_waiting.fetch_sub(1);
            m_refused.fetch_add(1, std::memory_order_relaxed);
            return slot;
        }
    }
    slot.m_queue = this;
    slot.m_waiter = waiter;
    if (timeoutMs > 0) {
        slot.m_timer.reset(new QTimer);
        slot.m_timer->setSingleShot(true);
        QObject::connect(slot.m_timer.get(), &QTimer::timeout, context,
                         [this, waiter] { expire(waiter); });
        slot.m_timer->start(timeoutMs);
    }
    return slot;
}

void LaneQueue::leave()
{
    m_active.fetch_sub(1);
    if (m_waiting.load() > 0) {
        const std::scoped_lock lock(m_mutex);
        admitWaiters();
    }
}

// With the mutex held.
void LaneQueue::admitWaiters()
{
    while (!m_waiters.empty() && takePlace()) {
        const std::shared_ptr<Waiter> waiter = std::move(m_waiters.front());
        m_waiters.pop_front();
        m_waiting.fetch_sub(1);
        waiter->state.store(Waiter::State::Granted);
        // The context is still there: its slot has not been released, or the waiter were gone.
        QMetaObject::invokeMethod(
            waiter->context,
            [waiter] {
                // Only this thread takes it from Granted, here or in release().
                if (waiter->state.load() == Waiter::State::Granted) {
                    waiter->state.store(Waiter::State::Held);
                    const Ready ready = std::move(waiter->ready);
                    ready(true);
                }
            },
            Qt::QueuedConnection);
    }
}

void LaneQueue::giveUp(const std::shared_ptr<Waiter> &waiter)
{
    using State = Waiter::State;
    // What it holds on to belongs to this thread; the waiter itself may go in another.
    const Ready dropped = std::move(waiter->ready);
    const std::scoped_lock lock(m_mutex);
    const State state = waiter->state.exchange(State::Over);
    if (state == State::Waiting) {
        m_waiters.erase(waiter->place);
        m_waiting.fetch_sub(1);
    } else if (state == State::Granted || state == State::Held) {
        m_active.fetch_sub(1);
        admitWaiters();
    }
}

void LaneQueue::expire(const std::shared_ptr<Waiter> &waiter)
{
    {
        const std::scoped_lock lock(m_mutex);
        if (waiter->state.load() != Waiter::State::Waiting) {
            return; // a place is on its way
        }
        waiter->state.store(Waiter::State::Over);
        m_waiters.erase(waiter->place);
        m_waiting.fetch_sub(1);
        m_timedOut.fetch_add(1, std::memory_order_relaxed);
    }
    const Ready ready = std::move(waiter->ready);
    ready(false);
}

bool LaneQueue::isFull() const
{
    const int most = m_maxConcurrency.load(std::memory_order_relaxed);
    return most > 0 && active() >= most;
}

LaneQueue::Figures LaneQueue::figures() const
{
    return {active(),          waiting(),        m_maxConcurrency.load(),
            m_maxQueue.load(), m_refused.load(), m_timedOut.load()};
}

} // namespace tidegate
