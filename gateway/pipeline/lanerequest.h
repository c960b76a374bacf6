// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/upstream/upstreamclient.h"

namespace tidegate {

class LaneCall;
class OpenAiRequest;
struct EndpointMatch;
struct HttpRequest;

/// A client's request. Only valid during the call it is given to.
struct ProxiedRequest
{
    const HttpRequest &http;
    const EndpointMatch &match;
    const OpenAiRequest &openAi; ///< the body, as read
};

/// What is sent to the lane of @p call, whose attempt has begun: the client's bytes and fields but
/// for the model's name, the key, and the usage that is asked for when the client did not, which is
/// noted in @p call.
[[nodiscard]] UpstreamRequest laneRequest(LaneCall &call, const ProxiedRequest &request);

} // namespace tidegate
