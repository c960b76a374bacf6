// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/upstream/headreader.h"

#include <algorithm>
#include <charconv>

namespace tidegate {

namespace {

// libcurl bounds one line (100 KiB); this bounds their sum.
constexpr size_t kMaxHeadBytes = size_t(256) * 1024;

constexpr std::string_view kWhite = " \t\r\n";

std::string_view trimmed(std::string_view text)
{
    const size_t first = text.find_first_not_of(kWhite);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kWhite) - first + 1);
}

char lowered(char c)
{
    return c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c;
}

} // namespace

void HeadReader::clear()
{
    m_text.clear();
    m_places.clear();
    m_head.fields.clear();
    m_head.status = 0;
    m_head.contentLength = -1;
    m_begun = false;
}

HeadReader::Line HeadReader::add(std::string_view line)
{
    if (m_text.size() + line.size() > kMaxHeadBytes) {
        return Line::Broken;
    }
    if (!m_begun) {
        m_begun = true;
        return readStatus(line);
    }
    if (trimmed(line).empty() && line.find_first_of(" \t") == std::string_view::npos) {
        return finish();
    }
    readField(line);
    return Line::Part;
}

HeadReader::Line HeadReader::readStatus(std::string_view line)
{
    const size_t space = line.find(' ');
    if (!line.starts_with("HTTP/") || space == std::string_view::npos) {
        return Line::Broken;
    }
    const std::string_view code = line.substr(space + 1, 3);
    const auto [end, error] =
        std::from_chars(code.data(), code.data() + code.size(), m_head.status);
    const bool whole = error == std::errc() && end == code.data() + 3;
    // 101 would mean another protocol, which nobody asked for.
    return whole && m_head.status >= 100 && m_head.status != 101 ? Line::Part : Line::Broken;
}

void HeadReader::readField(std::string_view line)
{
    const std::string_view content = trimmed(line);
    if ((line.front() == ' ' || line.front() == '\t') && !m_places.empty()) {
        // An obsolete folded line goes on with the value before it, which is last in the text.
        m_text.append(1, ' ').append(content);
        m_places.back().valueSize = m_text.size() - m_places.back().value;
        return;
    }
    const size_t colon = content.find(':');
    if (colon == std::string_view::npos || colon == 0) {
        return;
    }
    const std::string_view name = trimmed(content.substr(0, colon));
    const std::string_view value = trimmed(content.substr(colon + 1));
    const size_t nameAt = m_text.size();
    std::transform(name.begin(), name.end(), std::back_inserter(m_text), lowered);
    const size_t valueAt = m_text.size();
    m_text.append(value);
    m_places.push_back({nameAt, name.size(), valueAt, value.size()});
}

HeadReader::Line HeadReader::finish()
{
    if (m_head.status < 200) {
        clear();
        return Line::Interim;
    }
    const std::string_view text = m_text;
    bool chunked = false;
    for (const FieldPlace &place : m_places) {
        const auto &[name, value] = m_head.fields.emplace_back(
            text.substr(place.name, place.nameSize), text.substr(place.value, place.valueSize));
        if (name == "transfer-encoding") {
            chunked = true;
        } else if (name == "content-length") {
            qint64 length = -1;
            const auto [end, error] =
                std::from_chars(value.data(), value.data() + value.size(), length);
            if (error != std::errc() || end != value.data() + value.size() || length < 0 ||
                (m_head.contentLength >= 0 && m_head.contentLength != length)) {
                return Line::Broken;
            }
            m_head.contentLength = length;
        }
    }
    if (chunked) {
        m_head.contentLength = -1; // RFC 9112, 6.3: the encoding wins
    }
    return Line::Final;
}

} // namespace tidegate
