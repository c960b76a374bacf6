// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/upstream/scriptedupstream.h"

#include "gateway/base/clock.h"

#include <algorithm>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidegate {

namespace {

qsizetype bodyLength(const QByteArray &head)
{
    const qsizetype at = head.toLower().indexOf("\r\ncontent-length:");
    if (at < 0) {
        return 0;
    }
    const qsizetype value = at + qsizetype(sizeof("\r\ncontent-length:")) - 1;
    return head.mid(value, head.indexOf('\r', value) - value).trimmed().toLongLong();
}

} // namespace

// ---- Peer

ScriptedUpstream::Peer::Peer(ScriptedUpstream &upstream, int fd, int number)
    : m_upstream(upstream)
    , m_fd(fd)
    , m_number(number)
{
    const timeval patience = {5, 0};
    setsockopt(m_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(m_fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const int on = 1;
    setsockopt(m_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool ScriptedUpstream::Peer::fill()
{
    char buffer[65536];
    const ssize_t count = recv(m_fd, buffer, sizeof buffer, 0);
    if (count > 0) {
        m_received.append(buffer, count);
    }
    return count > 0;
}

bool ScriptedUpstream::Peer::readHead()
{
    while (!m_received.contains("\r\n\r\n")) {
        if (!fill()) {
            return false;
        }
    }
    return true;
}

bool ScriptedUpstream::Peer::readRequest()
{
    if (!readHead()) {
        return false;
    }
    const qsizetype headSize = m_received.indexOf("\r\n\r\n") + 4;
    const qsizetype size = headSize + bodyLength(m_received.left(headSize));
    while (m_received.size() < size) {
        if (!fill()) {
            return false;
        }
    }
    m_request = m_received.left(size);
    m_received.remove(0, size);
    m_upstream.note(m_request);
    return true;
}

bool ScriptedUpstream::Peer::send(const QByteArray &bytes)
{
    qsizetype sent = 0;
    while (sent < bytes.size()) {
        const ssize_t count =
            ::send(m_fd, bytes.constData() + sent, size_t(bytes.size() - sent), MSG_NOSIGNAL);
        if (count <= 0) {
            return false;
        }
        sent += count;
    }
    return true;
}

bool ScriptedUpstream::Peer::sendByBytes(const QByteArray &bytes)
{
    for (const char byte : bytes) {
        if (!send(QByteArray(1, byte))) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

void ScriptedUpstream::Peer::close()
{
    shutdown(m_fd, SHUT_WR);
}

void ScriptedUpstream::Peer::reset()
{
    const linger hard = {1, 0};
    setsockopt(m_fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    // Takes the place of the connection, which is thereby closed for good.
    const int dead = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    dup2(dead, m_fd);
    ::close(dead);
}

bool ScriptedUpstream::Peer::waitForClose()
{
    const qint64 limit = monotonicNs() + 5'000'000'000;
    while (monotonicNs() < limit && !m_upstream.m_stopping) {
        char buffer[65536];
        const ssize_t count = recv(m_fd, buffer, sizeof buffer, 0);
        if (count == 0 || (count < 0 && errno != EAGAIN)) {
            m_upstream.m_closedNs = monotonicNs();
            ++m_upstream.m_closed;
            return true;
        }
    }
    return false;
}

// ---- ScriptedUpstream

ScriptedUpstream::ScriptedUpstream(Script script, bool ipv6)
    : m_script(std::move(script))
    , m_ipv6(ipv6)
{
    m_listener = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_storage storage = {};
    auto *address = reinterpret_cast<sockaddr *>(&storage);
    socklen_t size = 0;
    if (ipv6) {
        auto *v6 = reinterpret_cast<sockaddr_in6 *>(&storage);
        v6->sin6_family = AF_INET6;
        v6->sin6_addr = in6addr_loopback;
        size = sizeof *v6;
    } else {
        auto *v4 = reinterpret_cast<sockaddr_in *>(&storage);
        v4->sin_family = AF_INET;
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        size = sizeof *v4;
    }
    if (bind(m_listener, address, size) != 0 || listen(m_listener, 512) != 0 ||
        getsockname(m_listener, address, &size) != 0) {
        return;
    }
    m_port = ntohs(ipv6 ? reinterpret_cast<sockaddr_in6 *>(&storage)->sin6_port
                        : reinterpret_cast<sockaddr_in *>(&storage)->sin_port);
    m_acceptor = std::thread([this] { acceptAll(); });
}

ScriptedUpstream::~ScriptedUpstream()
{
    m_stopping = true;
    shutdown(m_listener, SHUT_RDWR);
    if (m_acceptor.joinable()) {
        m_acceptor.join();
    }
    {
        const std::lock_guard lock(m_mutex);
        for (const int fd : m_open) {
            shutdown(fd, SHUT_RDWR);
        }
    }
    for (std::thread &thread : m_threads) {
        thread.join();
    }
    ::close(m_listener);
}

QByteArray ScriptedUpstream::url(const QByteArray &path) const
{
    return (m_ipv6 ? "http://[::1]:" : "http://127.0.0.1:") + QByteArray::number(m_port) + path;
}

QList<QByteArray> ScriptedUpstream::requests() const
{
    const std::lock_guard lock(m_mutex);
    return m_requests;
}

void ScriptedUpstream::note(const QByteArray &request)
{
    const std::lock_guard lock(m_mutex);
    m_requests.append(request);
}

void ScriptedUpstream::acceptAll()
{
    while (!m_stopping) {
        const int fd = accept4(m_listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) {
            continue;
        }
        const int number = ++m_connections;
        const std::lock_guard lock(m_mutex);
        m_open.push_back(fd);
        m_threads.emplace_back([this, fd, number] {
            Peer peer(*this, fd, number);
            m_script(peer);
            const std::lock_guard closing(m_mutex);
            m_open.erase(std::find(m_open.begin(), m_open.end(), fd));
            ::close(fd);
        });
    }
}

QByteArray plainAnswer(const QByteArray &body, const QByteArray &moreFields)
{
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + moreFields +
           "Content-Length: " + QByteArray::number(body.size()) + "\r\n\r\n" + body;
}

} // namespace tidegate
