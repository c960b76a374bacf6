// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/closestmatch.h"

#include <algorithm>
#include <limits>
#include <vector>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

/// Longer inputs are not typing errors, and the work is quadratic.
constexpr qsizetype kLongestTypo = 64;

QString simplified(const QString &text)
{
    QString result = text.toLower();
    result.replace(u'-', u'_');
    return result;
}

} // namespace

int editDistance(QStringView a, QStringView b)
{
    const auto rows = size_t(a.size()) + 1;
    const auto columns = size_t(b.size()) + 1;
    std::vector<int> table(rows * columns);
    const auto cell = [&table, columns](size_t row, size_t column) -> int & {
        return table[row * columns + column];
    };
    for (size_t i = 0; i < rows; ++i) {
        cell(i, 0) = int(i);
    }
    for (size_t j = 0; j < columns; ++j) {
        cell(0, j) = int(j);
    }
    for (size_t i = 1; i < rows; ++i) {
        for (size_t j = 1; j < columns; ++j) {
            const auto ai = qsizetype(i) - 1;
            const auto bj = qsizetype(j) - 1;
            const int replace = cell(i - 1, j - 1) + (a[ai] == b[bj] ? 0 : 1);
            int best = std::min({cell(i - 1, j) + 1, cell(i, j - 1) + 1, replace});
            if (i > 1 && j > 1 && a[ai] == b[bj - 1] && a[ai - 1] == b[bj]) {
                best = std::min(best, cell(i - 2, j - 2) + 1);
            }
            cell(i, j) = best;
        }
    }
    return cell(rows - 1, columns - 1);
}

QString closestMatch(const QString &typed, const QStringList &candidates)
{
    if (typed.isEmpty() || typed.size() > kLongestTypo) {
        return {};
    }
    const QString wanted = simplified(typed);
    QString best;
    int bestDistance = std::numeric_limits<int>::max();
    for (const QString &candidate : candidates) {
        const int distance = editDistance(wanted, simplified(candidate));
        if (distance < bestDistance) {
            bestDistance = distance;
            best = candidate;
        }
    }
    const int tolerance = std::clamp(int(typed.size()) / 3, 1, 3);
    return bestDistance <= tolerance ? best : QString();
}

QString didYouMean(const QString &typed, const QStringList &candidates)
{
    const QString match = closestMatch(typed, candidates);
    return match.isEmpty() ? QString() : u" Did you mean \"%1\"?"_s.arg(match);
}

} // namespace tidegate
