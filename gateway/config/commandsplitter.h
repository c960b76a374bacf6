// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"

#include <QString>
#include <QStringList>

namespace tidegate {

/// A command as people write it, as program and arguments: words between spaces, quoted by '…' or
/// "…", and \\ before a character that is to be taken as it is. Nothing is expanded: no variable,
/// no pattern, no operator. The error says what is wrong with the quoting. Any thread.
[[nodiscard]] Result<QStringList> splitCommand(const QString &text);

} // namespace tidegate
