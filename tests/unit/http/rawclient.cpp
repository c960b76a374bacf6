// SPDX-License-Identifier: GPL-3.0-or-later
#include "rawclient.h"

#include <QString>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace tidegate {

QByteArray RawClient::Answer::field(const QByteArray &name) const
{
    const QByteArray wanted = "\r\n" + name.toLower() + ':';
    const qsizetype at = head.toLower().indexOf(wanted);
    if (at < 0) {
        return {};
    }
    const qsizetype from = at + wanted.size();
    const QByteArray value = head.mid(from, head.indexOf("\r\n", from) - from).trimmed();
    return value.isNull() ? QByteArray("") : value;
}

RawClient::RawClient(quint16 port, int receiveBuffer)
{
    m_fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience = {10, 0};
    const int one = 1;
    ::setsockopt(m_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(m_fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ::setsockopt(m_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (receiveBuffer > 0) {
        ::setsockopt(m_fd, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, sizeof receiveBuffer);
    }
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(m_fd, reinterpret_cast<sockaddr *>(&to), sizeof to) != 0) {
        close();
    }
}

RawClient::RawClient(RawClient &&other) noexcept
    : m_fd(std::exchange(other.m_fd, -1))
    , m_buffer(std::move(other.m_buffer))
    , m_ended(other.m_ended)
    , m_reset(other.m_reset)
{
}

RawClient::~RawClient()
{
    close();
}

bool RawClient::send(const QByteArray &bytes)
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

bool RawClient::fill()
{
    char buffer[65536];
    const ssize_t count = m_ended ? 0 : ::recv(m_fd, buffer, sizeof buffer, 0);
    if (count > 0) {
        m_buffer.append(buffer, count);
        return true;
    }
    if (count == 0 || errno != EAGAIN) {
        m_ended = true;
        m_reset = m_reset || count < 0;
    }
    return false;
}

bool RawClient::readUntil(const QByteArray &text)
{
    while (!m_buffer.contains(text)) {
        if (!fill()) {
            return false;
        }
    }
    return true;
}

RawClient::Answer RawClient::read(bool withoutBody)
{
    Answer answer;
    if (!readUntil("\r\n\r\n")) {
        return answer;
    }
    const qsizetype headSize = m_buffer.indexOf("\r\n\r\n") + 4;
    answer.head = m_buffer.left(headSize);
    m_buffer.remove(0, headSize);
    answer.status = answer.head.mid(9, 3).toInt();
    const bool bodyless =
        withoutBody || answer.status == 204 || answer.status == 304 || answer.status < 200;
    if (bodyless) {
        answer.complete = true;
    } else if (answer.has("content-length")) {
        const qsizetype size = answer.field("content-length").toLongLong();
        while (m_buffer.size() < size && fill()) {
        }
        answer.complete = m_buffer.size() >= size;
        answer.body = m_buffer.left(size);
        m_buffer.remove(0, std::min(size, m_buffer.size()));
    } else if (answer.field("transfer-encoding") == "chunked") {
        while (readUntil("\r\n")) {
            const qsizetype lineSize = m_buffer.indexOf("\r\n") + 2;
            const qsizetype size = m_buffer.left(lineSize).trimmed().toLongLong(nullptr, 16);
            while (m_buffer.size() < lineSize + size + 2 && fill()) {
            }
            if (m_buffer.size() < lineSize + size + 2) {
                break;
            }
            answer.body += m_buffer.mid(lineSize, size);
            m_buffer.remove(0, lineSize + size + 2);
            if (size == 0) {
                answer.complete = true;
                break;
            }
        }
    } else {
        answer.body = readAll();
        answer.complete = m_ended && !m_reset;
    }
    return answer;
}

QByteArray RawClient::readAll(bool *reset)
{
    while (fill()) {
    }
    if (reset) {
        *reset = m_reset;
    }
    return std::exchange(m_buffer, QByteArray());
}

void RawClient::finish()
{
    ::shutdown(m_fd, SHUT_WR);
}

void RawClient::close(bool reset)
{
    if (m_fd < 0) {
        return;
    }
    if (reset) {
        const linger atOnce = {1, 0};
        ::setsockopt(m_fd, SOL_SOCKET, SO_LINGER, &atOnce, sizeof atOnce);
    }
    ::close(std::exchange(m_fd, -1));
}

} // namespace tidegate
