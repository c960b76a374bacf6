// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/variables.h"

#include <QRegularExpression>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

bool isName(QStringView name)
{
    static const QRegularExpression kName(u"\\A[A-Za-z_][A-Za-z0-9_]*\\z"_s);
    return kName.match(name.toString()).hasMatch();
}

} // namespace

ExpandedText expandVariables(const QString &raw, const QProcessEnvironment &environment)
{
    ExpandedText result;
    qsizetype at = 0;
    while (at < raw.size()) {
        const qsizetype dollar = raw.indexOf(u'$', at);
        if (dollar < 0 || dollar + 1 >= raw.size()) {
            result.text += QStringView(raw).mid(at);
            break;
        }
        result.text += QStringView(raw).mid(at, dollar - at);
        const QChar next = raw.at(dollar + 1);
        if (next == u'$') {
            result.text += u'$';
            at = dollar + 2;
            continue;
        }
        if (next != u'{') {
            result.text += u'$';
            at = dollar + 1;
            continue;
        }
        const qsizetype end = raw.indexOf(u'}', dollar + 2);
        if (end < 0) {
            result.syntaxError =
                u"A variable is opened with \"${\" but never closed. Add the \"}\", "
                "or write \"$$\" for a dollar sign."_s;
            return result;
        }
        const QStringView inside = QStringView(raw).mid(dollar + 2, end - dollar - 2);
        const qsizetype separator = inside.indexOf(u":-"_s);
        const QString name = (separator < 0 ? inside : inside.left(separator)).toString();
        if (!isName(name)) {
            result.syntaxError = u"\"${%1}\" is not a variable: write ${NAME} or ${NAME:-default}, "
                                 "or \"$$\" for a dollar sign."_s.arg(inside);
            return result;
        }
        result.usedVariables = true;
        const QString value = environment.value(name);
        if (separator >= 0) {
            result.text += value.isEmpty() ? inside.mid(separator + 2).toString() : value;
        } else if (environment.contains(name)) {
            result.text += value;
        } else {
            result.missing.append(name);
        }
        at = end + 1;
    }
    return result;
}

bool isVariableReference(const QString &raw)
{
    return raw.startsWith(u"${"_s) && raw.endsWith(u'}') &&
           isName(QStringView(raw).mid(2, raw.size() - 3));
}

} // namespace tidegate
