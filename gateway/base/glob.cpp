// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/base/glob.h"

#include <algorithm>

namespace tidegate {

Glob::Glob(QByteArray pattern)
    : m_pattern(std::move(pattern))
{
    const auto wildcards = std::count_if(m_pattern.cbegin(), m_pattern.cend(),
                                         [](char c) { return c == '*' || c == '?'; });
    m_exact = wildcards == 0;
    m_specificity = int(m_pattern.size() - wildcards);
}

bool Glob::matches(std::string_view name) const
{
    const std::string_view pattern(m_pattern.constData(), size_t(m_pattern.size()));
    if (m_exact) {
        return pattern == name;
    }
    // Greedy match with one point to fall back to: linear for one star, never exponential.
    size_t p = 0;
    size_t n = 0;
    size_t starAt = std::string_view::npos;
    size_t resumeAt = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            starAt = p++;
            resumeAt = n;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
            ++p;
            ++n;
        } else if (starAt != std::string_view::npos) {
            p = starAt + 1;
            n = ++resumeAt;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') {
        ++p;
    }
    return p == pattern.size();
}

} // namespace tidegate
