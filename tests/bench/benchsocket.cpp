// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/benchsocket.h"

#include <cerrno>
#include <ctime>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidegate::bench {

int64_t nowNs()
{
    timespec now = {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void raiseDescriptorLimit()
{
    rlimit limit = {};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int connectTo(const BenchUrl &url)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(uint16_t(url.port));
    if (fd < 0 || inet_pton(AF_INET, url.host.c_str(), &address.sin_addr) != 1 ||
        connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

bool SendQueue::send(int fd, std::string_view bytes)
{
    if (pending() == 0) {
        const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count == ssize_t(bytes.size())) {
            return true;
        }
        if (count < 0 && errno != EAGAIN) {
            return false;
        }
        bytes.remove_prefix(count > 0 ? size_t(count) : 0);
    }
    m_pending.append(bytes);
    return true;
}

bool SendQueue::flush(int fd)
{
    while (pending() > 0) {
        const ssize_t count =
            ::send(fd, m_pending.data() + m_done, m_pending.size() - m_done, MSG_NOSIGNAL);
        if (count < 0) {
            return errno == EAGAIN;
        }
        m_done += size_t(count);
    }
    m_pending.clear();
    m_done = 0;
    return true;
}

} // namespace tidegate::bench
