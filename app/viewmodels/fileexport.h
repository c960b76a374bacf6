// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"

#include <QByteArray>
#include <QString>
#include <QStringList>

#include <vector>

namespace tidegate {

/// Files that the panel hands out: into the user's download folder, never over an existing one.
namespace fileexport {

/// A path in @p folder that is not taken: NAME.EXT, NAME (2).EXT, …
[[nodiscard]] QString freePath(const QString &folder, const QString &name);
/// Writes a new file and returns its path. @p secret: for the user's eyes alone (mode 0600).
[[nodiscard]] Result<QString> save(const QString &folder, const QString &name,
                                   const QByteArray &content, bool secret = false);
/// RFC 4180: comma, CRLF, quotes where needed, UTF-8. A cell that a spreadsheet would take for a
/// formula gets an apostrophe in front: model names come from outside.
[[nodiscard]] QByteArray csv(const QStringList &header, const std::vector<QStringList> &rows);

} // namespace fileexport

} // namespace tidegate
