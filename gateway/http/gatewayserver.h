// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/http/httpcompat.h"
#include "gateway/http/httprequest.h"

#include <QPointer>

#include <functional>

namespace tidegate {

class GuardedListener;
class RequestPort;

/// The QtHttpServer of a front door: all requests pass through its handleRequest().
///
/// Lives in an engine thread; owned by FrontDoor. Reading, checking and answering are the
/// connection's, because QtHttpServer has no bounds, no back-pressure and, depending on its
/// version, no safe way to answer later. It is handed one small, complete, well-formed request for
/// all real ones of a turn of the event loop, through a single RequestPort that all connections
/// share, and calls back before that returns.
class GatewayServer final : public QAbstractHttpServer
{
    Q_OBJECT

public:
    GatewayServer();
    ~GatewayServer() override;

    /// Binds to @p listener, which must be listening, and takes it over.
    [[nodiscard]] bool serve(GuardedListener *listener);
    /// Passes a request through, and calls @p deliver on its way.
    void pass(HttpMethod method, const std::function<void()> &deliver);

protected:
    bool handleRequest(const QHttpServerRequest &request,
                       httpcompat::HandlerTarget target) override;
    void missingHandler(const QHttpServerRequest &request,
                        httpcompat::MissingTarget target) override;

private:
    GuardedListener *m_listener = nullptr;
    QPointer<RequestPort> m_port;
    const std::function<void()> *m_deliver = nullptr;
};

} // namespace tidegate
