// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTcpServer>

#include <functional>

namespace tidegate {

class RequestPort;

/// Accepts clients for the connection hub; to QtHttpServer it only shows request ports.
///
/// Lives in an engine thread; owned by the GatewayServer it is bound to.
class GuardedListener final : public QTcpServer
{
    Q_OBJECT

public:
    /// @p accepted takes over the descriptor of each client.
    explicit GuardedListener(std::function<void(qintptr)> accepted);

    /// Gives QtHttpServer a connection of its own.
    void offer(RequestPort *port);

protected:
    void incomingConnection(qintptr fd) override;

private:
    std::function<void(qintptr)> m_accepted;
};

} // namespace tidegate
