// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <string_view>
#include <vector>

namespace tidegate {

/// Gives each parallel tool call of a chat stream an index of its own, for upstreams that number
/// them all 0 or not at all.
///
/// One per stream, lives where its stream lives. A call begins with its function's name and is
/// known by its id; a fragment without an id belongs to the call last seen under its upstream's
/// index. Where the upstream is right, nothing is changed. Only the number is spliced; every other
/// byte stays.
class ToolCallIndex
{
public:
    /// More calls than this in one choice are left as they are.
    static constexpr size_t kMaxCalls = 256;

    /// Looks at the event @p raw, with its "data:" and line ends. True when it must be replaced by
    /// @p repaired. An event with its JSON over several data lines is left as it is.
    [[nodiscard]] bool repair(std::string_view raw, QByteArray &repaired);

private:
    struct Call
    {
        qint64 choice = 0;
        qint64 upstreamIndex = 0;
        qint64 index = 0;
        quint64 idHash = 0;   ///< 0: it never had one
        quint64 nameHash = 0; ///< of the function; 0: not seen yet
    };

    [[nodiscard]] qint64 indexFor(const Call &seen);
    [[nodiscard]] static bool belongsTo(const Call &seen, const Call &call);

    std::vector<Call> m_calls; ///< the last seen one last
};

} // namespace tidegate
