// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/admincalls.h"

#include "gateway/engine/adminline.h"
#include "gateway/pipeline/requestid.h"
#include "gateway/protocol/apierror.h"

#include <utility>

namespace tidegate {

namespace {

// So that a program gone wild cannot fill the main thread's queue.
constexpr size_t kMaxCalls = 64;
constexpr qsizetype kPrefixLength = std::char_traits<char>::length("/admin/v1/");

std::string_view view(const QByteArray &bytes)
{
    return {bytes.constData(), size_t(bytes.size())};
}

QByteArray bytes(std::string_view text)
{
    return {text.data(), qsizetype(text.size())};
}

} // namespace

/// One client that waits for its answer.
class AdminCalls::Call final : private ResponseListener
{
public:
    Call(AdminCalls &calls, quint64 id, ResponseWriter &writer, QByteArray requestId)
        : m_calls(calls)
        , m_id(id)
        , m_requestId(std::move(requestId))
        , m_writer(&writer)
        , m_line(std::make_shared<AdminLine>(calls))
    {
        m_writer->setListener(this);
    }
    ~Call()
    {
        m_line->cut();
        if (m_writer) {
            m_writer->setListener(nullptr);
            m_writer->abort();
        }
    }
    Call(const Call &) = delete;
    Call &operator=(const Call &) = delete;

    [[nodiscard]] const std::shared_ptr<AdminLine> &line() const { return m_line; }

    void send(const ResponseHead &head, const QByteArray &body)
    {
        release()->send(complete(head), body);
    }
    void begin(const ResponseHead &head) { m_writer->begin(complete(head), -1); }
    void write(const QByteArray &piece)
    {
        m_held += piece.size();
        if (m_writer->write(view(piece))) {
            clientWritable();
        }
    }
    void end() { release()->end(); }

private:
    void clientGone() override
    {
        m_writer = nullptr;
        m_calls.finish(m_id);
    }
    void clientWritable() override { m_line->taken(std::exchange(m_held, 0)); }

    [[nodiscard]] ResponseWriter *release()
    {
        m_writer->setListener(nullptr);
        return std::exchange(m_writer, nullptr);
    }
    [[nodiscard]] ResponseHead complete(ResponseHead head) const
    {
        head.add("x-request-id", view(m_requestId));
        head.add("cache-control", "no-store");
        head.add("x-content-type-options", "nosniff");
        return head;
    }

    AdminCalls &m_calls;
    const quint64 m_id;
    const QByteArray m_requestId;
    ResponseWriter *m_writer; ///< null once the answer is complete or the client has left
    const std::shared_ptr<AdminLine> m_line;
    qint64 m_held = 0; ///< bytes the connection has not got rid of
};

AdminCalls::AdminCalls(AdminHandler handler)
    : m_handler(std::move(handler))
{
}

AdminCalls::~AdminCalls() = default;

void AdminCalls::start(HttpRequest &&request, ResponseWriter &writer)
{
    const quint64 id = ++m_lastId;
    const auto call =
        std::make_shared<Call>(*this, id, writer, requestIdFor(request.field("x-request-id")));
    const bool busy = m_calls.size() >= kMaxCalls;
    if (busy || !m_handler) {
        const ApiError error{503,
                             "admin_busy",
                             busy ? "Too many admin requests are waiting. Try again in a moment."
                                  : "This program has no admin API.",
                             {}};
        ResponseHead head(error.status);
        head.add("content-type", "application/json");
        head.add("retry-after", "1");
        call->send(head, error.toJson());
        return;
    }
    m_calls.emplace(id, call);
    m_handler({request.method, bytes(request.path).mid(kPrefixLength), bytes(request.query),
               std::move(request.body), bytes(request.field("accept")),
               std::make_shared<AdminReply>(call->line(), id)});
}

void AdminCalls::send(quint64 id, const ResponseHead &head, const QByteArray &body)
{
    if (Call *call = find(id)) {
        call->send(head, body);
        finish(id);
    }
}

void AdminCalls::begin(quint64 id, const ResponseHead &head)
{
    if (Call *call = find(id)) {
        call->begin(head);
    }
}

void AdminCalls::write(quint64 id, const QByteArray &piece)
{
    if (Call *call = find(id)) {
        call->write(piece);
    }
}

void AdminCalls::end(quint64 id)
{
    if (Call *call = find(id)) {
        call->end();
        finish(id);
    }
}

void AdminCalls::abort(quint64 id)
{
    finish(id);
}

AdminCalls::Call *AdminCalls::find(quint64 id) const
{
    const auto it = m_calls.find(id);
    return it == m_calls.end() ? nullptr : it->second.get();
}

void AdminCalls::finish(quint64 id)
{
    const auto it = m_calls.find(id);
    if (it == m_calls.end()) {
        return;
    }
    // The call may be in the middle of a function of its own.
    QMetaObject::invokeMethod(
        this, [dead = it->second] {}, Qt::QueuedConnection);
    m_calls.erase(it);
}

} // namespace tidegate
