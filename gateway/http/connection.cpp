// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/http/connection.h"

#include "gateway/http/statustext.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace tidegate {

namespace {

// A client may send this much ahead of an answer before reading pauses.
constexpr qsizetype kMaxPending = 16 * 1024;
// Of a refused body, this much is read so that the client gets to see the refusal.
constexpr qint64 kMaxDrain = 256 * 1024;
// Buffers that grew beyond this are given back when they are empty.
constexpr qsizetype kKeptCapacity = 1024;
// What is written is gathered up to this size.
constexpr qint64 kMaxGathered = 16 * 1024;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";
constexpr std::string_view kLineEnd = "\r\n";

void append(QByteArray &to, std::string_view text)
{
    to.append(text.data(), qsizetype(text.size()));
}

void appendNumber(QByteArray &to, qint64 number)
{
    char digits[24];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
    to.append(digits, qsizetype(end - digits));
}

void release(QByteArray &buffer)
{
    if (buffer.capacity() > kKeptCapacity) {
        buffer = QByteArray();
    } else {
        buffer.resize(0);
    }
}

bool neverHasBody(int status)
{
    return status == 204 || status == 304 || status < 200;
}

} // namespace

Connection::Connection(ConnectionHub &hub, qintptr fd)
    : m_hub(hub)
    , m_socket(fd)
    , m_parser(hub.limits())
{
    m_peerAddress = m_socket.peer(m_peerPort);
    m_watch.emplace(fd, *this);
}

Connection::~Connection()
{
    // The watch goes before the descriptor that it watches.
    m_watch.reset();
}

void Connection::start()
{
    updateInterest();
    updateDeadline();
}

void Connection::refuseAtOnce(const ShortAnswer &answer)
{
    m_keepAlive = false;
    refuseRequest(answer);
}

// ---- events

void Connection::fdReady(bool readable, bool writable)
{
    const ConnectionHub::Scope scope(m_hub);
    if (writable) {
        flushOut();
    }
    if (readable && m_phase != Phase::Closed) {
        readSome();
    }
}

void Connection::fdHungUp()
{
    const ConnectionHub::Scope scope(m_hub);
    gone();
}

void Connection::deadlinePassed(ConnectionHub::Deadline kind)
{
    m_deadlineArmed = false;
    switch (kind) {
    case ConnectionHub::Deadline::Idle:
    case ConnectionHub::Deadline::Linger:
        close(false);
        return;
    case ConnectionHub::Deadline::Header:
        refuse(408, "request_timeout", "The request head did not arrive in time.");
        return;
    case ConnectionHub::Deadline::Body:
        refuse(408, "request_timeout", "The request body stopped arriving.");
        return;
    case ConnectionHub::Deadline::Stall:
        drop();
        return;
    }
}

void Connection::drop()
{
    m_broken = true; // so that the client cannot take what it got for the whole answer
    gone();
}

void Connection::closeIfIdle()
{
    if (m_phase == Phase::Reading && m_parser.isIdle() && m_pending.isEmpty() && backlog() == 0) {
        close(false);
    }
}

void Connection::resume()
{
    m_resumeScheduled = false;
    if (m_phase == Phase::Closed) {
        return;
    }
    if (m_broken) {
        gone();
        return;
    }
    if (!mayParse() || m_pending.isEmpty()) {
        return;
    }
    size_t used = 0;
    const bool complete = advance(m_pending.constData() + m_pendingUsed,
                                  size_t(m_pending.size() - m_pendingUsed), used);
    m_pendingUsed += qsizetype(used);
    if (m_pendingUsed >= m_pending.size()) {
        m_pending = QByteArray();
        m_pendingUsed = 0;
    }
    if (complete) {
        dispatch();
    }
    updateInterest();
    updateDeadline();
}

void Connection::gone()
{
    if (m_phase == Phase::Closed) {
        return;
    }
    ResponseListener *const listener =
        m_phase == Phase::Answering ? std::exchange(m_listener, nullptr) : nullptr;
    close(m_broken);
    if (listener) {
        listener->clientGone();
    }
}

void Connection::close(bool reset)
{
    if (m_phase == Phase::Closed) {
        return;
    }
    m_phase = Phase::Closed;
    leaveDeadlineList();
    m_listener = nullptr;
    m_watch.reset();
    m_socket.close(reset);
    m_out = QByteArray();
    m_pending = QByteArray();
    m_outSent = 0;
    m_hub.retire(*this);
}

