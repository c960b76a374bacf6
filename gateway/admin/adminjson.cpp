// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/adminjson.h"

#include <QJsonDocument>
#include <QStringList>

using namespace Qt::StringLiterals;

namespace tidegate::adminjson {

QJsonValue time(const QDateTime &time)
{
    return time.isValid() ? QJsonValue(time.toUTC().toString(Qt::ISODateWithMs))
                          : QJsonValue(QJsonValue::Null);
}

QString timeOfUs(qint64 microseconds)
{
    qint64 seconds = microseconds / 1'000'000;
    qint64 rest = microseconds % 1'000'000;
    if (rest < 0) {
        rest += 1'000'000;
        --seconds;
    }
    const QString whole =
        QDateTime::fromMSecsSinceEpoch(seconds * 1000).toUTC().toString(u"yyyy-MM-ddTHH:mm:ss"_s);
    return whole + u'.' + QString::number(rest).rightJustified(6, u'0') + u'Z';
}

QJsonValue money(const std::optional<Money> &amount)
{
    return amount ? QJsonValue(QString::fromLatin1(amount->toString()))
                  : QJsonValue(QJsonValue::Null);
}

QJsonValue known(qint64 number)
{
    return number >= 0 ? QJsonValue(number) : QJsonValue(QJsonValue::Null);
}

QString origin(Origin origin)
{
    switch (origin) {
    case Origin::Default:
        return u"default"_s;
    case Origin::File:
        return u"file"_s;
    case Origin::Environment:
        return u"environment"_s;
    case Origin::Panel:
        break;
    }
    return u"database"_s;
}

QByteArray compact(const QJsonObject &object)
{
    return QJsonDocument(object).toJson(QJsonDocument::Compact);
}

QByteArray list(const QJsonArray &data, bool hasMore)
{
    return compact({{u"object"_s, u"list"_s}, {u"data"_s, data}, {u"has_more"_s, hasMore}});
}

ApiError invalid(const QString &reasons, const QString &prefix)
{
    QStringList lines;
    QString param;
    for (QString line : reasons.split(u'\n', Qt::SkipEmptyParts)) {
        if (line.startsWith(prefix)) {
            line.remove(0, prefix.size());
        }
        const QString key = line.left(line.indexOf(u": "_s));
        if (param.isEmpty() && !key.contains(u' ')) {
            param = key;
        }
        lines.append(line);
    }
    return {400, "invalid_request", lines.join(u'\n').toUtf8(), param.toUtf8()};
}

ApiError refused(const QString &reason, const QString &prefix)
{
    const qsizetype colon = reason.indexOf(u": "_s);
    const qsizetype space = reason.indexOf(u' ');
    if (colon > 0 && colon < space) {
        return invalid(reason, prefix);
    }
    return {503, "not_stored", reason.toUtf8(), {}};
}

ApiError notRead(const QString &reason)
{
    return {503, "ledger_unavailable", reason.toUtf8(), {}};
}

} // namespace tidegate::adminjson
