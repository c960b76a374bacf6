// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/upstream/upstreamclient.h"

#include <curl/curl.h>

namespace tidegate {

/// What is known of a call that libcurl ended.
struct CallEnd
{
    CURLcode code = CURLE_OK;
    const char *detail = "";    ///< libcurl's words; may name the URL, so never shown as they are
    long systemError = 0;       ///< errno of a failed connect, 0 when unknown
    QString refusal;            ///< why an address must not be connected to, empty when it may
    bool requestBegun = false;  ///< the connection was ready and the request went out
    bool repeatRefused = false; ///< libcurl wanted to send the request once more
    bool anyByte = false;       ///< a line of the answer came, 1xx included
    bool headComplete = false;  ///< the final head came
    bool headBroken = false;    ///< the head could not be read
};

/// Sorts the end of a call into a failure, None when it went well.
[[nodiscard]] UpstreamFailure classifyEnd(const CallEnd &end);

/// One sentence for people on @p failure. Names host and port, never a key, user, path or query.
[[nodiscard]] QString describeFailure(UpstreamFailure failure, const CallEnd &end,
                                      const UpstreamRequest &request);

} // namespace tidegate
