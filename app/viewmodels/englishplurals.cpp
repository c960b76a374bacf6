// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/englishplurals.h"

#include <cstring>

namespace tidegate {

QString EnglishPlurals::translate(const char *, const char *sourceText, const char *, int n) const
{
    // Null means: as it is in the source.
    if (n < 0 || sourceText == nullptr || std::strstr(sourceText, "(s)") == nullptr) {
        return {};
    }
    return QString::fromUtf8(sourceText)
        .replace(QStringLiteral("(s)"), n == 1 ? QString() : QStringLiteral("s"));
}

} // namespace tidegate
