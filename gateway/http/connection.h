// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/fdwatch.h"
#include "gateway/http/connectionhub.h"
#include "gateway/http/deadlinelist.h"
#include "gateway/http/requestparser.h"
#include "gateway/http/responsewriter.h"
#include "gateway/http/streamsocket.h"

#include <optional>

namespace tidegate {

/// One client connection: reads requests, one at a time, and writes their answers in order.
///
/// Lives in an engine thread; owned by its ConnectionHub. A further request is only looked at when
/// the answer before it has ended and is in the kernel, which keeps pipelined answers in order and
/// memory bounded. While an answer runs the connection keeps listening: the end of the client's
/// sending side counts as the client being gone, also when it only half-closed.
class Connection final : public FdWatcher, public ResponseWriter, public DeadlineNode
{
public:
    Connection(ConnectionHub &hub, qintptr fd);
    ~Connection();

    /// Begins to read.
    void start();
    /// Answers without having read anything, and closes.
    void refuseAtOnce(const ShortAnswer &answer);
    /// Hands the complete request to the handler.
    void deliver();
    [[nodiscard]] HttpMethod method() { return m_parser.request().method; }
    /// Gives the kernel what of the answer has come together.
    void flushAnswer();
    /// Goes on with what had to wait.
    void resume();
    void closeIfIdle();
    void deadlinePassed(ConnectionHub::Deadline kind);
    /// Closes at once; an exchange in flight hears clientGone().
    void drop();

    // FdWatcher
    void fdReady(bool readable, bool writable) override;
    void fdHungUp() override;

    // ResponseWriter
    void setListener(ResponseListener *listener) override { m_listener = listener; }
    void send(const ResponseHead &head, const QByteArray &body) override;
    void begin(const ResponseHead &head, qint64 contentLength) override;
    bool write(std::string_view piece) override;
    void end() override;
    void abort() override;
    [[nodiscard]] qint64 backlog() const override { return m_out.size() - m_outSent; }
    [[nodiscard]] qint64 bytesWritten() const override { return m_answerBytes; }

private:
    friend class ConnectionHub;
    enum class Phase : quint8
    {
        Reading,   ///< a request, or waiting for one
        Answering, ///< the handler has the request
        Draining,  ///< refused early, the rest of its body is thrown away, then Reading again
        Flushing,  ///< the last answer is on its way, then Lingering or Closed
        Lingering, ///< nothing more to say; reads on for a moment so that the client can, too
        Closed,
    };
    enum class Framing : quint8
    {
        None,
        Length,
        Chunked,
        UntilClose
    };

    void readSome();
    [[nodiscard]] bool mayParse() const;
    bool advance(const char *data, size_t size, size_t &used);
    void stash(const char *data, size_t size);
    bool headDone(bool bodyArrived);
    bool screenRequest();
    void dispatch();
    void refuse(int status, std::string_view code, std::string_view message);
    void refuseRequest(const ShortAnswer &answer);
    void buildHead(QByteArray &into, const ResponseHead &head, qint64 contentLength);
    void transmit(const std::string_view *pieces, int count);
    void sendAtOnce(const std::string_view *pieces, int count);
    void flushOut();
    void outDrained();
    void answerEnded();
    void finish(bool linger);
    void startLingering();
    void gone();
    void close(bool reset);
    void updateInterest();
    void updateDeadline(bool progress = false);
    void armOnce(ConnectionHub::Deadline kind);

    ConnectionHub &m_hub;
    StreamSocket m_socket;
    std::optional<FdWatch> m_watch;
    RequestParser m_parser;
    QHostAddress m_peerAddress;
    ResponseListener *m_listener = nullptr;
    QByteArray m_out;        ///< taken but not in the kernel
    QByteArray m_pending;    ///< read but not yet parsed
    qsizetype m_outSent = 0; ///< of m_out
    qsizetype m_pendingUsed = 0;
    qint64 m_answerBytes = 0;
    qint64 m_remaining = 0; ///< of the answer's body, for Framing::Length
    qint64 m_readNs = 0;    ///< when the latest bytes were read
    qint64 m_lingered = 0;  ///< bytes thrown away while Lingering
    size_t m_index = 0;     ///< in the hub
    quint16 m_peerPort = 0;
    Phase m_phase = Phase::Reading;
    Framing m_framing = Framing::None;
    ConnectionHub::Deadline m_deadline = ConnectionHub::Deadline::Idle;
    bool m_deadlineArmed = false;
    bool m_counted = false;    ///< against maxConnections
    bool m_introduced = false; ///< QtHttpServer has seen its first request
    bool m_screened = false;
    bool m_keepAlive = true;
    bool m_http10 = false;
    bool m_isHead = false; ///< the request's method was HEAD
    bool m_unsent =
        true; ///< nothing of this answer is taken, or only its head and not by the kernel
    bool m_flushScheduled = false;
    bool m_paused = false; ///< write() returned false
    bool m_linger = false; ///< after Flushing
    bool m_broken = false; ///< a write failed; told from the event loop
    bool m_resumeScheduled = false;
};

} // namespace tidegate
