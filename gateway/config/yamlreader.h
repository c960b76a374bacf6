// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/confignode.h"
#include "gateway/config/configproblems.h"

#include <QByteArray>

#include <optional>

namespace tidegate {

/// Turns YAML text into a ConfigNode tree; the only place that knows yaml-cpp.
///
/// Any thread. Survives any bytes: text that is not UTF-8, control characters, several documents,
/// anchors that contain themselves or multiply without end, and more than kMaxBytes, kMaxNodes or
/// kMaxDepth are reported, each with its line. Returns nothing when there is no tree to go on with.
class YamlReader
{
public:
    static constexpr qint64 kMaxBytes = 1024 * 1024;
    static constexpr int kMaxNodes = 100'000;
    static constexpr int kMaxDepth = 32;

    [[nodiscard]] static std::optional<ConfigNode> read(const QByteArray &text,
                                                        ConfigProblems &problems);
};

} // namespace tidegate
