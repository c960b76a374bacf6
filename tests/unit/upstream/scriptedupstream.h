// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QList>
#include <QtGlobal>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tidegate {

/// A TCP server on 127.0.0.1 (or ::1) whose behaviour is a script, byte by byte.
///
/// Each connection runs the script in a thread of its own, so scripts block as they please, up to
/// five seconds for any one thing. Owned by a test; its destructor ends every connection.
class ScriptedUpstream
{
public:
    /// One accepted connection, for use in the script.
    class Peer
    {
    public:
        /// Reads one request with Content-Length or without a body. False when the client is gone.
        bool readRequest();
        /// Reads only up to the end of the head.
        bool readHead();
        bool send(const QByteArray &bytes);
        /// One packet for each byte.
        bool sendByBytes(const QByteArray &bytes);
        /// FIN.
        void close();
        /// RST.
        void reset();
        /// Waits for the client's FIN or RST while throwing away what it sends.
        bool waitForClose();
        /// The first connection is 1.
        [[nodiscard]] int number() const { return m_number; }
        [[nodiscard]] const QByteArray &request() const { return m_request; }

    private:
        friend class ScriptedUpstream;
        Peer(ScriptedUpstream &upstream, int fd, int number);
        bool fill();

        ScriptedUpstream &m_upstream;
        int m_fd;
        int m_number;
        QByteArray m_received;
        QByteArray m_request;
    };
    using Script = std::function<void(Peer &)>;

    explicit ScriptedUpstream(Script script, bool ipv6 = false);
    ~ScriptedUpstream();
    ScriptedUpstream(const ScriptedUpstream &) = delete;
    ScriptedUpstream &operator=(const ScriptedUpstream &) = delete;

    /// False when the address family is not there.
    [[nodiscard]] bool isListening() const { return m_port != 0; }
    [[nodiscard]] quint16 port() const { return m_port; }
    [[nodiscard]] QByteArray url(const QByteArray &path = "/v1/chat/completions") const;

    [[nodiscard]] int connections() const { return m_connections; }
    /// Every request read so far, whole.
    [[nodiscard]] QList<QByteArray> requests() const;
    /// Monotonic time at which the latest waitForClose() saw the end; 0 for never.
    [[nodiscard]] qint64 closedNs() const { return m_closedNs; }
    /// How many waitForClose() have seen the end.
    [[nodiscard]] int closed() const { return m_closed; }

private:
    void acceptAll();
    void note(const QByteArray &request);

    const Script m_script;
    const bool m_ipv6;
    int m_listener = -1;
    quint16 m_port = 0;
    std::atomic<int> m_connections{0};
    std::atomic<int> m_closed{0};
    std::atomic<qint64> m_closedNs{0};
    std::atomic<bool> m_stopping{false};
    mutable std::mutex m_mutex;
    QList<QByteArray> m_requests;
    std::vector<int> m_open;
    std::vector<std::thread> m_threads;
    std::thread m_acceptor;
};

/// A whole answer with Content-Length.
[[nodiscard]] QByteArray plainAnswer(const QByteArray &body, const QByteArray &moreFields = {});

} // namespace tidegate
