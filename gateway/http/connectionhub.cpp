// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/http/connectionhub.h"

#include "gateway/base/clock.h"
#include "gateway/http/connection.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace tidegate {

namespace {

constexpr int kTickMs = 250;
constexpr int kQuietTicks = 4;
constexpr qint64 kNsPerMs = 1'000'000;
// A client that takes nothing of its answer for this long is gone.
constexpr qint64 kStallMs = 60'000;
constexpr qint64 kLingerMs = 1'000;
// Above the connection cap, so many are refused with time to read why; more are just closed.
constexpr int kMaxRefusedOpen = 256;

} // namespace

ConnectionHub::ConnectionHub(RequestHandler &handler, const HttpLimits &limits,
                             std::function<void(HttpMethod)> introduce)
    : m_handler(handler)
    , m_limits(limits)
    , m_introduce(std::move(introduce))
    , m_readBuffer(std::make_unique_for_overwrite<char[]>(readBufferSize()))
    , m_recentNs(monotonicNs())
{
    m_headBuffer.reserve(1024);
    m_timer.setInterval(kTickMs);
    m_timer.setTimerType(Qt::CoarseTimer);
    connect(&m_timer, &QTimer::timeout, this, &ConnectionHub::onTick);
}

ConnectionHub::~ConnectionHub()
{
    ++m_depth; // nothing is deleted or resumed while the list is walked
    while (!m_connections.empty()) {
        m_connections.back()->drop();
    }
    m_retired.clear();
}

void ConnectionHub::accept(qintptr fd)
{
    const Scope scope(*this);
    if (m_counted >= m_limits.maxConnections || m_closing) {
        refuse(fd);
        return;
    }
    auto connection = std::make_unique<Connection>(*this, fd);
    Connection &started = *connection;
    add(std::move(connection), true);
    started.start();
}

void ConnectionHub::refuse(qintptr fd)
{
    ShortAnswer answer = m_closing
                             ? m_handler.refusal(503, "draining", "The gateway is stopping.")
                             : m_handler.refusal(503, "too_many_connections",
                                                 "The gateway has too many open connections.");
    answer.head.add("Retry-After", "1");
    auto connection = std::make_unique<Connection>(*this, fd);
    Connection &refused = *connection;
    add(std::move(connection), false);
    refused.refuseAtOnce(answer);
    if (int(m_connections.size()) - m_counted > kMaxRefusedOpen) {
        refused.close(false);
    }
}

void ConnectionHub::add(std::unique_ptr<Connection> connection, bool counted)
{
    connection->m_index = m_connections.size();
    connection->m_counted = counted;
    m_counted += counted ? 1 : 0;
    m_connections.push_back(std::move(connection));
    m_active = true;
    if (!m_timer.isActive()) {
        m_recentNs = monotonicNs();
        m_timer.start();
    }
}

void ConnectionHub::dispatch(Connection &connection)
{
    m_ready.push_back(&connection);
    m_dispatchReady.schedule();
}

void ConnectionHub::dispatchReady()
{
    const Scope scope(*this);
    const auto newcomer = std::find_if(m_ready.begin(), m_ready.end(), [](const Connection *each) {
        return each != nullptr && !each->m_introduced;
    });
    if (newcomer == m_ready.end()) {
        deliverReady();
    } else {
        m_introduce((*newcomer)->method());
    }
}

void ConnectionHub::deliverReady()
{
    // A handler may answer at once, and so make the next request of that client ready.
    for (size_t i = 0; i < m_ready.size(); ++i) {
        if (Connection *connection = std::exchange(m_ready[i], nullptr)) {
            connection->m_introduced = true;
            connection->deliver();
        }
    }
    m_ready.clear();
}

void ConnectionHub::scheduleFlush(Connection &connection)
{
    m_active = true;
    if (!std::exchange(connection.m_flushScheduled, true)) {
        m_flushes.push_back(&connection);
        m_flushAll.schedule();
    }
}

void ConnectionHub::flushAll()
{
    const Scope scope(*this);
    for (size_t i = 0; i < m_flushes.size(); ++i) {
        if (Connection *connection = std::exchange(m_flushes[i], nullptr)) {
            connection->flushAnswer();
        }
    }
    m_flushes.clear();
}

