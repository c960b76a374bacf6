// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/eventsubscriber.h"

namespace tidegate {

EventSubscriber::EventSubscriber(ResponseWriter &writer, const ResponseHead &head, Gone gone)
    : m_writer(&writer)
    , m_gone(std::move(gone))
{
    m_writer->setListener(this);
    m_writer->begin(head, -1);
    m_writer->write(": connected\n\n");
}

EventSubscriber::~EventSubscriber()
{
    if (m_writer) {
        m_writer->setListener(nullptr);
        m_writer->end();
    }
}

void EventSubscriber::send(const QByteArray &events, qint64 count)
{
    if (!m_writer) {
        return;
    }
    if (!m_writable) {
        m_missed += count;
        return;
    }
    m_writable = m_writer->write({events.constData(), size_t(events.size())});
}

void EventSubscriber::clientGone()
{
    m_writer = nullptr;
    m_gone(this);
}

void EventSubscriber::clientWritable()
{
    m_writable = true;
    if (m_missed > 0) {
        const QByteArray note =
            "event: missed\ndata: {\"missed\":" + QByteArray::number(m_missed) + "}\n\n";
        m_missed = 0;
        send(note, 1);
    }
}

} // namespace tidegate
