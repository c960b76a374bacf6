// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QProcessEnvironment>
#include <QString>
#include <QStringList>

namespace tidegate {

/// A text after its variables were put in.
struct ExpandedText
{
    QString text;
    QStringList missing; ///< variables that are not set and have no default
    QString syntaxError; ///< for people; empty when the text is well-formed
    bool usedVariables = false;
};

/// Replaces `${NAME}` and `${NAME:-default}`; `$$` is a dollar sign, any other `$` stays as it is.
///
/// As in a shell, the default also stands in for a variable that is set but empty. What a variable
/// holds is not searched for further variables. Any thread.
[[nodiscard]] ExpandedText expandVariables(const QString &raw,
                                           const QProcessEnvironment &environment);

/// True when @p raw is one variable without a default and nothing else, and so names a secret
/// without being one.
[[nodiscard]] bool isVariableReference(const QString &raw);

} // namespace tidegate
