// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/http/frontdoor.h"

#include "gateway/http/connection.h"
#include "gateway/http/connectionhub.h"
#include "gateway/http/gatewayserver.h"
#include "gateway/http/guardedlistener.h"
#include "gateway/http/streamsocket.h"

#include <QTimer>

namespace tidegate {

namespace {

constexpr int kAcceptRetryMs = 100;

} // namespace

class FrontDoor::Private
{
public:
    Private(RequestHandler &handler, const HttpLimits &limits)
        : hub(handler, limits,
              [this](HttpMethod method) { server->pass(method, [this] { hub.deliverReady(); }); })
    {
    }

    Result<quint16> open(const QHostAddress &newAddress, quint16 newPort, bool newShared)
    {
        Result<qintptr> fd = StreamSocket::listenOn(newAddress, newPort, newShared);
        if (!fd) {
            return Error{fd.error()};
        }
        auto *listener = new GuardedListener([this](qintptr client) { hub.accept(client); });
        auto fresh = std::make_unique<GatewayServer>();
        listener->setParent(fresh.get());
        if (!listener->setSocketDescriptor(*fd)) {
            StreamSocket::discard(*fd);
            return Error{listener->errorString()};
        }
        if (!fresh->serve(listener)) {
            return Error{QStringLiteral("The HTTP server does not take its listener.")};
        }
        // Out of descriptors, Qt stops accepting and says so. Try again when one may be free.
        QObject::connect(listener, &QTcpServer::acceptError, listener, [listener] {
            QTimer::singleShot(kAcceptRetryMs, listener, [listener] {
                if (listener->isListening()) {
                    listener->resumeAccepting();
                }
            });
        });
        if (server) {
            server.release()->deleteLater(); // it may be on the stack
        }
        server = std::move(fresh);
        address = newAddress;
        shared = newShared;
        port = listener->serverPort();
        hub.setClosing(false);
        return port;
    }

    std::unique_ptr<GatewayServer> server; ///< outlives the hub's connections
    ConnectionHub hub;
    QHostAddress address;
    quint16 port = 0;
    bool shared = false;
};

FrontDoor::FrontDoor(RequestHandler &handler, const HttpLimits &limits)
    : d(std::make_unique<Private>(handler, limits))
{
}

FrontDoor::~FrontDoor() = default;

Result<quint16> FrontDoor::listen(const QHostAddress &address, quint16 port, bool shared)
{
    return d->open(address, port, shared);
}

void FrontDoor::stopListening()
{
    if (!d->server) {
        return;
    }
    for (QTcpServer *listener : d->server->servers()) {
        listener->close();
    }
    d->hub.setClosing(true);
    d->hub.closeIdle();
}

Result<quint16> FrontDoor::resumeListening()
{
    return d->open(d->address, d->port, d->shared);
}

void FrontDoor::setLimits(const HttpLimits &limits)
{
    d->hub.setLimits(limits);
}

int FrontDoor::connectionCount() const
{
    return d->hub.connectionCount();
}

} // namespace tidegate
