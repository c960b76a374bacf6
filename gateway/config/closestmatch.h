// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>
#include <QStringView>

namespace tidegate {

/// Edits (insert, delete, replace, swap neighbours) that turn one text into the other. Any thread.
[[nodiscard]] int editDistance(QStringView a, QStringView b);

/// The candidate that a person most likely meant by @p typed, or nothing when none is near. Case
/// and
/// `-` against `_` do not count as differences. Any thread.
[[nodiscard]] QString closestMatch(const QString &typed, const QStringList &candidates);

/// " Did you mean \"…\"?", or nothing.
[[nodiscard]] QString didYouMean(const QString &typed, const QStringList &candidates);

} // namespace tidegate