// ---- reading

bool Connection::mayParse() const
{
    return (m_phase == Phase::Reading && m_out.isEmpty()) || m_phase == Phase::Draining;
}

void Connection::readSome()
{
    const bool parse = mayParse() && m_pending.isEmpty();
    char *const buffer = m_hub.readBuffer();
    const qint64 count =
        m_socket.read(buffer, parse || m_phase == Phase::Lingering ? ConnectionHub::readBufferSize()
                                                                   : size_t(kMaxPending));
    if (count == StreamSocket::kWouldBlock) {
        return;
    }
    if (count == StreamSocket::kClosed && m_phase == Phase::Reading && !m_out.isEmpty()) {
        finish(false); // half-closed after its last request, whose answer is still on its way
        return;
    }
    if (count <= 0) {
        m_broken = m_broken || count == StreamSocket::kBroken;
        gone();
        return;
    }
    if (m_phase == Phase::Lingering) {
        m_lingered += count;
        if (m_lingered > kMaxDrain) {
            close(false);
        }
        return;
    }
    m_readNs = m_hub.stampNs();
    if (!parse) {
        stash(buffer, size_t(count));
        updateInterest();
        return;
    }
    size_t used = 0;
    const bool complete = advance(buffer, size_t(count), used);
    // Before the handler runs: the buffer is everybody's.
    if (used < size_t(count) && m_phase != Phase::Closed && m_phase != Phase::Lingering &&
        m_phase != Phase::Flushing) {
        stash(buffer + used, size_t(count) - used);
    }
    if (complete) {
        dispatch();
    }
    updateInterest();
    updateDeadline(true);
}

void Connection::stash(const char *data, size_t size)
{
    if (m_pendingUsed > 0) {
        m_pending.remove(0, m_pendingUsed);
        m_pendingUsed = 0;
    }
    m_pending.append(data, qsizetype(size));
}

// Parses until a request is complete (true), or the bytes are used up, or the connection has other
// things to do.
bool Connection::advance(const char *data, size_t size, size_t &used)
{
    while (used < size && mayParse()) {
        if (m_parser.isIdle()) {
            m_parser.setLimits(m_hub.limits());
            m_parser.request().firstByteNs = m_readNs;
            m_screened = false;
        }
        RequestParser::Status status;
        used += m_parser.consume(data + used, size - used, status);
        switch (status) {
        case RequestParser::Status::NeedMore:
            break;
        case RequestParser::Status::HeadDone:
            if (!headDone(used < size)) {
                return false;
            }
            break;
        case RequestParser::Status::Complete:
            if (m_phase == Phase::Draining) {
                m_parser.reset();
                m_phase = Phase::Reading;
                break;
            }
            if (!m_screened && !screenRequest()) {
                break;
            }
            m_parser.request().completeNs = m_readNs;
            return true;
        case RequestParser::Status::Failed: {
            if (m_phase == Phase::Draining) {
                finish(true);
                return false;
            }
            const RequestParser::Failure &failure = m_parser.failure();
            refuse(failure.status, failure.code, failure.message);
            return false;
        }
        }
        if (m_phase == Phase::Draining && m_parser.discarded() > kMaxDrain) {
            finish(true);
        }
    }
    return false;
}

// False when parsing must not go on.
bool Connection::headDone(bool bodyArrived)
{
    if (m_parser.hasUnknownExpectation()) {
        refuse(417, "expectation_failed", "The only supported expectation is 100-continue.");
        return false;
    }
    if (!screenRequest()) {
        return m_phase == Phase::Draining;
    }
    if (m_parser.expectsContinue() && !bodyArrived) {
        sendAtOnce(&kContinue, 1);
        return m_out.isEmpty();
    }
    return true;
}

