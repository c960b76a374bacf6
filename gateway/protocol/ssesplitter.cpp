// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/ssesplitter.h"

#include <cstring>

namespace tidegate {

namespace {

// Index of the first CR or LF at or after @p from, or the text's size.
size_t lineEnd(std::string_view text, size_t from)
{
    const size_t length = text.size() - from;
    const auto *lf = static_cast<const char *>(std::memchr(text.data() + from, '\n', length));
    const size_t end = lf ? size_t(lf - text.data()) : text.size();
    const auto *cr = static_cast<const char *>(std::memchr(text.data() + from, '\r', end - from));
    return cr ? size_t(cr - text.data()) : end;
}

// Calls @p use with name and value of each line until it returns false.
template <typename Use>
void forEachField(std::string_view event, Use use)
{
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (event.starts_with(kByteOrderMark)) {
        event.remove_prefix(kByteOrderMark.size());
    }
    for (size_t at = 0; at < event.size();) {
        const size_t end = lineEnd(event, at);
        const std::string_view line = event.substr(at, end - at);
        at = end + 1;
        if (line.empty() || line.front() == ':') {
            continue;
        }
        const size_t colon = line.find(':');
        std::string_view value =
            colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
        if (value.starts_with(' ')) {
            value.remove_prefix(1);
        }
        if (!use(line.substr(0, colon), value)) {
            return;
        }
    }
}

} // namespace

void SseSplitter::feed(std::string_view piece)
{
    m_piece = piece;
}

bool SseSplitter::next(Event &event)
{
    size_t at = 0;
    bool complete = false;
    if (m_afterCr && !m_piece.empty()) {
        m_afterCr = false;
        at = m_piece.front() == '\n' ? 1 : 0;
        if (at == 1 && m_held.isEmpty() && !m_oversized) {
            event = {m_piece.substr(0, 1), true, true};
            m_piece.remove_prefix(1);
            return true;
        }
    }
    while (at < m_piece.size() && !complete) {
        const size_t end = lineEnd(m_piece, at);
        const bool empty = m_lineEmpty && end == at;
        m_lineEmpty = end < m_piece.size();
        at = end;
        if (end < m_piece.size()) {
            ++at;
            if (m_piece[end] == '\r') {
                m_afterCr = at == m_piece.size();
                at += at < m_piece.size() && m_piece[at] == '\n' ? 1 : 0;
            }
            complete = empty;
        }
    }
    const std::string_view taken = m_piece.substr(0, at);
    m_piece.remove_prefix(at);
    const bool tooLarge = m_held.size() + qsizetype(taken.size()) > kMaxHeldBytes;
    if (!complete && !tooLarge && !m_oversized) {
        m_held.append(taken.data(), qsizetype(taken.size()));
        return false;
    }
    if (taken.empty()) {
        return false;
    }
    event.whole = complete && !m_oversized;
    event.tail = false;
    m_oversized = !complete;
    if (m_held.isEmpty()) {
        event.raw = taken;
    } else {
        m_held.append(taken.data(), qsizetype(taken.size()));
        m_given.swap(m_held);
        m_held.resize(0);
        event.raw = {m_given.constData(), size_t(m_given.size())};
    }
    return true;
}

std::string_view SseSplitter::data(std::string_view rawEvent, QByteArray &scratch)
{
    std::string_view first;
    int lines = 0;
    forEachField(rawEvent, [&](std::string_view name, std::string_view value) {
        if (name == "data" && ++lines == 1) {
            first = value;
        } else if (name == "data") {
            if (lines == 2) {
                scratch = QByteArray(first.data(), qsizetype(first.size()));
            }
            scratch.append('\n').append(value.data(), qsizetype(value.size()));
        }
        return true;
    });
    return lines > 1 ? std::string_view(scratch.constData(), size_t(scratch.size())) : first;
}

std::string_view SseSplitter::eventName(std::string_view rawEvent)
{
    std::string_view found;
    forEachField(rawEvent, [&found](std::string_view name, std::string_view value) {
        found = name == "event" ? value : found;
        return true;
    });
    return found;
}

} // namespace tidegate
