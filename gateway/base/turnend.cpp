// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/base/turnend.h"

#include <QAbstractEventDispatcher>
#include <QObject>
#include <QPointer>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace tidegate {

namespace {

// More rounds than this and the loop's other work comes first.
constexpr int kRounds = 8;

} // namespace

/// What a thread has to do at the end of its turn. One for each thread, made with its first work.
class TurnEnd::Agenda
{
public:
    static Agenda &ofThisThread()
    {
        static thread_local Agenda agenda;
        return agenda;
    }

    void add(TurnEnd &work)
    {
        listen();
        m_lists[size_t(work.m_stage)].push_back(&work);
    }

    void remove(TurnEnd &work)
    {
        auto &list = m_lists[size_t(work.m_stage)];
        std::replace(list.begin(), list.end(), &work, static_cast<TurnEnd *>(nullptr));
    }

private:
    void listen()
    {
        // A program may end one event loop and, in tests, begin another.
        QAbstractEventDispatcher *dispatcher = QAbstractEventDispatcher::instance();
        if (m_dispatcher == dispatcher) {
            return;
        }
        Q_ASSERT(dispatcher);
        m_dispatcher = dispatcher;
        // Of a turn that found something the first comes next, of one that did not the second: it
        // may have been a posted event or a timer that made work.
        const auto run = [this] { runAll(); };
        QObject::connect(dispatcher, &QAbstractEventDispatcher::awake, dispatcher, run);
        QObject::connect(dispatcher, &QAbstractEventDispatcher::aboutToBlock, dispatcher, run);
    }

    void runAll()
    {
        if (m_running || isEmpty()) {
            return;
        }
        m_running = true;
        for (int round = 0; round < kRounds && !isEmpty(); ++round) {
            for (auto &list : m_lists) {
                runList(list);
            }
        }
        m_running = false;
        if (!isEmpty()) {
            m_dispatcher->wakeUp();
        }
    }

    static void runList(std::vector<TurnEnd *> &list)
    {
        // By index: the work may add to the list, for the next round, or remove from it.
        const size_t count = list.size();
        for (size_t i = 0; i < count; ++i) {
            if (TurnEnd *work = list[i]) {
                work->m_scheduled = false;
                work->m_work();
            }
        }
        list.erase(list.begin(), list.begin() + std::ptrdiff_t(count));
    }

    [[nodiscard]] bool isEmpty() const
    {
        return std::all_of(m_lists.begin(), m_lists.end(),
                           [](const auto &list) { return list.empty(); });
    }

    std::array<std::vector<TurnEnd *>, kStages> m_lists;
    QPointer<QAbstractEventDispatcher> m_dispatcher;
    bool m_running = false;
};

TurnEnd::TurnEnd(Stage stage, std::function<void()> work)
    : m_stage(stage)
    , m_work(std::move(work))
{
}

TurnEnd::~TurnEnd()
{
    if (m_scheduled) {
        Agenda::ofThisThread().remove(*this);
    }
}

void TurnEnd::schedule()
{
    if (!std::exchange(m_scheduled, true)) {
        Agenda::ofThisThread().add(*this);
    }
}

} // namespace tidegate
