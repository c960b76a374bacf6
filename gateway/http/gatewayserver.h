// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/http/httpcompat.h"

#include <QPointer>

#include <functional>

namespace tidegate {

class Connection;
class GuardedListener;
class RequestPort;

/// The QtHttpServer of a front door: every request passes through its handleRequest().
///
/// Lives in an engine thread; owned by FrontDoor. Reading, checking and answering are the
/// connection's, because QtHttpServer has no bounds, no back-pressure and, depending on its
/// version, no safe way to answer later. It is handed one small, complete, well-formed request for
/// each real one, through a single RequestPort that all connections share, and calls back before
/// that returns.
class GatewayServer final : public QAbstractHttpServer
{
    Q_OBJECT

public:
    GatewayServer();
    ~GatewayServer() override;

    /// Binds to @p listener, which must be listening, and takes it over.
    [[nodiscard]] bool serve(GuardedListener *listener);
    /// Passes the request of @p connection through to its deliver().
    void dispatch(Connection &connection);

protected:
    bool handleRequest(const QHttpServerRequest &request,
                       httpcompat::HandlerTarget target) override;
    void missingHandler(const QHttpServerRequest &request,
                        httpcompat::MissingTarget target) override;

private:
    GuardedListener *m_listener = nullptr;
    QPointer<RequestPort> m_port;
    Connection *m_current = nullptr;
};

} // namespace tidegate
