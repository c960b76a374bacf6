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
/// the next call. This goes on reading meanwhile, which saves two system calls for each call.
class CurlSocket final : public FdWatcher
{
public:
    /// @p opened: by CurlMulti::openSocket(), so that its closing is heard of as well.
    CurlSocket(CurlMulti &multi, curl_socket_t socket, bool opened);

    /// @p what is CURL_POLL_IN, CURL_POLL_OUT or CURL_POLL_INOUT.
    void want(int what);
    /// libcurl wants nothing for now; the socket stays open.
    void rest();
    [[nodiscard]] bool wasOpened() const { return m_opened; }

    void fdReady(bool readable, bool writable) override;

private:
    CurlMulti &m_multi;
    FdWatch m_watch;
    const curl_socket_t m_socket;
    const bool m_opened;
    bool m_resting = true;
    bool m_reading = false;
};

} // namespace tidegate
