// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <array>
#include <charconv>

#include <algorithm>
#include <string_view>

namespace tidegate {

/// What an exchange wants to hear about the client it answers. Called in the engine thread.
class ResponseListener
{
public:
    /// The client closed or reset the connection before end(). The writer must not be used any
    /// more.
    virtual void clientGone() = 0;
    /// The backlog fell to the low-water mark again after write() returned false.
    virtual void clientWritable() = 0;

protected:
    ~ResponseListener() = default;
};

/// The fields and status of one answer.
///
/// Build it with add(); Date, Connection, Content-Length and Transfer-Encoding are the writer's and
/// are never added by hand.
struct ResponseHead
{
    /// Room for the fields of an answer with limits.
    static constexpr qsizetype kUsualBytes = 900;

    explicit ResponseHead(int statusCode = 200)
        : status(statusCode)
    {
        fields.reserve(kUsualBytes);
    }
    void add(std::string_view name, qint64 value)
    {
        std::array<char, 24> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
        add(name, std::string_view(digits.data(), size_t(end - digits.data())));
    }
    void add(std::string_view name, std::string_view value)
    {
        // One change of the array's size instead of four: a proxied answer has a dozen fields.
        const qsizetype before = fields.size();
        fields.resize(before + qsizetype(name.size() + value.size()) + 4);
        char *to = std::copy(name.begin(), name.end(), fields.data() + before);
        *to++ = ':';
        *to++ = ' ';
        to = std::copy(value.begin(), value.end(), to);
        *to++ = '\r';
        *to = '\n';
    }

    int status;
    QByteArray fields; ///< "Name: value\r\n" lines
};

/// Writes the answer to one request on one connection, in order with its pipelined neighbours.
///
/// Lives in the engine thread; owned by its connection. Valid from RequestHandler::handle() until
/// the first of: send(), end(), abort(), or ResponseListener::clientGone(). HEAD, HTTP/1.0 and
/// Connection: close are dealt with here, so callers always write as if for GET over HTTP/1.1.
class ResponseWriter
{
public:
    /// Who hears of clientGone() and clientWritable(); null to hear nothing.
    virtual void setListener(ResponseListener *listener) = 0;
    /// A whole answer in one write. Ends the writer.
    virtual void send(const ResponseHead &head, const QByteArray &body) = 0;
    /// Starts an answer. @p contentLength -1: unknown (chunked, or close-delimited for HTTP/1.0).
    /// All that is written in one turn of the event loop leaves together at its end.
    virtual void begin(const ResponseHead &head, qint64 contentLength) = 0;
    /// A piece of the body. False when the backlog is above the high-water mark: stop
    /// until clientWritable(). The piece is taken in either case.
    virtual bool write(std::string_view piece) = 0;
    /// The answer is complete. Ends the writer.
    virtual void end() = 0;
    /// Cuts the connection so that the client can tell the answer is not complete. Ends the writer.
    virtual void abort() = 0;
    /// Bytes taken but not yet in the kernel.
    [[nodiscard]] virtual qint64 backlog() const = 0;
    /// Bytes of this answer handed to the kernel or queued, head included.
    [[nodiscard]] virtual qint64 bytesWritten() const = 0;

protected:
    ~ResponseWriter() = default;
};

} // namespace tidegate
