// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/engine/adminreply.h"
#include "gateway/http/httprequest.h"
#include "gateway/http/responsewriter.h"

#include <QObject>

#include <memory>
#include <unordered_map>

namespace tidegate {

/// The admin requests of one engine that wait for an answer from another thread.
///
/// Lives in an engine thread; owned by its Engine. A client that leaves, and the end of the engine,
/// end a call whatever its answerer is doing.
class AdminCalls final : public QObject
{
    Q_OBJECT

public:
    /// @p handler may be empty, then every call is refused; called in the engine thread.
    explicit AdminCalls(AdminHandler handler);
    ~AdminCalls() override;

    /// The request has passed the AdminGuard.
    void start(HttpRequest &&request, ResponseWriter &writer);

    // For AdminReply, by way of its AdminLine. A call that is over is ignored.
    void send(quint64 id, const ResponseHead &head, const QByteArray &body);
    void begin(quint64 id, const ResponseHead &head);
    void write(quint64 id, const QByteArray &piece);
    void end(quint64 id);
    void abort(quint64 id);

private:
    class Call;
    /// Null when it is over.
    [[nodiscard]] Call *find(quint64 id) const;
    /// Takes it out; it is destroyed when the stack is clear.
    void finish(quint64 id);

    AdminHandler m_handler;
    std::unordered_map<quint64, std::shared_ptr<Call>> m_calls;
    quint64 m_lastId = 0;
};

} // namespace tidegate
