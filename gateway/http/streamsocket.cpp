// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/http/streamsocket.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace tidegate {

namespace {

constexpr int kListenBacklog = 4096;
constexpr size_t kMaxPieces = 8;

#ifdef MSG_NOSIGNAL
constexpr int kSendFlags = MSG_NOSIGNAL;
#else
constexpr int kSendFlags = 0; // SO_NOSIGPIPE is set instead
#endif

void setOption(int fd, int level, int option, int value)
{
    ::setsockopt(fd, level, option, &value, sizeof value);
}

void prepare(int fd)
{
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

QHostAddress addressOf(const sockaddr_storage &storage, quint16 &port)
{
    if (storage.ss_family == AF_INET6) {
        const auto &v6 = reinterpret_cast<const sockaddr_in6 &>(storage);
        port = ntohs(v6.sin6_port);
        const QHostAddress address(reinterpret_cast<const quint8 *>(&v6.sin6_addr));
        bool mapped = false;
        const quint32 v4 = address.toIPv4Address(&mapped);
        return mapped ? QHostAddress(v4) : address;
    }
    if (storage.ss_family == AF_INET) {
        const auto &v4 = reinterpret_cast<const sockaddr_in &>(storage);
        port = ntohs(v4.sin_port);
        return QHostAddress(ntohl(v4.sin_addr.s_addr));
    }
    return {};
}

socklen_t storageOf(const QHostAddress &address, quint16 port, bool v6, sockaddr_storage &storage)
{
    std::memset(&storage, 0, sizeof storage);
    if (v6) {
        auto &to = reinterpret_cast<sockaddr_in6 &>(storage);
        to.sin6_family = AF_INET6;
        to.sin6_port = htons(port);
        if (address.protocol() == QAbstractSocket::IPv6Protocol) {
            const Q_IPV6ADDR bytes = address.toIPv6Address();
            std::memcpy(&to.sin6_addr, &bytes, sizeof bytes);
            to.sin6_scope_id = address.scopeId().toUInt();
        }
        return sizeof to;
    }
    auto &to = reinterpret_cast<sockaddr_in &>(storage);
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(address.toIPv4Address());
    return sizeof to;
}

} // namespace

StreamSocket::StreamSocket(qintptr fd)
    : m_fd(fd)
{
    prepare(int(fd));
    setOption(int(fd), IPPROTO_TCP, TCP_NODELAY, 1);
#ifdef SO_NOSIGPIPE
    setOption(int(fd), SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
}

QHostAddress StreamSocket::peer(quint16 &port) const
{
    sockaddr_storage storage;
    socklen_t size = sizeof storage;
    if (::getpeername(int(m_fd), reinterpret_cast<sockaddr *>(&storage), &size) != 0) {
        return {};
    }
    return addressOf(storage, port);
}

qint64 StreamSocket::read(char *into, size_t size)
{
    ssize_t count = 0;
    do {
        count = ::recv(int(m_fd), into, size, 0);
    } while (count < 0 && errno == EINTR);
    if (count >= 0) {
        return count;
    }
    return errno == EAGAIN || errno == EWOULDBLOCK ? kWouldBlock : kBroken;
}

qint64 StreamSocket::write(const std::string_view *pieces, int count)
{
    std::array<iovec, kMaxPieces> vectors;
    Q_ASSERT(size_t(count) <= vectors.size());
    for (int i = 0; i < count; ++i) {
        vectors[size_t(i)] = {const_cast<char *>(pieces[i].data()), pieces[i].size()};
    }
    msghdr message = {};
    message.msg_iov = vectors.data();
    message.msg_iovlen = decltype(message.msg_iovlen)(count);
    ssize_t written = 0;
    do {
        written = ::sendmsg(int(m_fd), &message, kSendFlags);
    } while (written < 0 && errno == EINTR);
    if (written >= 0) {
        return written;
    }
    // ENOBUFS is a shortage of the moment, not the end of the connection.
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? kWouldBlock : kBroken;
}

void StreamSocket::shutdownWrite()
{
    ::shutdown(int(m_fd), SHUT_WR);
}

void StreamSocket::close(bool reset)
{
    if (m_fd < 0) {
        return;
    }
    if (reset) {
        const linger atOnce = {1, 0};
        ::setsockopt(int(m_fd), SOL_SOCKET, SO_LINGER, &atOnce, sizeof atOnce);
    }
    ::close(int(m_fd));
    m_fd = -1;
}

void StreamSocket::discard(qintptr fd)
{
    ::close(int(fd));
}

Result<qintptr> StreamSocket::listenOn(const QHostAddress &address, quint16 port, bool shared)
{
    const bool any = address.protocol() == QAbstractSocket::AnyIPProtocol;
    bool v6 = any || address.protocol() == QAbstractSocket::IPv6Protocol;
    int fd = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
    if (fd < 0 && any) {
        v6 = false; // a machine without IPv6
        fd = ::socket(AF_INET, SOCK_STREAM, 0);
    }
    const auto failed = [&]() -> Result<qintptr> {
        const QString reason = qt_error_string(errno);
        if (fd >= 0) {
            ::close(fd);
        }
        const QString name = any ? QStringLiteral("*") : address.toString();
        return Error{
            QStringLiteral("Cannot listen on %1 port %2: %3.").arg(name).arg(port).arg(reason)};
    };
    if (fd < 0) {
        return failed();
    }
    prepare(fd);
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (v6) {
        setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, any ? 0 : 1);
    }
#ifdef SO_REUSEPORT
    if (shared) {
        setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    }
#else
    Q_UNUSED(shared)
#endif
    sockaddr_storage storage;
    const socklen_t size = storageOf(address, port, v6, storage);
    if (::bind(fd, reinterpret_cast<const sockaddr *>(&storage), size) != 0 ||
        ::listen(fd, kListenBacklog) != 0) {
        return failed();
    }
    return qintptr(fd);
}

} // namespace tidegate
