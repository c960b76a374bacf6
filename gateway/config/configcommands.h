// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>

namespace tidegate {

/// The commented configuration that `tidegated init` writes. Valid as it is. Any thread.
[[nodiscard]] QByteArray starterConfig();

/// `tidegated check-config FILE`: prints every problem with file, line and key to stdout. Returns
/// the exit code, 1 when the configuration would be refused. Blocks; main thread.
[[nodiscard]] int runCheckConfig(const QString &file);

/// `tidegated init [FILE]`: writes the starter configuration, readable by its owner only, to
/// @p path ("tidegate.yaml" when empty, "-" for stdout). Never overwrites. Returns the exit code.
[[nodiscard]] int runInit(const QString &path);

} // namespace tidegate
