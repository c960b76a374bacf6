// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/managed/readycheck.h"

#include <QCoreApplication>
#include <QUrl>

#include <utility>

namespace tidegate {

namespace {

// The base URL without its /v1: where servers have their own paths.
QByteArray rootOf(const QByteArray &baseUrl)
{
    return baseUrl.endsWith("/v1") ? baseUrl.chopped(3) : baseUrl;
}

QByteArray originOf(const QByteArray &url)
{
    return QUrl::fromEncoded(url)
        .adjusted(QUrl::RemovePath | QUrl::RemoveQuery | QUrl::RemoveFragment)
        .toEncoded();
}

// Servers whose /health says 2xx only once the model is loaded, and asks for no key.
bool hasHealth(BackendType type)
{
    switch (type) {
    case BackendType::VLlm:
    case BackendType::LlamaCpp:
    case BackendType::SgLang:
    case BackendType::Tgi:
        return true;
    default:
        return false;
    }
}

} // namespace

ReadyCheck::ReadyCheck(UpstreamClient &client)
    : m_client(client)
{
}

ReadyCheck::~ReadyCheck()
{
    cancel();
}

QByteArray ReadyCheck::urlFor(const BackendConfig &backend)
{
    if (backend.managed && !backend.managed->readyUrl.isEmpty()) {
        return backend.managed->readyUrl;
    }
    if (hasHealth(backend.type)) {
        return rootOf(backend.baseUrl) + "/health";
    }
    return backend.baseUrl + "/models";
}

void ReadyCheck::ask(const BackendConfig &backend, quint16 localPort, Reply reply)
{
    cancel();
    m_reply = std::move(reply);
    m_status = 0;
    UpstreamRequest request;
    request.method = "GET";
    request.url = urlFor(backend);
    request.fields.push_back("Connection: close"); // what runs now may be another process soon
    // A key, and what else is meant for the backend, goes to its own host only; so does the tunnel.
    if (originOf(request.url) == originOf(backend.baseUrl)) {
        for (const auto &[name, value] : backend.headers) {
            request.fields.push_back(name + ": " + value);
        }
        if (!backend.keys.empty()) {
            request.authorization =
                Secret("Authorization: Bearer " + backend.keys.front().reveal());
        }
        request.localPort = localPort;
        request.caFile = backend.caFile;
        request.verifyTls = backend.verifyTls;
    }
    request.timeouts = {.connectMs = 3000, .firstByteMs = 5000, .idleMs = 5000, .totalMs = 8000};
    request.proxy = backend.proxy;
    request.freshConnection = true;
    request.allowPrivateNetwork = backend.allowPrivateNetwork;
    m_call = m_client.start(std::move(request), *this);
}

void ReadyCheck::cancel()
{
    if (m_call) {
        m_client.cancel(std::exchange(m_call, nullptr));
    }
}

void ReadyCheck::upstreamHead(const UpstreamHead &head)
{
    m_status = head.status;
}

bool ReadyCheck::upstreamBody(std::string_view /*piece*/)
{
    return true;
}

void ReadyCheck::upstreamFinished(const UpstreamResult &result)
{
    m_call = nullptr;
    const bool ready = m_status >= 200 && m_status < 300;
    const QString what =
        m_status > 0
            ? QCoreApplication::translate("ReadyCheck", "it answers with HTTP %1").arg(m_status)
            : result.message;
    const Reply reply = std::exchange(m_reply, {});
    reply(ready, what);
}

} // namespace tidegate
