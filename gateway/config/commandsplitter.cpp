// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/commandsplitter.h"

using namespace Qt::StringLiterals;

namespace tidegate {

// QProcess::splitCommand() knows double quotes only, and people write sh -c '…'.
Result<QStringList> splitCommand(const QString &text)
{
    QStringList words;
    QString word;
    bool inWord = false;
    QChar quote; // null outside of quotes
    for (qsizetype i = 0; i < text.size(); ++i) {
        const QChar c = text.at(i);
        const bool escapes = c == u'\\' && quote != u'\'' && i + 1 < text.size() &&
                             (quote.isNull() || text.at(i + 1) == u'"' || text.at(i + 1) == u'\\');
        if (escapes) {
            word.append(text.at(++i));
            inWord = true;
        } else if (!quote.isNull()) {
            if (c == quote) {
                quote = QChar();
            } else {
                word.append(c);
            }
        } else if (c == u'"' || c == u'\'') {
            quote = c;
            inWord = true;
        } else if (c.isSpace()) {
            if (inWord) {
                words.append(word);
            }
            word.clear();
            inWord = false;
        } else {
            word.append(c);
            inWord = true;
        }
    }
    if (!quote.isNull()) {
        return Error{u"A quotation mark (%1) is not closed."_s.arg(quote)};
    }
    if (inWord) {
        words.append(word);
    }
    return words;
}

} // namespace tidegate
