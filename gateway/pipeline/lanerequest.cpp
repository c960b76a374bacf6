// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/lanerequest.h"

#include "gateway/http/httprequest.h"
#include "gateway/pipeline/endpoints.h"
#include "gateway/pipeline/forwardedfields.h"
#include "gateway/pipeline/lanecall.h"
#include "gateway/protocol/openairequest.h"

namespace tidegate {

namespace {

// Mistral's API refuses requests with fields it does not know, and sends usage unasked.
bool understandsStreamOptions(BackendType type)
{
    return type != BackendType::Mistral;
}

} // namespace

UpstreamRequest laneRequest(LaneCall &call, const ProxiedRequest &request)
{
    const BackendConfig &backend = call.lane->backend();
    const auto &[http, match, openAi] = request;
    UpstreamRequest sent;
    sent.url = backend.baseUrl;
    sent.url.append(match.upstreamPath.data(), qsizetype(match.upstreamPath.size()));
    if (!http.query.empty()) {
        sent.url.append('?').append(http.query.data(), qsizetype(http.query.size()));
    }
    sent.fields = forwardedRequestFields(http);
    for (const auto &[name, value] : backend.headers) {
        sent.fields.push_back(name + ": " + value);
    }
    if (!call.attempt.key().isEmpty()) {
        sent.authorization = Secret("Authorization: Bearer " + call.attempt.key().reveal());
    }
    call.askedForUsage = openAi.stream() && match.endpoint != Endpoint::Embeddings &&
                         openAi.includeUsage() != OpenAiRequest::IncludeUsage::True &&
                         understandsStreamOptions(backend.type);
    const QByteArray &model = call.lane->model;
    sent.body =
        openAi.spliced(http.body, {model.constData(), size_t(model.size())}, call.askedForUsage);
    sent.timeouts = call.lane->timeouts();
    sent.proxy = backend.proxy;
    sent.caFile = backend.caFile;
    sent.verifyTls = backend.verifyTls;
    sent.freshConnection = call.staleRetried;
    sent.allowPrivateNetwork = backend.allowPrivateNetwork;
    sent.localPort = call.lane->state().gate.localPort();
    return sent;
}

} // namespace tidegate
