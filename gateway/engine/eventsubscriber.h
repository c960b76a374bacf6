// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/http/responsewriter.h"

#include <functional>

namespace tidegate {

/// One client of the live event stream, GET /admin/v1/events.
///
/// Lives in an engine thread, owned by its Engine until gone() was called. A client that does not
/// keep up misses events, and is told how many.
class EventSubscriber final : private ResponseListener
{
public:
    using Gone = std::function<void(EventSubscriber *)>;

    EventSubscriber(ResponseWriter &writer, const ResponseHead &head, Gone gone);
    ~EventSubscriber();
    EventSubscriber(const EventSubscriber &) = delete;
    EventSubscriber &operator=(const EventSubscriber &) = delete;

    /// Sends whole server-sent events, of which there are @p count.
    void send(const QByteArray &events, qint64 count);

private:
    void clientGone() override;
    void clientWritable() override;

    ResponseWriter *m_writer;
    Gone m_gone;
    bool m_writable = true;
    qint64 m_missed = 0;
};

} // namespace tidegate
