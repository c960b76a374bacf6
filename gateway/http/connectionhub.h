// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/turnend.h"
#include "gateway/http/deadlinelist.h"
#include "gateway/http/httplimits.h"
#include "gateway/http/requesthandler.h"

#include <QObject>
#include <QTimer>

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace tidegate {

class Connection;

/// What the connections of one front door share: bounds, deadlines, buffers, and their lifetime.
///
/// Lives in an engine thread; owned by FrontDoor. A connection that closed is only deleted when no
/// front-door call is on the stack.
class ConnectionHub : public QObject
{
    Q_OBJECT

public:
    enum class Deadline : quint8
    {
        Idle,
        Header,
        Body,
        Stall,
        Linger
    };
    static constexpr int kDeadlineKinds = 5;

    /// Every call that comes from the event loop holds one of these.
    class Scope
    {
    public:
        explicit Scope(ConnectionHub &hub)
            : m_hub(hub)
        {
            ++m_hub.m_depth;
        }
        ~Scope()
        {
            if (m_hub.m_depth == 1 && (!m_hub.m_resumes.empty() || !m_hub.m_retired.empty())) {
                m_hub.settle();
            }
            --m_hub.m_depth;
        }
        Scope(const Scope &) = delete;
        Scope &operator=(const Scope &) = delete;

    private:
        ConnectionHub &m_hub;
    };

    /// @p introduce is called when the first request of a connection is complete, with its method,
    /// and has to call deliverReady().
    ConnectionHub(RequestHandler &handler, const HttpLimits &limits,
                  std::function<void(HttpMethod)> introduce);
    ~ConnectionHub() override;

    /// Takes over an accepted descriptor; above the cap it is answered 503 and closed.
    void accept(qintptr fd);
    void closeIdle();
    /// Hands the complete requests to the handler.
    void deliverReady();
    void setLimits(const HttpLimits &limits) { m_limits = limits; }
    /// While true every answer ends its connection.
    void setClosing(bool closing) { m_closing = closing; }
    [[nodiscard]] int connectionCount() const { return m_counted; }

    // For Connection
    [[nodiscard]] RequestHandler &handler() { return m_handler; }
    [[nodiscard]] const HttpLimits &limits() const { return m_limits; }
    [[nodiscard]] bool isClosing() const { return m_closing; }
    [[nodiscard]] char *readBuffer() { return m_readBuffer.get(); }
    [[nodiscard]] static constexpr size_t readBufferSize() { return 64 * 1024; }
    /// Empty, for building a head that is used before control returns.
    [[nodiscard]] QByteArray &headBuffer()
    {
        m_headBuffer.resize(0);
        return m_headBuffer;
    }
    /// "Date: …\r\n" of now.
    [[nodiscard]] std::string_view dateField();
    /// Monotonic time of the latest read or tick: good enough for deadlines.
    [[nodiscard]] qint64 recentNs() const { return m_recentNs; }
    qint64 stampNs();
    void arm(Connection &connection, Deadline kind);
    /// Its request is complete; calls its deliver() at the end of the turn.
    void dispatch(Connection &connection);
    /// Calls its flushAnswer() at the end of the turn.
    void scheduleFlush(Connection &connection);
    /// Calls its resume() once the stack is clear.
    void scheduleResume(Connection &connection);
    /// The connection is closed; deletes it later.
    void retire(Connection &connection);

private:
    friend class Scope;
    void add(std::unique_ptr<Connection> connection, bool counted);
    void refuse(qintptr fd);
    void settle();
    void dispatchReady();
    void flushAll();
    void onTick();
    void noteQuiet();
    [[nodiscard]] qint64 durationNs(Deadline kind) const;

    RequestHandler &m_handler;
    HttpLimits m_limits;
    std::function<void(HttpMethod)> m_introduce;
    std::unique_ptr<char[]> m_readBuffer;
    QByteArray m_headBuffer;
    QByteArray m_dateField;
    qint64 m_dateSeconds = 0;
    qint64 m_recentNs = 0;
    DeadlineList m_deadlines[kDeadlineKinds];
    QTimer m_timer;
    std::vector<std::unique_ptr<Connection>> m_connections;
    std::vector<std::unique_ptr<Connection>> m_retired;
    std::vector<Connection *> m_resumes;
    std::vector<Connection *> m_ready;   ///< with a complete request; null: closed meanwhile
    std::vector<Connection *> m_flushes; ///< with a part of an answer; null: closed meanwhile
    TurnEnd m_dispatchReady{TurnEnd::Stage::Requests, [this] { dispatchReady(); }};
    TurnEnd m_flushAll{TurnEnd::Stage::Answers, [this] { flushAll(); }};
    int m_counted = 0;
    int m_quietTicks = 0;  ///< without anything read or sent, up to kQuietTicks
    bool m_active = false; ///< something was since the latest tick
    int m_depth = 0;
    bool m_closing = false;
    bool m_settleQueued = false;
};

} // namespace tidegate
