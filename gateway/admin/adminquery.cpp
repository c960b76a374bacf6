// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/adminquery.h"

#include "gateway/config/closestmatch.h"

#include <QDateTime>
#include <QTimeZone>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

QString decoded(QByteArray text)
{
    return QString::fromUtf8(QByteArray::fromPercentEncoding(text.replace('+', ' ')));
}

} // namespace

AdminQuery::AdminQuery(const QByteArray &query, const QStringList &known)
{
    for (const QByteArray &pair : query.split('&')) {
        if (pair.isEmpty()) {
            continue;
        }
        const qsizetype equals = pair.indexOf('=');
        const QString name = decoded(equals < 0 ? pair : pair.left(equals));
        const QString value = equals < 0 ? QString() : decoded(pair.mid(equals + 1));
        if (!known.contains(name)) {
            refuse(name, u"Unknown parameter."_s + didYouMean(name, known));
        } else if (m_values.contains(name)) {
            refuse(name, u"The parameter is there twice."_s);
        } else if (value.isEmpty()) {
            refuse(name, u"The parameter is empty. Leave it out or give a value."_s);
        }
        m_values.insert(name, value);
    }
}

QString AdminQuery::text(const QString &name)
{
    return m_values.value(name);
}

qint64 AdminQuery::integer(const QString &name, qint64 fallback, qint64 minimum, qint64 maximum)
{
    if (!has(name)) {
        return fallback;
    }
    bool ok = false;
    const qint64 value = m_values.value(name).toLongLong(&ok);
    if (!ok || value < minimum || value > maximum) {
        refuse(name, u"Must be a whole number from %1 to %2."_s.arg(minimum).arg(maximum));
        return fallback;
    }
    return value;
}

QString AdminQuery::choice(const QString &name, const QStringList &choices)
{
    if (!has(name)) {
        return choices.constFirst();
    }
    const QString value = m_values.value(name);
    if (!choices.contains(value)) {
        refuse(name,
               u"Must be one of %1."_s.arg(choices.join(u", "_s)) + didYouMean(value, choices));
    }
    return value;
}

std::optional<qint64> AdminQuery::time(const QString &name)
{
    if (!has(name)) {
        return std::nullopt;
    }
    const QString value = m_values.value(name);
    QDateTime time;
    // Qt takes a time for a date and what follows.
    if (const QDate date = QDate::fromString(value, Qt::ISODate);
        date.isValid() && value.size() == 10) {
        time = date.startOfDay(QTimeZone::utc());
    } else {
        // "+" is a space in a query, and an offset that was not encoded has lost its own.
        time = QDateTime::fromString(QString(value).replace(u' ', u'+'), Qt::ISODateWithMs);
        if (time.timeSpec() == Qt::LocalTime) {
            time = QDateTime();
        }
    }
    if (!time.isValid()) {
        refuse(name, u"Must be a date like 2027-01-01 or a time with its zone like "
                     "2027-01-01T12:00:00Z."_s);
        return std::nullopt;
    }
    return time.toMSecsSinceEpoch() * 1000;
}

void AdminQuery::refuse(const QString &name, const QString &message)
{
    if (!m_error) {
        m_error = ApiError{400, "invalid_request", name.toUtf8() + ": " + message.toUtf8(),
                           name.toUtf8()};
    }
}

} // namespace tidegate
