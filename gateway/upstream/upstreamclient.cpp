// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/upstream/upstreamclient.h"

#include "gateway/base/clock.h"
#include "gateway/base/turnend.h"
#include "gateway/upstream/curlmulti.h"
#include "gateway/upstream/deadlinequeue.h"
#include "gateway/upstream/upstreamcall.h"

#include <QTimer>

#include <algorithm>
#include <csignal>
#include <deque>
#include <limits>

namespace tidegate {

namespace {

constexpr qint64 kNsPerMs = 1'000'000;
constexpr size_t kPooledCalls = 256; ///< handles kept for the next calls, about 10 KiB each
constexpr int kRoundsPerTurn = 8;    ///< then the event loop's other work comes first

} // namespace

/// Schedules the calls: what libcurl may be told when, and what the listeners may hear when.
///
/// Lives in the engine thread; owned by its UpstreamClient. libcurl must not be changed from within
/// its callbacks, and a listener not be called from within its own call of us. What cannot be done
/// at once goes into one of the lists below; work() empties them once both have returned.
class UpstreamClient::Private final : public CurlMultiUser, public UpstreamCallHost
{
public:
    Private();
    ~Private();

    UpstreamCall *start(UpstreamRequest &&request, UpstreamListener &listener);
    void resume(UpstreamCall *call);
    UpstreamTimings cancel(UpstreamCall *call);

    void curlWorked() override { work(); }
    void delivered() override { m_delivered = true; }
    void deadlineChanged(UpstreamCall &call) override;
    const AddressCheck &addressCheck() const override { return check; }

    std::function<void()> turnEnded;
    AddressCheck check;
    int active = 0;

private:
    struct Ending
    {
        UpstreamCall *call;
        UpstreamResult result;
    };

    UpstreamCall *takeCall();
    void recycle(UpstreamCall *call);
    void run(UpstreamCall *call);
    void endAt(UpstreamCall *call, UpstreamResult &&result);
    static void forget(std::vector<UpstreamCall *> &list, UpstreamCall *call);

    void work();
    [[nodiscard]] bool hasWork() const;
    void removeCancelled();
    void collectFinished();
    void unpauseResumed();
    void deliverEndings();
    void runQueued();
    void failOverdue();
    void onTimer();
    void armTimer();