// Lets the handler refuse by the head. False when it did; a refused request without a body, or with
// one that is small or complete, leaves the connection usable.
bool Connection::screenRequest()
{
    m_screened = true;
    HttpRequest &request = m_parser.request();
    request.peerAddress = m_peerAddress;
    request.peerPort = m_peerPort;
    m_http10 = m_parser.isHttp10();
    m_isHead = request.method == HttpMethod::Head;
    m_keepAlive = !m_parser.wantsClose();
    const std::optional<ShortAnswer> answer = m_hub.handler().screen(request);
    if (!answer) {
        return true;
    }
    const bool bodyToCome = m_parser.inBody() && m_parser.remainingBody() != 0;
    if (bodyToCome &&
        (m_parser.expectsContinue() || m_parser.remainingBody() > kMaxDrain || m_hub.isClosing())) {
        m_keepAlive = false;
    }
    if (m_keepAlive && bodyToCome) {
        m_parser.discardBody();
        refuseRequest(*answer);
        if (m_phase != Phase::Closed) {
            m_phase = Phase::Draining;
        }
    } else {
        m_parser.reset();
        refuseRequest(*answer);
    }
    return false;
}

void Connection::refuse(int status, std::string_view code, std::string_view message)
{
    m_keepAlive = false;
    if (!m_screened) {
        // The head is not known, so neither is whether a body would be read.
        m_http10 = false;
        m_isHead = false;
    }
    refuseRequest(m_hub.handler().refusal(status, code, message));
}

// Sends an answer of our own. Without keep-alive the connection ends after it.
void Connection::refuseRequest(const ShortAnswer &answer)
{
    m_answerBytes = 0;
    QByteArray &head = m_hub.headBuffer();
    buildHead(head, answer.head, answer.body.size());
    const std::string_view pieces[] = {
        {head.constData(), size_t(head.size())},
        {answer.body.constData(), m_framing == Framing::None ? 0 : size_t(answer.body.size())}};
    sendAtOnce(pieces, 2);
    if (!m_keepAlive) {
        finish(true);
    }
}

void Connection::dispatch()
{
    m_phase = Phase::Answering;
    m_unsent = true;
    m_paused = false;
    m_answerBytes = 0;
    m_framing = Framing::None;
    m_listener = nullptr;
    leaveDeadlineList();
    m_deadlineArmed = false;
    m_hub.dispatch(*this);
}

void Connection::deliver()
{
    m_hub.handler().handle(m_parser.takeRequest(), *this);
}

// ---- answering

void Connection::buildHead(QByteArray &into, const ResponseHead &head, qint64 contentLength)
{
    const std::string_view line = statusLine(head.status);
    if (line.empty()) {
        append(into, "HTTP/1.1 ");
        appendNumber(into, head.status);
        append(into, " Other\r\n");
    } else {
        append(into, line);
    }
    into.append(head.fields);
    append(into, m_hub.dateField());
    const bool bodyless = neverHasBody(head.status);
    if (contentLength >= 0) {
        m_framing = Framing::Length;
        m_remaining = contentLength;
        if (!bodyless) {
            append(into, "Content-Length: ");
            appendNumber(into, contentLength);
            append(into, kLineEnd);
        }
    } else if (m_http10) {
        m_framing = Framing::UntilClose;
        m_keepAlive = m_keepAlive && (m_isHead || bodyless);
    } else {
        m_framing = Framing::Chunked;
        if (!bodyless && !m_isHead) {
            append(into, "Transfer-Encoding: chunked\r\n");
        }
    }
    if (bodyless || m_isHead) {
        m_framing = Framing::None;
    }
    m_keepAlive = m_keepAlive && !m_hub.isClosing();
    if (!m_keepAlive) {
        append(into, "Connection: close\r\n");
    } else if (m_http10) {
        append(into, "Connection: keep-alive\r\n");
    }
    append(into, kLineEnd);
}

void Connection::send(const ResponseHead &head, const QByteArray &body)
{
    if (m_phase != Phase::Answering) {
        return;
    }
    QByteArray &buffer = m_hub.headBuffer();
    buildHead(buffer, head, body.size());
    const std::string_view pieces[] = {
        {buffer.constData(), size_t(buffer.size())},
        {body.constData(), m_framing == Framing::None ? 0 : size_t(body.size())}};
    transmit(pieces, 2);
    answerEnded();
}

void Connection::begin(const ResponseHead &head, qint64 contentLength)
{
    if (m_phase != Phase::Answering) {
        return;
    }
    QByteArray &buffer = m_hub.headBuffer();
    buildHead(buffer, head, contentLength);
    const std::string_view piece(buffer.constData(), size_t(buffer.size()));
    transmit(&piece, 1);
}

