// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/http/httpcompat.h"
#include "gateway/http/httprequest.h"

#include <QPointer>

#include <functional>

namespace tidegate {

class GuardedListener;
class RequestPort;

/// The QtHttpServer of a front door: every connection comes through its handleRequest() once.
///
/// Lives in an engine thread; owned by FrontDoor. Reading, checking and answering are the
/// connection's, because QtHttpServer has no bounds, no back-pressure and, depending on its
/// version, no safe way to answer later. For the first request of a connection, or of several in a
/// turn of the event loop, it is handed one small, complete, well-formed one, through a single
/// RequestPort that all connections share, and calls back before that returns. Later requests need
/// not wait for it: it reads byte by byte, which took a tenth of a lone request's time.
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
