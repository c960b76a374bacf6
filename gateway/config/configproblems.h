// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"

#include <QSet>
#include <QString>

#include <vector>

namespace tidegate {

/// Collects what is wrong with one source of configuration.
///
/// Value type of one thread, owned by whoever reads the configuration. The same remark is kept only
/// once, and a file that is wrong all over stops adding after kLimit, so that the list stays
/// readable.
class ConfigProblems
{
public:
    static constexpr int kLimit = 200;

    /// @p file goes into every problem; empty for the database, environment and command line.
    explicit ConfigProblems(QString file = {});

    void error(int line, const QString &key, const QString &message);
    void warning(int line, const QString &key, const QString &message);
    void note(int line, const QString &key, const QString &message);

    [[nodiscard]] bool hasErrors() const { return m_errors > 0; }
    [[nodiscard]] const std::vector<ConfigProblem> &all() const { return m_all; }
    /// In order of the lines; those without a line come last.
    [[nodiscard]] std::vector<ConfigProblem> sorted() const;

private:
    void add(ConfigProblem::Severity severity, int line, const QString &key,
             const QString &message);

    QString m_file;
    std::vector<ConfigProblem> m_all;
    QSet<QString> m_seen;
    int m_errors = 0;
};

} // namespace tidegate