bool Connection::write(std::string_view piece)
{
    if (m_phase != Phase::Answering || piece.empty()) {
        return true;
    }
    if (m_framing == Framing::Length) {
        piece = piece.substr(0, size_t(std::min<qint64>(m_remaining, qint64(piece.size()))));
        m_remaining -= qint64(piece.size());
    }
    if (m_framing == Framing::None) {
        return true;
    }
    char chunkSize[20];
    std::string_view chunkLine;
    if (m_framing == Framing::Chunked) {
        const auto [end, error] =
            std::to_chars(chunkSize, chunkSize + sizeof chunkSize - 2, piece.size(), 16);
        end[0] = '\r';
        end[1] = '\n';
        chunkLine = {chunkSize, size_t(end - chunkSize) + 2};
    }
    m_unsent = false;
    const std::string_view pieces[] = {chunkLine, piece,
                                       chunkLine.empty() ? std::string_view() : kLineEnd};
    transmit(pieces, 3);
    if (backlog() > m_hub.limits().highWaterBytes) {
        m_paused = true;
        return false;
    }
    return true;
}

void Connection::end()
{
    if (m_phase != Phase::Answering) {
        return;
    }
    if (m_framing == Framing::Length && m_remaining > 0) {
        abort();
        return;
    }
    if (m_framing == Framing::Chunked) {
        transmit(&kLastChunk, 1);
    }
    answerEnded();
}

void Connection::abort()
{
    if (m_phase != Phase::Answering) {
        return;
    }
    m_listener = nullptr;
    m_keepAlive = false;
    if (m_unsent || m_framing == Framing::UntilClose) {
        // Nothing was sent, or only a reset tells this end from the regular one.
        close(true);
        return;
    }
    // What was sent before is still delivered; the missing end says the rest.
    finish(false);
}

// A part of an answer. It leaves at the end of the turn, together with what else the turn brings,
// unless it is so large that a copy would cost more than a system call.
void Connection::transmit(const std::string_view *pieces, int count)
{
    qint64 total = 0;
    for (int i = 0; i < count; ++i) {
        total += qint64(pieces[i].size());
    }
    if (backlog() + total > kMaxGathered) {
        sendAtOnce(pieces, count);
        return;
    }
    m_answerBytes += total;
    if (total == 0 || m_broken) {
        return;
    }
    if (m_out.isEmpty()) {
        m_out.reserve(std::max(qsizetype(total), kKeptCapacity));
        m_hub.scheduleFlush(*this);
    }
    for (int i = 0; i < count; ++i) {
        append(m_out, pieces[i]);
    }
}

void Connection::flushAnswer()
{
    m_flushScheduled = false;
    flushOut();
    if (m_phase != Phase::Closed) {
        updateInterest();
        updateDeadline();
    }
}

// Sends now what the kernel takes and keeps the rest. Never calls back: a failure is told later.
void Connection::sendAtOnce(const std::string_view *pieces, int count)
{
    qint64 total = 0;
    for (int i = 0; i < count; ++i) {
        total += qint64(pieces[i].size());
    }
    m_answerBytes += total;
    if (total == 0 || m_broken) {
        return;
    }
    qint64 sent = 0;
    const bool socketFull = !m_out.isEmpty() && !m_flushScheduled;
    if (!socketFull) {
        std::array<std::string_view, 4> all;
        all[0] = {m_out.constData() + m_outSent, size_t(backlog())};
        std::copy_n(pieces, count, all.begin() + 1);
        sent = m_socket.write(all.data(), count + 1);
        if (sent == StreamSocket::kBroken) {
            m_broken = true;
            m_hub.scheduleResume(*this);
            return;
        }
        sent = std::max<qint64>(sent, 0);
        m_unsent = m_unsent && sent == 0;
        const qint64 gathered = std::min(sent, backlog());
        m_outSent += qsizetype(gathered);
        if (m_outSent == m_out.size()) {
            release(m_out);
            m_outSent = 0;
        }
        sent -= gathered;
        if (sent == total) {
            return;
        }
        m_out.reserve(m_out.size() + qsizetype(total - sent));
    }
    for (int i = 0; i < count; ++i) {
        const qint64 skipped = std::min(sent, qint64(pieces[i].size()));
        sent -= skipped;
        append(m_out, pieces[i].substr(size_t(skipped)));
    }
    updateInterest();
    updateDeadline();
}

