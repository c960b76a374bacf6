// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/adminreply.h"

#include "gateway/engine/admincalls.h"
#include "gateway/engine/adminline.h"

#include <utility>

namespace tidegate {

AdminReply::AdminReply(std::shared_ptr<AdminLine> line, quint64 call)
    : m_line(std::move(line))
    , m_call(call)
{
}

AdminReply::~AdminReply()
{
    if (m_begun) {
        abort();
    } else {
        sendError({500, "internal_error", "Tidegate has no answer to this. Please report it.", {}});
    }
}

void AdminReply::send(const ResponseHead &head, const QByteArray &body)
{
    if (m_begun || m_ended) {
        return;
    }
    m_ended = true;
    m_line->post([call = m_call, head, body](AdminCalls &calls) { calls.send(call, head, body); });
}

void AdminReply::sendJson(int status, const QByteArray &json)
{
    ResponseHead head(status);
    head.add("content-type", "application/json");
    send(head, json);
}

void AdminReply::sendError(const ApiError &error)
{
    sendJson(error.status, error.toJson());
}

void AdminReply::begin(const ResponseHead &head)
{
    if (!m_begun && !m_ended) {
        m_begun = true;
        m_line->post([call = m_call, head](AdminCalls &calls) { calls.begin(call, head); });
    }
}

bool AdminReply::write(const QByteArray &piece)
{
    if (!m_line->waitForRoom(piece.size())) {
        return false;
    }
    m_line->post([call = m_call, piece](AdminCalls &calls) { calls.write(call, piece); });
    return true;
}

void AdminReply::end()
{
    if (m_begun && !std::exchange(m_ended, true)) {
        m_line->post([call = m_call](AdminCalls &calls) { calls.end(call); });
    }
}

void AdminReply::abort()
{
    if (!std::exchange(m_ended, true)) {
        m_line->post([call = m_call](AdminCalls &calls) { calls.abort(call); });
    }
}

void AdminReply::cancel()
{
    m_line->post([call = m_call](AdminCalls &calls) { calls.abort(call); });
    m_line->cut();
}

bool AdminReply::isClientGone() const
{
    return m_line->isCut();
}

} // namespace tidegate
