// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"

#include <QString>

namespace tidegate {

/// Start at login, as an XDG autostart entry.
///
/// Value type, any thread; reads and writes one small file.
class Autostart
{
public:
    /// @p directory: usually $XDG_CONFIG_HOME/autostart. @p program: absolute path to start.
    Autostart(QString directory, QString program);
    /// The entry of this program for the current user.
    [[nodiscard]] static Autostart forThisProgram();

    [[nodiscard]] QString filePath() const;
    /// There is an entry and nobody switched it off.
    [[nodiscard]] bool isEnabled() const;
    Result<Done> setEnabled(bool enabled) const;

private:
    [[nodiscard]] QByteArray entry() const;

    QString m_directory;
    QString m_program;
};

} // namespace tidegate