void Connection::flushOut()
{
    if (m_out.isEmpty()) {
        updateInterest();
        return;
    }
    const std::string_view rest(m_out.constData() + m_outSent, size_t(m_out.size() - m_outSent));
    const qint64 sent = m_socket.write(&rest, 1);
    if (sent == StreamSocket::kWouldBlock) {
        return;
    }
    if (sent == StreamSocket::kBroken) {
        m_broken = true;
        gone();
        return;
    }
    m_unsent = m_unsent && sent == 0;
    m_outSent += qsizetype(sent);
    if (m_outSent == m_out.size()) {
        release(m_out);
        m_outSent = 0;
    } else if (m_outSent >= m_out.size() / 2) {
        // Amortised: each byte moves at most once for each byte sent.
        m_out.remove(0, m_outSent);
        m_outSent = 0;
    }
    m_hub.stampNs();
    updateDeadline(true);
    if (m_out.isEmpty()) {
        outDrained();
    }
    if (m_phase == Phase::Answering && m_paused && backlog() <= m_hub.limits().lowWaterBytes) {
        m_paused = false;
        if (m_listener) {
            m_listener->clientWritable();
        }
    }
    updateInterest();
}

void Connection::outDrained()
{
    if (m_phase == Phase::Flushing) {
        if (m_linger) {
            startLingering();
        } else {
            close(false);
        }
    } else if (m_phase == Phase::Reading && !m_pending.isEmpty()) {
        m_hub.scheduleResume(*this);
    }
}

void Connection::answerEnded()
{
    m_listener = nullptr;
    m_paused = false;
    if (!m_keepAlive || m_hub.isClosing()) {
        // Bytes that nobody will read would turn the close into a reset.
        finish(!m_pending.isEmpty());
        return;
    }
    m_phase = Phase::Reading;
    if (!m_pending.isEmpty() && m_out.isEmpty()) {
        m_hub.scheduleResume(*this);
    }
    updateInterest();
    updateDeadline();
}

// No further request: sends what is left, then closes.
void Connection::finish(bool linger)
{
    if (m_phase == Phase::Closed) {
        return;
    }
    m_phase = Phase::Flushing;
    m_listener = nullptr;
    m_linger = linger;
    m_pending = QByteArray();
    m_pendingUsed = 0;
    m_parser.reset();
    if (m_broken) {
        close(true);
    } else if (m_out.isEmpty()) {
        outDrained();
    } else {
        updateInterest();
        updateDeadline();
    }
}

void Connection::startLingering()
{
    m_phase = Phase::Lingering;
    m_socket.shutdownWrite();
    updateInterest();
    updateDeadline();
}

// ---- what to wait for

void Connection::updateInterest()
{
    if (!m_watch) {
        return;
    }
    const bool roomToRead = m_pending.size() - m_pendingUsed < kMaxPending;
    const bool read = m_phase != Phase::Flushing && (roomToRead || m_broken);
    m_watch->setInterest(read, !m_out.isEmpty() && !m_flushScheduled);
    // While the last answer is on its way its own failure is all that matters.
    m_watch->setHangUpInterest(!read && m_phase != Phase::Flushing);
}

void Connection::armOnce(ConnectionHub::Deadline kind)
{
    if (!m_deadlineArmed || m_deadline != kind) {
        m_deadline = kind;
        m_deadlineArmed = true;
        m_hub.arm(*this, kind);
    }
}

// One deadline at a time, by what the connection waits for. @p progress: bytes moved.
void Connection::updateDeadline(bool progress)
{
    using Deadline = ConnectionHub::Deadline;
    if (m_phase == Phase::Closed) {
        return;
    }
    if (m_phase == Phase::Lingering || m_phase == Phase::Draining) {
        armOnce(Deadline::Linger);
        return;
    }
    if (!m_out.isEmpty() && !m_flushScheduled) {
        if (progress) {
            m_deadlineArmed = false;
        }
        armOnce(Deadline::Stall);
        return;
    }
    if (m_phase != Phase::Reading) {
        leaveDeadlineList();
        m_deadlineArmed = false;
    } else if (m_parser.isIdle()) {
        if (progress) {
            m_deadlineArmed = false;
        }
        armOnce(Deadline::Idle);
    } else if (m_parser.inBody()) {
        if (progress) {
            m_deadlineArmed = false;
        }
        armOnce(Deadline::Body);
    } else {
        armOnce(Deadline::Header);
    }
}

} // namespace tidegate
