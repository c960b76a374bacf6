// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/http/httplimits.h"
#include "gateway/http/httprequest.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace tidegate {

/// Reads requests of one connection from bytes that arrive in pieces of any size (RFC 9112).
///
/// Lives in an engine thread; owned by its Connection. Strict where leniency lets two parties
/// disagree about where a request ends: a line ends with CRLF and nothing else, folded fields,
/// white space before a colon, any repeated Content-Length or Host, Content-Length beside
/// Transfer-Encoding, and control characters are all refused. Up to four empty lines before a
/// request are skipped. Each byte is looked at once, and memory grows only with bytes received.
class RequestParser
{
public:
    enum class Status : quint8
    {
        NeedMore, ///< all bytes were taken
        HeadDone, ///< the head is complete and a body follows; call consume() again for it
        Complete, ///< takeRequest() gives the request
        Failed,   ///< see failure(); the parser is of no more use
    };
    struct Failure
    {
        int status = 0;
        std::string_view code;    ///< of the API's error envelope
        std::string_view message; ///< plain English
    };

    explicit RequestParser(const HttpLimits &limits)
        : m_limits(limits)
    {
    }

    /// Bounds of the next request. Only while isIdle().
    void setLimits(const HttpLimits &limits) { m_limits = limits; }

    /// Takes bytes up to the next event. Returns how many were taken.
    size_t consume(const char *data, size_t size, Status &status);
    /// From now on body bytes are counted and thrown away. Only after HeadDone.
    void discardBody();

    /// The request as far as it is known: its head from HeadDone on.
    [[nodiscard]] HttpRequest &request() { return m_request; }
    /// Ends the request and makes the parser ready for the next one.
    HttpRequest takeRequest();
    /// Forgets the request and makes the parser ready for the next one.
    void reset();

    [[nodiscard]] const Failure &failure() const { return m_failure; }
    /// No byte of a request was taken yet.
    [[nodiscard]] bool isIdle() const { return m_state == State::Start; }
    [[nodiscard]] bool inBody() const { return m_state >= State::FixedBody; }
    /// Of the current request, from HeadDone on.
    [[nodiscard]] bool isHttp10() const { return m_http10; }
    [[nodiscard]] bool wantsClose() const { return m_http10 ? !m_keepAlive : m_close; }
    [[nodiscard]] bool expectsContinue() const { return m_expectContinue; }
    [[nodiscard]] bool hasUnknownExpectation() const { return m_unknownExpectation; }
    /// Body bytes still to come, -1 for a chunked body.
    [[nodiscard]] qint64 remainingBody() const { return m_chunked ? -1 : m_remaining; }
    /// Bytes thrown away since discardBody(), framing included.
    [[nodiscard]] qint64 discarded() const { return m_discarded; }

private:
    enum class State : quint8
    {
        Start,
        RequestLine,
        Fields,
        FixedBody,
        ChunkSize,
        ChunkData,
        ChunkEnd,
        Trailer,
        Done,
    };
    struct Span
    {
        quint32 name;
        quint32 nameSize;
        quint32 value;
        quint32 valueSize;
    };

    size_t takeLine(const char *data, size_t size, bool &complete);
    bool takeHeadLine(std::string_view line, size_t offset);
    bool parseRequestLine(std::string_view line);
    bool parseField(std::string_view line, size_t offset);
    bool interpretField(std::string_view name, std::string_view value);
    bool parseContentLength(std::string_view value);
    bool finishHead();
    bool splitTarget();
    bool parseChunkSize(std::string_view line);
    bool checkTrailer(std::string_view line);
    void appendBody(const char *data, size_t size);
    bool fail(int status, std::string_view code, std::string_view message);
    bool malformed(std::string_view message) { return fail(400, "invalid_request", message); }

    HttpLimits m_limits;
    HttpRequest m_request;
    std::vector<Span> m_spans;
    QByteArray m_line; ///< an unfinished chunk-size or trailer line
    Failure m_failure;
    qint64 m_remaining = 0; ///< of the body or of the current chunk
    qint64 m_bodySize = 0;  ///< received so far, without framing
    qint64 m_overhead = 0;  ///< chunk-size lines and trailers so far
    qint64 m_discarded = 0;
    quint32 m_lineStart = 0; ///< of the current head line in the head
    quint32 m_targetStart = 0;
    quint32 m_targetSize = 0;
    int m_hostField = -1; ///< index of the Host field
    State m_state = State::Start;
    quint8 m_emptyLines = 0;
    bool m_http10 = false;
    bool m_close = false;
    bool m_keepAlive = false;
    bool m_expectContinue = false;
    bool m_unknownExpectation = false;
    bool m_hasLength = false;
    bool m_hasEncoding = false;
    bool m_unknownEncoding = false;
    bool m_chunked = false;
    bool m_discard = false;
};

} // namespace tidegate
