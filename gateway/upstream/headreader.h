// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/upstream/upstreamclient.h"

#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

/// Puts the head of an answer together from the lines that libcurl hands over.
///
/// Lives in the engine thread; owned by its UpstreamCall, which uses it again for each call so that
/// its buffers are allocated only once.
class HeadReader
{
public:
    /// What a line was.
    enum class Line
    {
        Part,    ///< the head goes on
        Interim, ///< it ended a 1xx head, which is forgotten
        Final,   ///< it ended the final head: head() is valid
        Broken,  ///< too large, or contradicting itself; nothing more may be added
    };

    void clear();
    Line add(std::string_view line);
    /// True once a status line other than 1xx was seen.
    [[nodiscard]] bool finalStatusSeen() const { return m_head.status >= 200; }
    /// Valid after Final until clear().
    [[nodiscard]] const UpstreamHead &head() const { return m_head; }

private:
    struct FieldPlace
    {
        size_t name;
        size_t nameSize;
        size_t value;
        size_t valueSize;
    };

    Line readStatus(std::string_view line);
    void readField(std::string_view line);
    Line finish();

    std::string m_text;
    std::vector<FieldPlace> m_places;
    UpstreamHead m_head;
    bool m_begun = false;
};

} // namespace tidegate