    DeadlineQueue m_deadlines;
    CurlMulti m_multi{*this};
    std::vector<std::unique_ptr<UpstreamCall>> m_calls; ///< all of them
    std::vector<UpstreamCall *> m_free;
    std::vector<UpstreamCall *> m_queued;    ///< to be given to libcurl
    std::vector<UpstreamCall *> m_cancelled; ///< to be taken away from libcurl
    std::vector<UpstreamCall *> m_resumed;   ///< for which libcurl holds a piece
    std::deque<Ending> m_endings;            ///< whose listener is to hear of the end
    QTimer m_timer;
    qint64 m_armedNs = -1; ///< when m_timer fires, -1 when it does not
    TurnEnd m_runLater{TurnEnd::Stage::Calls, [this] { work(); }};
    bool m_working = false;
    bool m_delivered = false;
};

UpstreamClient::Private::Private()
{
    m_timer.setSingleShot(true);
    m_timer.setTimerType(Qt::PreciseTimer);
    QObject::connect(&m_timer, &QTimer::timeout, &m_timer, [this] { onTimer(); });
}

UpstreamClient::Private::~Private()
{
    for (const auto &call : m_calls) {
        if (call->stage == UpstreamCall::Stage::Running ||
            call->stage == UpstreamCall::Stage::Cancelled) {
            call->dropListener();
            call->closeAfterwards();
            m_multi.remove(call->easy());
        }
        m_deadlines.remove(*call);
    }
}

// ---- what the owner asks for

UpstreamCall *UpstreamClient::Private::start(UpstreamRequest &&request, UpstreamListener &listener)
{
    UpstreamCall *call = takeCall();
    call->prepare(std::move(request), listener);
    call->stage = UpstreamCall::Stage::Queued;
    ++active;
    m_queued.push_back(call);
    m_runLater.schedule(); // libcurl is asked once for all calls of this turn
    return call;
}

void UpstreamClient::Private::resume(UpstreamCall *call)
{
    if (call->stage == UpstreamCall::Stage::Running && call->resume() &&
        std::find(m_resumed.begin(), m_resumed.end(), call) == m_resumed.end()) {
        m_resumed.push_back(call);
    }
    if (!m_working && !m_multi.inside()) {
        armTimer();
    }
}

UpstreamTimings UpstreamClient::Private::cancel(UpstreamCall *call)
{
    const UpstreamTimings timings = call->timings();
    if (!call->listener()) {
        return timings; // ended or cancelled already
    }
    call->dropListener();
    call->closeAfterwards();
    --active;
    m_deadlines.remove(*call);
    forget(m_resumed, call);
    switch (call->stage) {
    case UpstreamCall::Stage::Queued:
        forget(m_queued, call);
        recycle(call);
        break;
    case UpstreamCall::Stage::Running:
        call->stage = UpstreamCall::Stage::Cancelled;
        m_cancelled.push_back(call);
        if (!m_multi.inside()) {
            removeCancelled();
        }
        break;
    case UpstreamCall::Stage::Ended:
        m_endings.erase(std::find_if(m_endings.begin(), m_endings.end(),
                                     [call](const Ending &each) { return each.call == call; }));
        recycle(call);
        break;
    case UpstreamCall::Stage::Free:
    case UpstreamCall::Stage::Cancelled:
        break;
    }
    if (!m_working && !m_multi.inside()) {
        armTimer();
    }
    return timings;
}

// ---- what the calls ask for

void UpstreamClient::Private::deadlineChanged(UpstreamCall &call)
{
    // A deadline that moved away is left where it is: when it comes, it is looked at again. Most
    // never come, so that a byte of an answer costs nothing here.
    const qint64 due = call.nextDeadlineNs();
    if (due >= 0 && (call.slot == Deadline::kNotQueued || due < call.dueNs)) {
        m_deadlines.set(call, due);
    }
}

// ---- calls and their handles

UpstreamCall *UpstreamClient::Private::takeCall()
{
    if (m_free.empty()) {
        return m_calls.emplace_back(std::make_unique<UpstreamCall>(m_multi, *this)).get();
    }
    UpstreamCall *call = m_free.back();
    m_free.pop_back();
    return call;
}

void UpstreamClient::Private::recycle(UpstreamCall *call)
{
    if (m_free.size() < kPooledCalls) {
        call->clear();
        call->stage = UpstreamCall::Stage::Free;
        m_free.push_back(call);
        return;
    }
    const auto place = std::find_if(m_calls.begin(), m_calls.end(),
                                    [call](const auto &each) { return each.get() == call; });
    std::swap(*place, m_calls.back());
    m_calls.pop_back();
}

void UpstreamClient::Private::run(UpstreamCall *call)
{
    call->stage = UpstreamCall::Stage::Running;
    deadlineChanged(*call);
    if (!m_multi.add(call->easy())) {
        endAt(call, call->ended(CURLE_FAILED_INIT));
    }
}

void UpstreamClient::Private::endAt(UpstreamCall *call, UpstreamResult &&result)
{
    m_deadlines.remove(*call);
    call->stage = UpstreamCall::Stage::Ended;
    m_endings.push_back({call, std::move(result)});
}

void UpstreamClient::Private::forget(std::vector<UpstreamCall *> &list, UpstreamCall *call)
{
    const auto place = std::find(list.begin(), list.end(), call);
    if (place != list.end()) {
        list.erase(place);
    }
}

// ---- a turn

void UpstreamClient::Private::work()
{
    if (m_working) {
        return;
    }
    m_working = true;
    for (int round = 0; round < kRoundsPerTurn; ++round) {
        removeCancelled();
        collectFinished();
        unpauseResumed();
        deliverEndings();
        runQueued();
        if (!hasWork()) {
            break;
        }
    }
    m_working = false;
    armTimer();
    if (std::exchange(m_delivered, false) && turnEnded) {
        turnEnded();
    }
}

bool UpstreamClient::Private::hasWork() const
{
    return !m_cancelled.empty() || !m_resumed.empty() || !m_endings.empty() || !m_queued.empty();
}

void UpstreamClient::Private::removeCancelled()
{
    while (!m_cancelled.empty()) {
        UpstreamCall *call = m_cancelled.back();
        m_cancelled.pop_back();
        m_multi.remove(call->easy());
        recycle(call);
    }
}

void UpstreamClient::Private::collectFinished()
{
    while (const auto finished = m_multi.nextFinished()) {
        UpstreamCall *call = UpstreamCall::of(finished->easy);
        if (call->stage == UpstreamCall::Stage::Cancelled) {
            continue; // removeCancelled() is about to deal with it
        }
        m_multi.remove(finished->easy);
        endAt(call, call->ended(finished->code));
    }
}

void UpstreamClient::Private::unpauseResumed()
{
    bool unpaused = false;
    // Only those that are there now: what is held meanwhile waits for the next round.
    for (size_t left = m_resumed.size(); left > 0 && !m_resumed.empty(); --left) {
        UpstreamCall *call = m_resumed.front();
        m_resumed.erase(m_resumed.begin());
        if (call->takeHeldPiece()) {
            m_multi.unpause(call->easy());
            unpaused = true;
        }
    }
    if (unpaused) {
        m_multi.drive();
        collectFinished();
    }
}

void UpstreamClient::Private::deliverEndings()
{
    while (!m_endings.empty()) {
        const Ending ending = std::move(m_endings.front());
        m_endings.pop_front();
        UpstreamListener *listener = ending.call->listener();
        ending.call->dropListener(); // cancel() has no effect from here on
        --active;
        m_delivered = true;
        listener->upstreamFinished(ending.result);
        recycle(ending.call);
    }
}

void UpstreamClient::Private::runQueued()
{
    if (m_queued.empty()) {
        return;
    }
    const std::vector<UpstreamCall *> queued = std::exchange(m_queued, {});
    for (UpstreamCall *call : queued) {
        run(call);
    }
    m_multi.drive();
    collectFinished();
}

// ---- time

void UpstreamClient::Private::failOverdue()
{
    const qint64 now = monotonicNs();
    while (Deadline *first = m_deadlines.first()) {
        if (first->dueNs > now) {
            break;
        }
        auto *call = static_cast<UpstreamCall *>(first);
        const qint64 due = call->nextDeadlineNs();
        if (due < 0) {
            m_deadlines.remove(*call);
        } else if (due > now) {
            m_deadlines.set(*call, due);
        } else {
            UpstreamResult result = call->failed(call->nextTimeout());
            call->closeAfterwards();
            m_multi.remove(call->easy());
            forget(m_resumed, call);
            endAt(call, std::move(result));
        }
    }
}

void UpstreamClient::Private::onTimer()
{
    m_armedNs = -1;
    if (m_multi.dueNs() >= 0 && m_multi.dueNs() <= monotonicNs()) {
        m_multi.drive();
        collectFinished();
    }
    failOverdue();
    work();
}

void UpstreamClient::Private::armTimer()
{
    qint64 due = m_multi.dueNs();
    if (const Deadline *first = m_deadlines.first(); first && (due < 0 || first->dueNs < due)) {
        due = first->dueNs;
    }
    const qint64 now = monotonicNs();
    if (hasWork()) {
        due = now;
    }
    // Too early is harmless, so the timer is only ever moved forward: with one call after the other
    // it is hardly touched.
    if (due < 0 || (m_armedNs >= 0 && m_armedNs <= due)) {
        return;
    }
    const qint64 waitMs = due <= now ? 0 : (due - now + kNsPerMs - 1) / kNsPerMs;
    m_armedNs = now + waitMs * kNsPerMs;
    m_timer.start(int(std::min<qint64>(waitMs, std::numeric_limits<int>::max())));
}

// ---- UpstreamClient

UpstreamClient::UpstreamClient()
    : d(std::make_unique<Private>())
{
}

UpstreamClient::~UpstreamClient() = default;

void UpstreamClient::initialiseLibrary()
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
#ifdef SIGPIPE
    // CURLOPT_NOSIGNAL saves libcurl two system calls at each entry and leaves this to us.
    std::signal(SIGPIPE, SIG_IGN);
#endif
}

UpstreamCall *UpstreamClient::start(UpstreamRequest &&request, UpstreamListener &listener)
{
    return d->start(std::move(request), listener);
}

void UpstreamClient::resume(UpstreamCall *call)
{
    d->resume(call);
}

UpstreamTimings UpstreamClient::cancel(UpstreamCall *call)
{
    return d->cancel(call);
}

void UpstreamClient::setAddressCheck(AddressCheck check)
{
    d->check = std::move(check);
}

void UpstreamClient::setTurnEnded(std::function<void()> callback)
{
    d->turnEnded = std::move(callback);
}

int UpstreamClient::activeCalls() const
{
    return d->active;
}

} // namespace tidegate
