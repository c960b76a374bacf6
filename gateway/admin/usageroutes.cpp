// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/usageroutes.h"

#include "gateway/admin/adminjson.h"
#include "gateway/admin/adminquery.h"
#include "gateway/admin/adminreaders.h"
#include "gateway/base/clock.h"
#include "gateway/engine/gateway.h"
#include "gateway/store/usagereader.h"

#include <QHash>
#include <QJsonArray>
#include <QTimeZone>

#include <limits>
#include <utility>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

constexpr qint64 kUsualRangeUs = 30LL * 86'400 * 1'000'000;

using By = UsageQuery::By;

By groupOf(const QString &name)
{
    static const QHash<QString, By> kGroups{
        {u"key"_s, By::Key},         {u"team"_s, By::Team},
        {u"model"_s, By::Model},     {u"served_model"_s, By::ServedModel},
        {u"backend"_s, By::Backend}, {u"minute"_s, By::Minute},
        {u"hour"_s, By::Hour},       {u"day"_s, By::Day},
    };
    return kGroups.value(name, By::None);
}

QJsonValue percentiles(qint64 p50, qint64 p95, qint64 p99)
{
    return p50 < 0 ? QJsonValue(QJsonValue::Null)
                   : QJsonObject{{u"p50"_s, p50}, {u"p95"_s, p95}, {u"p99"_s, p99}};
}

QJsonObject figures(const UsageTotals &totals)
{
    return {
        {u"requests"_s, totals.requests},
        {u"errors"_s, totals.errors()},
        {u"cancelled"_s, totals.cancelled},
        {u"input_tokens"_s, totals.inputTokens},
        {u"output_tokens"_s, totals.outputTokens},
        {u"cached_input_tokens"_s, totals.cachedInputTokens},
        {u"cache_write_tokens"_s, totals.cacheWriteTokens},
        {u"reasoning_tokens"_s, totals.reasoningTokens},
        {u"cost_usd"_s, adminjson::money(totals.cost)},
        {u"unknown_cost_requests"_s, totals.unknownCost},
        {u"estimated_requests"_s, totals.estimated},
        {u"latency_us"_s, percentiles(totals.p50Us, totals.p95Us, totals.p99Us)},
        {u"first_byte_us"_s,
         percentiles(totals.firstByteP50Us, totals.firstByteP95Us, totals.firstByteP99Us)},
    };
}

/// Says which key, team, model, backend or step of time a row is about.
void addLabel(QJsonObject &row, By by, const QString &name, const UsageResult::Label &label)
{
    if (by == By::Key || by == By::Team) {
        row.insert(QString(name + u"_id"_s),
                   label.id == 0 ? QJsonValue(QJsonValue::Null) : QJsonValue(label.id));
        row.insert(name,
                   label.name.isEmpty() ? QJsonValue(QJsonValue::Null) : QJsonValue(label.name));
        row.insert(u"deleted"_s, label.deleted);
    } else if (UsageQuery::isTime(by)) {
        row.insert(u"start"_s, adminjson::timeOfUs(label.id));
    } else {
        row.insert(name, label.name);
    }
}

QByteArray answerOf(const UsageResult &result, const UsageQuery &query, const QString &group)
{
    QJsonArray data;
    for (size_t i = 0; query.groupBy != By::None && i < result.groups.size(); ++i) {
        QJsonObject row = figures(result.groupTotals[i]);
        addLabel(row, query.groupBy, group, result.groups[i]);
        data.append(row);
    }
    return adminjson::compact({
        {u"object"_s, u"usage"_s},
        {u"from"_s, adminjson::timeOfUs(result.fromUs)},
        {u"to"_s, adminjson::timeOfUs(result.toUs)},
        {u"group_by"_s, group.isEmpty() ? QJsonValue(QJsonValue::Null) : QJsonValue(group)},
        {u"timezone"_s, QString::fromLatin1(query.timeZone)},
        {u"complete"_s, result.complete},
        {u"total"_s, figures(result.total)},
        {u"data"_s, data},
    });
}

} // namespace

UsageRoutes::UsageRoutes(Gateway &gateway, AdminReaders &readers)
    : m_gateway(gateway)
    , m_readers(readers)
{
}

void UsageRoutes::addRoutes(AdminRouter &router)
{
    router.add(HttpMethod::Get, "usage", [this](const AdminCall &call) { usage(call); });
}

void UsageRoutes::usage(const AdminCall &call)
{
    constexpr qint64 kAnyId = std::numeric_limits<qint64>::max();
    AdminQuery values(call.query, {u"from"_s, u"to"_s, u"group_by"_s, u"timezone"_s, u"key"_s,
                                   u"team"_s, u"model"_s, u"backend"_s});
    UsageQuery query;
    query.toUs = values.time(u"to"_s).value_or(wallClockUs());
    query.fromUs = values.time(u"from"_s).value_or(query.toUs - kUsualRangeUs);
    if (query.fromUs >= query.toUs) {
        values.refuse(u"from"_s, u"Must be before `to`."_s);
    }
    const QString group =
        values.choice(u"group_by"_s, {QString(), u"key"_s, u"team"_s, u"model"_s, u"served_model"_s,
                                      u"backend"_s, u"minute"_s, u"hour"_s, u"day"_s});
    query.groupBy = groupOf(group);
    if (values.has(u"timezone"_s)) {
        query.timeZone = values.text(u"timezone"_s).toUtf8();
        if (!QTimeZone::isTimeZoneIdAvailable(query.timeZone)) {
            values.refuse(u"timezone"_s,
                          u"Must be a time zone like Europe/Berlin that this machine knows."_s);
        }
    }
    if (values.has(u"key"_s)) {
        query.keyIds = {values.integer(u"key"_s, 0, -kAnyId, kAnyId)};
    }
    if (values.has(u"team"_s)) {
        query.teamIds = {values.integer(u"team"_s, 0, -kAnyId, kAnyId)};
    }
    if (values.has(u"model"_s)) {
        query.models = {values.text(u"model"_s).toUtf8()};
    }
    if (values.has(u"backend"_s)) {
        query.backends = {values.text(u"backend"_s).toUtf8()};
    }
    const qint64 stepUs = query.groupBy == By::Minute ? 60'000'000
                          : query.groupBy == By::Hour ? 3'600'000'000
                                                      : 86'400'000'000;
    if (UsageQuery::isTime(query.groupBy) &&
        (query.toUs - query.fromUs) / stepUs >= UsageQuery::kMaxSteps) {
        values.refuse(u"group_by"_s,
                      u"There are more than %1 steps between `from` and `to`. Take "
                      "longer steps or a shorter time."_s.arg(UsageQuery::kMaxSteps));
    }
    if (values.error()) {
        call.reply->sendError(*values.error());
        return;
    }
    m_readers.query([path = m_gateway.databasePath(), query, group, reply = call.reply] {
        if (reply->isClientGone()) {
            return;
        }
        UsageReader reader;
        if (const auto opened = reader.open(path); !opened) {
            reply->sendError(adminjson::notRead(opened.error()));
            return;
        }
        const auto result = reader.usage(query);
        if (!result) {
            reply->sendError(adminjson::notRead(result.error()));
            return;
        }
        reply->sendJson(200, answerOf(*result, query, group));
    });
}

} // namespace tidegate
