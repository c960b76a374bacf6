// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/http/httplimits.h"
#include "gateway/http/requesthandler.h"

#include <QHostAddress>

#include <memory>

namespace tidegate {

/// The listening side of one engine thread: guarded listener, connections, QAbstractHttpServer.
///
/// Lives in one engine thread; owned by its Engine. The handler must outlive it.
class FrontDoor
{
public:
    FrontDoor(RequestHandler &handler, const HttpLimits &limits);
    ~FrontDoor();
    FrontDoor(const FrontDoor &) = delete;
    FrontDoor &operator=(const FrontDoor &) = delete;

    /// Binds and listens. @p port 0 picks a free one. @p shared sets SO_REUSEPORT so that several
    /// engine threads can listen on one port. Returns the port; the error names address and reason.
    Result<quint16> listen(const QHostAddress &address, quint16 port, bool shared);
    /// Stops accepting; open connections go on, their next answer carries Connection: close, idle
    /// ones are closed at once.
    void stopListening();
    /// Accepts again on the port of before (after stopListening()).
    Result<quint16> resumeListening();
    /// New bounds for requests that start from now on.
    void setLimits(const HttpLimits &limits);

    [[nodiscard]] int connectionCount() const;

private:
    class Private;
    std::unique_ptr<Private> d;
};

} // namespace tidegate
