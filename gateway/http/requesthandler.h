// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/http/httprequest.h"
#include "gateway/http/responsewriter.h"

#include <optional>

namespace tidegate {

/// A short answer given by the front door itself.
struct ShortAnswer
{
    ResponseHead head;
    QByteArray body;
};

/// What the front door calls for each request. Implemented by the engine; called in its thread.
class RequestHandler
{
public:
    /// The head is complete, the body (if any) not yet read. An answer refuses the request before
    /// its body takes any memory: it is sent, and the body is drained within small bounds or the
    /// connection closed. @p head has no body.
    virtual std::optional<ShortAnswer> screen(const HttpRequest &head) = 0;
    /// The request is complete. The handler answers through @p writer, now or later.
    virtual void handle(HttpRequest &&request, ResponseWriter &writer) = 0;
    /// The front door refuses a request that it could not read (400, 408, 413, 414, 431, 501, 503,
    /// 505). Returns the body to send, in the API's error envelope.
    virtual ShortAnswer refusal(int status, std::string_view code, std::string_view message) = 0;
    /// After requests: for a second nothing has come from clients or gone to them. Once, until
    /// something does again.
    virtual void quiet() = 0;

protected:
    ~RequestHandler() = default;
};

} // namespace tidegate
