// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/http/httprequest.h"
#include "gateway/http/responsewriter.h"
#include "gateway/protocol/apierror.h"

#include <QByteArray>

#include <functional>
#include <memory>

namespace tidegate {

class AdminLine;

/// The answer to one admin request, given from another thread than the engine's.
///
/// May be used by one thread at a time, any; shared by who works on the answer. Nothing happens any
/// more once the client has left or the engine has ended. Whoever lets go of it without an answer
/// answers 500.
class AdminReply
{
public:
    AdminReply(std::shared_ptr<AdminLine> line, quint64 call);
    ~AdminReply();
    AdminReply(const AdminReply &) = delete;
    AdminReply &operator=(const AdminReply &) = delete;

    /// A whole answer. x-request-id and the fields against caching and sniffing are added.
    void send(const ResponseHead &head, const QByteArray &body);
    void sendJson(int status, const QByteArray &json);
    void sendError(const ApiError &error);

    /// Begins an answer of unknown length, which write() and end() go on with.
    void begin(const ResponseHead &head);
    /// Blocks while the client is slow, so worker threads only. False: nobody listens any more.
    [[nodiscard]] bool write(const QByteArray &piece);
    void end();
    /// Cuts the connection so that the client can tell that the answer is not complete.
    void abort();

    /// As abort(), also while another thread is in write(), which gives up then.
    void cancel();

    [[nodiscard]] bool isClientGone() const;

private:
    std::shared_ptr<AdminLine> m_line;
    quint64 m_call;
    bool m_begun = false;
    bool m_ended = false;
};

/// A request of the admin API on its way to who answers it. Value type; crosses threads.
struct AdminRequest
{
    HttpMethod method = HttpMethod::Get;
    QByteArray path;  ///< below /admin/v1/, not decoded
    QByteArray query; ///< not decoded
    QByteArray body;
    QByteArray accept; ///< the Accept field
    std::shared_ptr<AdminReply> reply;
};

using AdminHandler = std::function<void(const AdminRequest &)>;

} // namespace tidegate
