// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/upstream/curlsocket.h"

#include "gateway/upstream/curlmulti.h"

namespace tidegate {

CurlSocket::CurlSocket(CurlMulti &multi, curl_socket_t socket)
    : m_multi(multi)
    , m_watch(qintptr(socket), *this)
    , m_socket(socket)
{
}

void CurlSocket::want(int what)
{
    m_resting = false;
    m_reading = (what & CURL_POLL_IN) != 0;
    m_watch.setInterest(m_reading, (what & CURL_POLL_OUT) != 0);
}

void CurlSocket::rest()
{
    m_resting = true;
    m_watch.setInterest(m_reading, false);
}

void CurlSocket::fdReady(bool readable, bool writable)
{
    if (m_resting) {
        // Closed by the upstream, or data for a paused call: libcurl will see when it wants to.
        m_reading = false;
        m_watch.setInterest(false, false);
        return;
    }
    // May destroy this.
    m_multi.socketReady(m_socket, readable, writable);
}

} // namespace tidegate
