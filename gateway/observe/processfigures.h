// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

namespace tidegate {

/// What the operating system says of this process; -1 where it does not.
struct ProcessFigures
{
    qint64 residentBytes = -1;
    qint64 cpuUs = -1; ///< user and system time of all threads, ended ones too
    qint64 openFiles = -1;
    qint64 maxOpenFiles = -1;

    /// Reads from files of the kernel's, so not for an engine thread.
    [[nodiscard]] static ProcessFigures read();
};

} // namespace tidegate
