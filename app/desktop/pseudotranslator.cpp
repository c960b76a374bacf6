// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/pseudotranslator.h"

#include <QRegularExpression>

#include <algorithm>

namespace tidegate {

QString PseudoTranslator::translate(const char *, const char *sourceText, const char *, int) const
{
    const QString source = QString::fromUtf8(sourceText);
    // Formats of dates are not words, and symbols are no language.
    static const QRegularExpression noWords(QStringLiteral("^([dMyhms ,.:]+|[^a-zA-Z]*)$"));
    if (noWords.match(source).hasMatch()) {
        return {};
    }
    static const QString plain = QStringLiteral("aeiouAEIOU");
    static const QString accented = QStringLiteral("àéîöûÀÉÎÖÛ");
    QString text;
    for (const QChar c : source) {
        const qsizetype vowel = plain.indexOf(c);
        text += vowel < 0 ? c : accented[vowel];
    }
    const auto longer = std::max<qsizetype>(1, source.size() * 2 / 5);
    return QString(u'[' + text + u' ' + QString(longer, u'·') + u']');
}

} // namespace tidegate
