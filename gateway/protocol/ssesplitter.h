// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <string_view>

namespace tidegate {

/// Cuts a byte stream into server-sent events without changing a byte.
///
/// Lives where its stream lives; one per stream. All of WHATWG HTML §9.2's line ends (LF, CR LF,
/// CR) are understood, split anywhere. The events given out, joined, are the bytes put in. Source:
/// https://html.spec.whatwg.org/multipage/server-sent-events.html
class SseSplitter
{
public:
    /// An unfinished event may grow to this; then it is given out in parts, as continued ones.
    static constexpr qsizetype kMaxHeldBytes = 1024 * 1024;

    struct Event
    {
        std::string_view raw; ///< with its line ends; valid until the next call
        bool whole = true;    ///< false: a part of an event too large to hold
        bool tail = false; ///< the LF of a CR LF that ended the event before: goes where that went
    };

    /// Adds bytes. They must stay valid until next() returned false.
    void feed(std::string_view piece);
    /// The next complete event; false when more bytes are needed.
    bool next(Event &event);
    /// What is left at the end of the stream: an event without its blank line, often empty.
    [[nodiscard]] std::string_view rest() const
    {
        return {m_held.constData(), size_t(m_held.size())};
    }

    /// The payload: the values of the "data" lines joined by LF, in @p scratch when there are
    /// several.
    [[nodiscard]] static std::string_view data(std::string_view rawEvent, QByteArray &scratch);
    /// The value of the "event" line, empty when there is none.
    [[nodiscard]] static std::string_view eventName(std::string_view rawEvent);

private:
    std::string_view m_piece; ///< not yet looked at
    QByteArray m_held;        ///< start of an event that spans pieces
    QByteArray m_given;       ///< keeps the bytes of a spanning event while they are used
    bool m_lineEmpty = true;  ///< the present line has no byte so far
    bool m_afterCr = false;   ///< the last byte seen was a CR: a LF next belongs to it
    bool m_oversized = false; ///< the present event is given out in parts
};

} // namespace tidegate
