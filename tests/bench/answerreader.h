// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace tidegate::bench {

/// Reads one HTTP/1.1 answer after the other from the bytes of a connection.
///
/// Knows Content-Length, chunked bodies and bodies that end with the connection. Value type.
class AnswerReader
{
public:
    enum class State
    {
        Head,
        Body,
        Done,
        Broken
    };

    /// Takes all of @p bytes, up to the end of one answer. Body bytes are appended to @p body.
    State add(std::string_view bytes, std::string &body);
    /// The connection was closed.
    State finish();
    /// Ready for the next answer.
    void restart();
    [[nodiscard]] int status() const { return m_status; }

private:
    enum class Part
    {
        Head,
        Length,
        UntilClose,
        ChunkSize,
        ChunkData,
        ChunkEnd,
        Trailer
    };

    bool readHead();
    State broken() { return m_state = State::Broken; }

    Part m_part = Part::Head;
    State m_state = State::Head;
    std::string m_line; ///< the head, or an unfinished line of the framing
    size_t m_left = 0;
    int m_status = 0;
};

} // namespace tidegate::bench
