// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"

#include <QHostAddress>

#include <cstddef>
#include <string_view>

namespace tidegate {

/// A connected TCP socket, non-blocking and without delay; and how to make a listening one.
///
/// Lives in an engine thread; owned by its Connection. The only place that calls the socket API, so
/// that another platform needs a branch only here.
class StreamSocket
{
public:
    /// What a read or write came to when it is not a number of bytes.
    static constexpr qint64 kWouldBlock = -1; ///< nothing can be moved now
    static constexpr qint64 kBroken = -2;     ///< the connection is unusable
    static constexpr qint64 kClosed = 0;      ///< read(): the peer closed its sending side

    /// Takes over an accepted descriptor.
    explicit StreamSocket(qintptr fd);
    ~StreamSocket() { close(); }
    StreamSocket(const StreamSocket &) = delete;
    StreamSocket &operator=(const StreamSocket &) = delete;

    [[nodiscard]] qintptr fd() const { return m_fd; }
    [[nodiscard]] bool isOpen() const { return m_fd >= 0; }
    /// The address and port of the peer; null when it is gone already.
    [[nodiscard]] QHostAddress peer(quint16 &port) const;

    /// Bytes read, kClosed, kWouldBlock or kBroken.
    [[nodiscard]] qint64 read(char *into, size_t size);
    /// Writes up to eight pieces with one system call. Bytes written, kWouldBlock or kBroken.
    [[nodiscard]] qint64 write(const std::string_view *pieces, int count);
    /// Says that no more bytes will be sent.
    void shutdownWrite();
    /// Closes at once. With @p reset the peer sees a reset instead of an orderly end.
    void close(bool reset = false);

    /// A listening socket; several may share one port when each is @p shared.
    static Result<qintptr> listenOn(const QHostAddress &address, quint16 port, bool shared);
    /// Closes a descriptor that nobody took over.
    static void discard(qintptr fd);

private:
    qintptr m_fd;
};

} // namespace tidegate
