// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/adminresource.h"

#include "gateway/admin/adminjson.h"
#include "gateway/admin/adminquery.h"
#include "gateway/config/mergepatch.h"

#include <algorithm>
#include <utility>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

constexpr int kUsualPage = 100;
constexpr int kLargestPage = 1000;

AdminResource::Answer answerTo(const AdminCall &call, int status)
{
    return [reply = call.reply, status](const std::variant<QJsonObject, ApiError> &result) {
        if (const auto *error = std::get_if<ApiError>(&result)) {
            reply->sendError(*error);
        } else {
            reply->sendJson(status, adminjson::compact(std::get<QJsonObject>(result)));
        }
    };
}

} // namespace

AdminResource::AdminResource(QString collection, QString one, QString idName)
    : m_collection(std::move(collection))
    , m_one(std::move(one))
    , m_idName(std::move(idName))
{
}

AdminResource::~AdminResource() = default;

void AdminResource::addRoutes(AdminRouter &router)
{
    const QByteArray all = m_collection.toLatin1();
    const QByteArray each = all + "/{" + m_idName.toLatin1() + '}';
    router.add(HttpMethod::Get, all, [this](const AdminCall &call) { list(call); });
    router.add(HttpMethod::Post, all, [this](const AdminCall &call) { post(call); });
    router.add(HttpMethod::Get, each, [this](const AdminCall &call) { read(call); });
    router.add(HttpMethod::Patch, each, [this](const AdminCall &call) { patch(call); });
    router.add(HttpMethod::Delete, each, [this](const AdminCall &call) { erase(call); });
}

QString AdminResource::idOf(const QJsonObject &item) const
{
    const QJsonValue id = item.value(m_idName);
    return id.isDouble() ? QString::number(id.toInteger()) : id.toString();
}

QJsonObject AdminResource::find(const QString &id) const
{
    for (const QJsonObject &item : items()) {
        if (idOf(item) == id) {
            return item;
        }
    }
    return {};
}

std::variant<QJsonObject, ApiError> AdminResource::found(const QString &id) const
{
    const QJsonObject item = find(id);
    if (item.isEmpty()) {
        return noSuch(id);
    }
    return item;
}

ApiError AdminResource::noSuch(const QString &id) const
{
    return {404, "not_found", u"There is no %1 '%2'."_s.arg(m_one, id).toUtf8(), m_idName.toUtf8()};
}

void AdminResource::list(const AdminCall &call) const
{
    AdminQuery query(call.query, {u"limit"_s, u"after"_s});
    const qint64 limit = query.integer(u"limit"_s, kUsualPage, 1, kLargestPage);
    const std::vector<QJsonObject> all = items();
    auto from = all.cbegin();
    if (query.has(u"after"_s)) {
        const QString after = query.text(u"after"_s);
        from = std::find_if(all.cbegin(), all.cend(),
                            [this, &after](const auto &item) { return idOf(item) == after; });
        if (from == all.cend()) {
            query.refuse(u"after"_s, u"There is no %1 '%2'."_s.arg(m_one, after));
        } else {
            ++from;
        }
    }
    if (query.error()) {
        call.reply->sendError(*query.error());
        return;
    }
    QJsonArray data;
    for (; from != all.cend() && data.size() < limit; ++from) {
        data.append(*from);
    }
    call.reply->sendJson(200, adminjson::list(data, from != all.cend()));
}

void AdminResource::read(const AdminCall &call) const
{
    answerTo(call, 200)(found(call.names.constFirst()));
}

void AdminResource::post(const AdminCall &call)
{
    const auto item = writable(call.body, {});
    if (const auto *error = std::get_if<ApiError>(&item)) {
        call.reply->sendError(*error);
        return;
    }
    create(std::get<QJsonObject>(item), answerTo(call, 201));
}

void AdminResource::patch(const AdminCall &call)
{
    const QString id = call.names.constFirst();
    const QJsonObject before = find(id);
    if (before.isEmpty()) {
        call.reply->sendError(noSuch(id));
        return;
    }
    if (before.value(u"source"_s) != u"database"_s) {
        call.reply->sendError({409,
                               "read_only",
                               u"This %1 comes from the %2. Change it there."_s
                                   .arg(m_one, before.value(u"source"_s).toString())
                                   .toUtf8(),
                               {}});
        return;
    }
    const auto item = writable(mergePatched(before, call.body), before);
    if (const auto *error = std::get_if<ApiError>(&item)) {
        call.reply->sendError(*error);
        return;
    }
    change(id, std::get<QJsonObject>(item), answerTo(call, 200));
}

void AdminResource::erase(const AdminCall &call)
{
    const QString id = call.names.constFirst();
    const QJsonObject before = find(id);
    if (before.isEmpty()) {
        call.reply->sendError(noSuch(id));
        return;
    }
    if (before.value(u"source"_s) != u"database"_s) {
        call.reply->sendError({409,
                               "read_only",
                               u"This %1 comes from the %2. Remove it there."_s
                                   .arg(m_one, before.value(u"source"_s).toString())
                                   .toUtf8(),
                               {}});
        return;
    }
    remove(id,
           [reply = call.reply, answer = QJsonObject{{m_idName, before.value(m_idName)},
                                                     {u"object"_s, QString(m_one + u".deleted"_s)},
                                                     {u"deleted"_s, true}}](const QString &error) {
               if (error.isEmpty()) {
                   reply->sendJson(200, adminjson::compact(answer));
               } else {
                   reply->sendError({409, "conflict", error.toUtf8(), {}});
               }
           });
}

std::variant<QJsonObject, ApiError> AdminResource::writable(const QJsonObject &item,
                                                            const QJsonObject &before) const
{
    QJsonObject result = item;
    for (const QString &name : readOnly() + QStringList{u"object"_s, u"source"_s}) {
        if (result.value(name) != before.value(name)) {
            return ApiError{400, "invalid_request",
                            name.toUtf8() + ": Only Tidegate sets this. Leave it out.",
                            name.toUtf8()};
        }
        result.remove(name);
    }
    return result;
}

} // namespace tidegate
