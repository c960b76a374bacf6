// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/fdwatch.h"

#include <curl/curl.h>

namespace tidegate {

class CurlMulti;

/// Tells a CurlMulti of events on one of libcurl's sockets.
///
/// Lives in the engine thread; owned by its CurlMulti, which destroys it before the socket closes.
/// libcurl takes back its interest whenever a connection goes idle and gives the same one again for
/// the next call. On a kept socket this goes on reading meanwhile, which saves two system calls for
/// each call.
class CurlSocket final : public FdWatcher
{
public:
    CurlSocket(CurlMulti &multi, curl_socket_t socket);

    /// @p what is CURL_POLL_IN, CURL_POLL_OUT or CURL_POLL_INOUT.
    void want(int what);
    /// libcurl wants nothing for now; the socket stays open.
    void rest();
    /// The socket of an established connection, of whose closing CurlMulti will hear.
    void keep(int localPort) { m_localPort = localPort; }
    [[nodiscard]] bool isKept() const { return m_localPort != 0; }
    /// Of a kept socket; 0 for others.
    [[nodiscard]] int localPort() const { return m_localPort; }

    void fdReady(bool readable, bool writable) override;

private:
    CurlMulti &m_multi;
    FdWatch m_watch;
    const curl_socket_t m_socket;
    int m_localPort = 0;
    bool m_resting = true;
    bool m_reading = false;
};

} // namespace tidegate
