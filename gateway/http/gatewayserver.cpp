// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/http/gatewayserver.h"

#include "gateway/http/guardedlistener.h"
#include "gateway/http/requestport.h"

#include <utility>

namespace tidegate {

namespace {

// Target and fields are always the same: what they really are was read by the connection already,
// and Qt, which reads byte by byte, would only spend time on them.
std::string_view requestFor(HttpMethod method)
{
    switch (method) {
    case HttpMethod::Get:
        return "GET / HTTP/1.1\r\n\r\n";
    case HttpMethod::Head:
        return "HEAD / HTTP/1.1\r\n\r\n";
    case HttpMethod::Post:
        return "POST / HTTP/1.1\r\n\r\n";
    case HttpMethod::Put:
        return "PUT / HTTP/1.1\r\n\r\n";
    case HttpMethod::Patch:
        return "PATCH / HTTP/1.1\r\n\r\n";
    case HttpMethod::Delete:
        return "DELETE / HTTP/1.1\r\n\r\n";
    case HttpMethod::Options:
    case HttpMethod::Other:
        break;
    }
    return "OPTIONS / HTTP/1.1\r\n\r\n";
}

} // namespace

GatewayServer::GatewayServer() = default;

GatewayServer::~GatewayServer()
{
    // Some versions of Qt leave a socket that never disconnects to nobody.
    delete m_port;
}

bool GatewayServer::serve(GuardedListener *listener)
{
    m_listener = listener;
    return httpcompat::bind(*this, listener);
}

void GatewayServer::pass(HttpMethod method, const std::function<void()> &deliver)
{
    if (!m_deliver) {
        if (!m_port) {
            m_port = new RequestPort;
            m_listener->offer(m_port);
        }
        m_deliver = &deliver;
        m_port->feed(requestFor(method));
        if (!std::exchange(m_deliver, nullptr)) {
            return;
        }
    }
    // A handler that runs an event loop of its own leaves the port busy; the clients need not
    // suffer for it.
    deliver();
}

bool GatewayServer::handleRequest(const QHttpServerRequest &request,
                                  httpcompat::HandlerTarget target)
{
    Q_UNUSED(request)
    Q_UNUSED(target)
    if (const auto *deliver = std::exchange(m_deliver, nullptr)) {
        (*deliver)();
    }
    return true;
}

void GatewayServer::missingHandler(const QHttpServerRequest &request,
                                   httpcompat::MissingTarget target)
{
    Q_UNUSED(request)
    Q_UNUSED(target)
}

} // namespace tidegate
