// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/http/httprequest.h"
#include "gateway/http/responsewriter.h"
#include "gateway/upstream/upstreamclient.h"

#include <QByteArray>

#include <vector>

namespace tidegate {

/// The client's request fields that a backend may see, as "Name: value".
///
/// Everything passes but: the connection's own fields (RFC 9110 §7.6.1, also those named by
/// Connection), credentials and cookies, addresses and browser marks of the client, content coding
/// (usage has to be readable) and what is meant for the gateway.
[[nodiscard]] std::vector<QByteArray> forwardedRequestFields(const HttpRequest &request);

enum class AnswerBody : quint8
{
    Relayed,
    Replaced
};

/// Adds an upstream's answer fields that a client may see. Left out: the connection's own, cookies,
/// the provider account's rate limits, cross-origin and transport policies, and names of ours.
///
/// With a replaced body the fields that describe the upstream's own one are left out, too.
void addForwardedAnswerFields(const UpstreamHead &upstream, ResponseHead &head, AnswerBody body);

} // namespace tidegate
