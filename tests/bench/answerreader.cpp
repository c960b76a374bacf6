// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/answerreader.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdlib>

namespace tidegate::bench {

void AnswerReader::restart()
{
    *this = {};
}

AnswerReader::State AnswerReader::add(std::string_view bytes, std::string &body)
{
    while (!bytes.empty() && m_state != State::Done && m_state != State::Broken) {
        switch (m_part) {
        case Part::Head: {
            // Byte-exact at the end of the head, whichever way it is split.
            const size_t before = m_line.size();
            m_line.append(bytes);
            const size_t end = m_line.find("\r\n\r\n", before < 3 ? 0 : before - 3);
            if (end == std::string::npos) {
                return m_state;
            }
            bytes.remove_prefix(end + 4 - before);
            m_line.resize(end + 2);
            if (!readHead()) {
                return broken();
            }
            break;
        }
        case Part::Length:
        case Part::ChunkData: {
            const size_t count = std::min(m_left, bytes.size());
            body.append(bytes.substr(0, count));
            bytes.remove_prefix(count);
            m_left -= count;
            if (m_left == 0) {
                if (m_part == Part::Length) {
                    m_state = State::Done;
                } else {
                    m_part = Part::ChunkEnd;
                    m_left = 2;
                }
            }
            break;
        }
        case Part::UntilClose:
            body.append(bytes);
            return m_state;
        case Part::ChunkEnd: {
            const size_t count = std::min(m_left, bytes.size());
            bytes.remove_prefix(count);
            m_left -= count;
            if (m_left == 0) {
                m_part = Part::ChunkSize;
            }
            break;
        }
        case Part::ChunkSize:
        case Part::Trailer: {
            const size_t end = bytes.find('\n');
            m_line.append(bytes.substr(0, end));
            if (end == std::string_view::npos) {
                return m_state;
            }
            bytes.remove_prefix(end + 1);
            if (m_part == Part::Trailer) {
                if (m_line.empty() || m_line == "\r") {
                    m_state = State::Done;
                }
            } else if (m_line.empty() || !std::isxdigit(static_cast<unsigned char>(m_line[0]))) {
                return broken();
            } else {
                m_left = std::strtoul(m_line.c_str(), nullptr, 16);
                m_part = m_left == 0 ? Part::Trailer : Part::ChunkData;
            }
            m_line.clear();
            break;
        }
        }
    }
    return m_state;
}

AnswerReader::State AnswerReader::finish()
{
    if (m_state == State::Body && m_part == Part::UntilClose) {
        m_state = State::Done;
    }
    return m_state == State::Done ? m_state : broken();
}

bool AnswerReader::readHead()
{
    if (!m_line.starts_with("HTTP/1.1 ") && !m_line.starts_with("HTTP/1.0 ")) {
        return false;
    }
    m_status = std::atoi(m_line.c_str() + 9);
    if (m_status < 200) {
        m_line.clear();
        return m_status >= 100;
    }
    std::transform(m_line.begin(), m_line.end(), m_line.begin(),
                   [](unsigned char c) { return char(std::tolower(c)); });
    m_state = State::Body;
    if (m_line.find("\r\ntransfer-encoding: chunked\r\n") != std::string::npos) {
        m_part = Part::ChunkSize;
    } else if (const size_t at = m_line.find("\r\ncontent-length:"); at != std::string::npos) {
        m_part = Part::Length;
        m_left = std::strtoul(m_line.c_str() + at + sizeof("\r\ncontent-length:") - 1, nullptr, 10);
        if (m_left == 0) {
            m_state = State::Done;
        }
    } else {
        m_part = Part::UntilClose;
    }
    m_line.clear();
    return true;
}

} // namespace tidegate::bench
