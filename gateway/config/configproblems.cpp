// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/configproblems.h"

#include <algorithm>
#include <limits>

using namespace Qt::StringLiterals;

namespace tidegate {

ConfigProblems::ConfigProblems(QString file)
    : m_file(std::move(file))
{
}

void ConfigProblems::error(int line, const QString &key, const QString &message)
{
    add(ConfigProblem::Severity::Error, line, key, message);
}

void ConfigProblems::warning(int line, const QString &key, const QString &message)
{
    add(ConfigProblem::Severity::Warning, line, key, message);
}

void ConfigProblems::note(int line, const QString &key, const QString &message)
{
    add(ConfigProblem::Severity::Note, line, key, message);
}

void ConfigProblems::add(ConfigProblem::Severity severity, int line, const QString &key,
                         const QString &message)
{
    const bool isError = severity == ConfigProblem::Severity::Error;
    m_errors += isError ? 1 : 0;
    const QString identity = QString::number(line) + u'|' + key + u'|' + message;
    if (m_seen.contains(identity)) {
        return;
    }
    // An error must never hide behind two hundred notes.
    if (m_all.size() >= size_t(kLimit) && !(isError && m_errors == 1)) {
        const QString tooMany =
            u"There are more problems than can be shown. Correct these first."_s;
        if (m_all.back().message != tooMany) {
            m_all.push_back({severity, m_file, 0, {}, tooMany});
        }
        return;
    }
    m_seen.insert(identity);
    m_all.push_back({severity, m_file, line, key, message});
}

std::vector<ConfigProblem> ConfigProblems::sorted() const
{
    std::vector<ConfigProblem> result = m_all;
    const auto position = [](const ConfigProblem &problem) {
        return problem.line > 0 ? problem.line : std::numeric_limits<int>::max();
    };
    std::stable_sort(result.begin(), result.end(), [position](const auto &a, const auto &b) {
        return position(a) < position(b);
    });
    return result;
}

} // namespace tidegate
