// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/noticejson.h"

#include "gateway/engine/backendjson.h"

#include <QDateTime>
#include <QJsonDocument>
#include <QJsonObject>

#include <limits>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

QByteArray notice(const char *type, const QJsonObject &data)
{
    return QByteArray("event: ") + type +
           "\ndata: " + QJsonDocument(data).toJson(QJsonDocument::Compact) + "\n\n";
}

QString kindName(BudgetEvent::Kind kind)
{
    switch (kind) {
    case BudgetEvent::Kind::SoftLimit:
        return u"soft_limit"_s;
    case BudgetEvent::Kind::Exhausted:
        return u"exhausted"_s;
    case BudgetEvent::Kind::NotLoaded:
        return u"not_loaded"_s;
    }
    return {};
}

} // namespace

QByteArray noticeOf(const BackendStatus &status)
{
    QJsonObject data = toJson(status);
    data.insert(u"backend"_s, QString::fromUtf8(status.name));
    return notice("backend", data);
}

QByteArray noticeOf(const QByteArray &backend, const BreakerEvent &event)
{
    QJsonObject data = toJson(event);
    data.insert(u"backend"_s, QString::fromUtf8(backend));
    return notice("breaker", data);
}

QByteArray noticeOf(const BudgetEvent &event, const QString &name)
{
    const auto usd = [](Money amount) { return QString::fromLatin1(amount.toString()); };
    const bool ends = event.window.endUs < std::numeric_limits<qint64>::max();
    const QDateTime end = QDateTime::fromMSecsSinceEpoch(event.window.endUs / 1000).toUTC();
    return notice("budget", {
                                {u"kind"_s, kindName(event.kind)},
                                {u"scope"_s, event.account.team ? u"team"_s : u"key"_s},
                                {u"id"_s, event.account.id},
                                {u"name"_s, name},
                                {u"limit_usd"_s, usd(event.rule.amount)},
                                {u"spent_usd"_s, usd(event.settled)},
                                {u"held_usd"_s, usd(event.held)},
                                {u"resets_at"_s, ends ? QJsonValue(end.toString(Qt::ISODateWithMs))
                                                      : QJsonValue(QJsonValue::Null)},
                            });
}

} // namespace tidegate