void ConnectionHub::retire(Connection &connection)
{
    Connection *const none = nullptr;
    std::replace(m_ready.begin(), m_ready.end(), &connection, none);
    std::replace(m_flushes.begin(), m_flushes.end(), &connection, none);
    const size_t index = connection.m_index;
    m_retired.push_back(std::move(m_connections[index]));
    if (index + 1 != m_connections.size()) {
        m_connections[index] = std::move(m_connections.back());
        m_connections[index]->m_index = index;
    }
    m_connections.pop_back();
    m_counted -= connection.m_counted ? 1 : 0;
    if (m_depth == 0 && !m_settleQueued) {
        m_settleQueued = true;
        QMetaObject::invokeMethod(
            this, [this] { const Scope scope(*this); }, Qt::QueuedConnection);
    }
}

void ConnectionHub::scheduleResume(Connection &connection)
{
    if (connection.m_resumeScheduled) {
        return;
    }
    connection.m_resumeScheduled = true;
    m_resumes.push_back(&connection);
    if (m_depth == 0 && !m_settleQueued) {
        m_settleQueued = true;
        QMetaObject::invokeMethod(
            this, [this] { const Scope scope(*this); }, Qt::QueuedConnection);
    }
}

void ConnectionHub::settle()
{
    m_settleQueued = false;
    // A connection in the list is not deleted before the list is empty. One that resumes may put
    // itself in again: then its answer was given at once, and the next one is due.
    for (size_t i = 0; i < m_resumes.size(); ++i) {
        m_resumes[i]->resume();
    }
    m_resumes.clear();
    m_retired.clear();
}

void ConnectionHub::closeIdle()
{
    const Scope scope(*this);
    for (size_t i = m_connections.size(); i > 0; --i) {
        m_connections[i - 1]->closeIfIdle();
    }
}

std::string_view ConnectionHub::dateField()
{
    const qint64 now = qint64(std::time(nullptr));
    if (now != m_dateSeconds) {
        m_dateSeconds = now;
        static constexpr char kDays[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        static constexpr char kMonths[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        const std::time_t seconds = std::time_t(now);
        std::tm utc = {};
#ifdef Q_OS_WIN
        gmtime_s(&utc, &seconds);
#else
        gmtime_r(&seconds, &utc);
#endif
        // Not strftime: its names follow the locale.
        m_dateField = QByteArray("Date: ") + kDays[utc.tm_wday] + ", " +
                      QByteArray::number(utc.tm_mday).rightJustified(2, '0') + ' ' +
                      kMonths[utc.tm_mon] + ' ' + QByteArray::number(utc.tm_year + 1900) + ' ' +
                      QByteArray::number(utc.tm_hour).rightJustified(2, '0') + ':' +
                      QByteArray::number(utc.tm_min).rightJustified(2, '0') + ':' +
                      QByteArray::number(utc.tm_sec).rightJustified(2, '0') + " GMT\r\n";
    }
    return {m_dateField.constData(), size_t(m_dateField.size())};
}

qint64 ConnectionHub::stampNs()
{
    m_active = true;
    m_recentNs = monotonicNs();
    return m_recentNs;
}

qint64 ConnectionHub::durationNs(Deadline kind) const
{
    switch (kind) {
    case Deadline::Idle:
        return m_limits.idleTimeoutMs * kNsPerMs;
    case Deadline::Header:
        return m_limits.headerTimeoutMs * kNsPerMs;
    case Deadline::Body:
        return m_limits.bodyTimeoutMs * kNsPerMs;
    case Deadline::Stall:
        return kStallMs * kNsPerMs;
    case Deadline::Linger:
        break;
    }
    return kLingerMs * kNsPerMs;
}

void ConnectionHub::arm(Connection &connection, Deadline kind)
{
    m_deadlines[int(kind)].enter(connection, m_recentNs + durationNs(kind));
}

void ConnectionHub::onTick()
{
    {
        const Scope scope(*this);
        const qint64 now = m_recentNs = monotonicNs();
        for (int kind = 0; kind < kDeadlineKinds; ++kind) {
            while (DeadlineNode *node = m_deadlines[kind].takeDue(now)) {
                static_cast<Connection *>(node)->deadlinePassed(Deadline(kind));
            }
        }
    }
    noteQuiet();
    if (m_connections.empty() && m_quietTicks == kQuietTicks) {
        m_timer.stop();
    }
}

void ConnectionHub::noteQuiet()
{
    if (std::exchange(m_active, false)) {
        m_quietTicks = 0;
    } else if (m_quietTicks < kQuietTicks && ++m_quietTicks == kQuietTicks) {
        m_handler.quiet();
    }
}

} // namespace tidegate
