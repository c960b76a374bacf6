// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/upstream/curlmulti.h"

#include "gateway/base/clock.h"

#include <QScopedValueRollback>

#ifndef Q_OS_WIN
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

#include <utility>

namespace tidegate {

namespace {

// Idle connections kept for the next call, over all hosts. libcurl's own choice, four times the
// running calls, would close most of them after a burst.
constexpr long kIdleConnections = 1024;

/// 0 when it is not that of a connected IP socket.
int localPortOf(curl_socket_t socket)
{
    sockaddr_storage address = {};
    socklen_t size = sizeof address;
    if (getsockname(socket, reinterpret_cast<sockaddr *>(&address), &size) != 0) {
        return 0;
    }
    switch (address.ss_family) {
    case AF_INET:
        return ntohs(reinterpret_cast<const sockaddr_in &>(address).sin_port);
    case AF_INET6:
        return ntohs(reinterpret_cast<const sockaddr_in6 &>(address).sin6_port);
    default:
        return 0;
    }
}

/// False where it cannot be had.
bool setCork(curl_socket_t socket, bool on)
{
#ifdef TCP_CORK
    const int value = on ? 1 : 0;
    return setsockopt(socket, IPPROTO_TCP, TCP_CORK, &value, sizeof value) == 0;
#else
    Q_UNUSED(socket)
    Q_UNUSED(on)
    return false;
#endif
}

} // namespace

CurlMulti::CurlMulti(CurlMultiUser &user)
    : m_user(user)
    , m_multi(curl_multi_init())
{
    Q_CHECK_PTR(m_multi);
    curl_multi_setopt(m_multi, CURLMOPT_SOCKETFUNCTION, onSocket);
    curl_multi_setopt(m_multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(m_multi, CURLMOPT_TIMERFUNCTION, onTimer);
    curl_multi_setopt(m_multi, CURLMOPT_TIMERDATA, this);
    // One call to a connection at a time, over HTTP/2 as well. Calls that share one are not
    // independent: in libcurl 7.88 a paused stream stops the others or buffers up to 32 MB, and the
    // reset of a cancelled one is not sent before the connection's next event.
    curl_multi_setopt(m_multi, CURLMOPT_PIPELINING, long(CURLPIPE_NOTHING));
    curl_multi_setopt(m_multi, CURLMOPT_MAXCONNECTS, kIdleConnections);
}

CurlMulti::~CurlMulti()
{
    m_inside = true;
    curl_multi_cleanup(m_multi);
}

bool CurlMulti::add(CURL *easy)
{
    return curl_multi_add_handle(m_multi, easy) == CURLM_OK;
}

void CurlMulti::remove(CURL *easy)
{
    const QScopedValueRollback inside(m_inside, true);
    curl_multi_remove_handle(m_multi, easy);
}

void CurlMulti::drive()
{
    // libcurl says again what is due next, but not that nothing is.
    m_dueNs = -1;
    act(CURL_SOCKET_TIMEOUT, 0);
}

void CurlMulti::unpause(CURL *easy)
{
    const QScopedValueRollback inside(m_inside, true);
    m_enteredNs = monotonicNs();
    curl_easy_pause(easy, CURLPAUSE_CONT);
}

std::optional<CurlMulti::Finished> CurlMulti::nextFinished()
{
    int left = 0;
    while (const CURLMsg *message = curl_multi_info_read(m_multi, &left)) {
        if (message->msg == CURLMSG_DONE) {
            return Finished{message->easy_handle, message->data.result};
        }
    }
    return std::nullopt;
}

void CurlMulti::socketReady(curl_socket_t socket, bool readable, bool writable)
{
    act(socket, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
    m_user.curlWorked();
}

curl_socket_t CurlMulti::openSocket(const curl_sockaddr &address)
{
#ifdef SOCK_CLOEXEC
    const int type = address.socktype | SOCK_CLOEXEC;
#else
    const int type = address.socktype;
#endif
    const curl_socket_t socket = ::socket(address.family, type, address.protocol);
    if (socket == CURL_SOCKET_BAD) {
        return CURL_SOCKET_BAD;
    }
#if !defined(SOCK_CLOEXEC) && defined(FD_CLOEXEC)
    fcntl(socket, F_SETFD, FD_CLOEXEC);
#endif
    return socket;
}

CurlSocket &CurlMulti::socketFor(curl_socket_t socket)
{
    std::unique_ptr<CurlSocket> &place = m_sockets[socket];
    if (!place) {
        place = std::make_unique<CurlSocket>(*this, socket);
    }
    return *place;
}

void CurlMulti::keepSocket(curl_socket_t socket, int localPort)
{
    if (localPortOf(socket) == localPort) {
        socketFor(socket).keep(localPort);
        m_byPort[localPort] = socket;
    }
}

void CurlMulti::holdBack(int localPort)
{
    const bool first = !std::exchange(m_sentInTurn, true);
    m_release.schedule();
    const auto place = m_byPort.find(localPort);
    if (!first && place != m_byPort.end() && setCork(place->second, true)) {
        m_corked.push_back(place->second);
    }
}

void CurlMulti::release()
{
    m_sentInTurn = false;
    for (const curl_socket_t socket : m_corked) {
        setCork(socket, false);
    }
    m_corked.clear();
}

int CurlMulti::closeSocket(void *self, curl_socket_t socket)
{
    auto &multi = *static_cast<CurlMulti *>(self);
    const auto place = multi.m_sockets.find(socket);
    if (place != multi.m_sockets.end()) {
        if (place->second->isKept()) {
            multi.m_byPort.erase(place->second->localPort());
        }
        multi.m_sockets.erase(place);
    }
    std::erase(multi.m_corked, socket);
#ifdef Q_OS_WIN
    return closesocket(socket);
#else
    return close(socket);
#endif
}

int CurlMulti::onSocket(CURL * /*easy*/, curl_socket_t socket, int what, void *self,
                        void * /*unused*/)
{
    auto &multi = *static_cast<CurlMulti *>(self);
    if (what != CURL_POLL_REMOVE) {
        multi.socketFor(socket).want(what);
        return 0;
    }
    const auto place = multi.m_sockets.find(socket);
    if (place == multi.m_sockets.end()) {
        return 0;
    }
    if (place->second->isKept()) {
        place->second->rest();
    } else {
        multi.m_sockets.erase(place);
    }
    return 0;
}

int CurlMulti::onTimer(CURLM * /*multi*/, long milliseconds, void *self)
{
    auto &multi = *static_cast<CurlMulti *>(self);
    // A timer too early by what libcurl has done since it was entered is harmless.
    const qint64 nowNs = multi.m_inside ? multi.m_enteredNs : monotonicNs();
    multi.m_dueNs = milliseconds < 0 ? -1 : nowNs + qint64(milliseconds) * 1'000'000;
    return 0;
}

void CurlMulti::act(curl_socket_t socket, int events)
{
    const QScopedValueRollback inside(m_inside, true);
    m_enteredNs = monotonicNs();
    int running = 0;
    curl_multi_socket_action(m_multi, socket, events, &running);
}

} // namespace tidegate
