// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/transferroutes.h"

#include "gateway/admin/adminjson.h"
#include "gateway/admin/adminquery.h"
#include "gateway/admin/ledgerroutes.h"
#include "gateway/engine/gateway.h"

#include <QDateTime>
#include <QJsonArray>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

constexpr qsizetype kLargestImport = 8 * 1024 * 1024;

} // namespace

TransferRoutes::TransferRoutes(Gateway &gateway, LedgerRoutes &ledger)
    : m_gateway(gateway)
    , m_ledger(ledger)
{
}

void TransferRoutes::addRoutes(AdminRouter &router)
{
    router.add(HttpMethod::Get, "export", [this](const AdminCall &call) { exportData(call); });
    router.add(
        HttpMethod::Post, "import", [this](const AdminCall &call) { importConfig(call); },
        kLargestImport);
}

void TransferRoutes::exportData(const AdminCall &call)
{
    AdminQuery query(call.query, LedgerRoutes::filterNames() + QStringList{u"what"_s, u"format"_s});
    const QString what = query.choice(u"what"_s, {u"requests"_s, u"config"_s});
    if (what == u"requests"_s) {
        const QString format = query.choice(u"format"_s, {u"csv"_s, u"json"_s, u"jsonl"_s});
        m_ledger.exportRows(call, query, format);
        return;
    }
    if (query.choice(u"format"_s, {u"json"_s}) != u"json"_s) {
        query.refuse(u"format"_s, u"The configuration is exported as json only."_s);
    }
    if (query.error()) {
        call.reply->sendError(*query.error());
        return;
    }
    ResponseHead head(200);
    head.add("content-type", "application/json");
    head.add("content-disposition", R"(attachment; filename="tidegate-config.json")");
    call.reply->send(head, adminjson::compact({
                               {u"object"_s, u"export"_s},
                               {u"version"_s, QStringLiteral(TIDEGATE_VERSION)},
                               {u"created_at"_s, adminjson::time(QDateTime::currentDateTimeUtc())},
                               {u"config"_s, m_gateway.exportConfig()},
                           }));
}

void TransferRoutes::importConfig(const AdminCall &call)
{
    static const QStringList kKnown{u"object"_s, u"version"_s, u"created_at"_s, u"config"_s,
                                    u"dry_run"_s};
    for (const QString &name : call.body.keys()) {
        if (!kKnown.contains(name)) {
            call.reply->sendError({400, "invalid_request",
                                   name.toUtf8() + ": Unknown field. Put the configuration into "
                                                   "`config`.",
                                   name.toUtf8()});
            return;
        }
    }
    const QJsonValue dryRun = call.body.value(u"dry_run"_s);
    if (!call.body.value(u"config"_s).isObject() || !(dryRun.isUndefined() || dryRun.isBool())) {
        const QByteArray param = call.body.value(u"config"_s).isObject() ? "dry_run" : "config";
        call.reply->sendError(
            {400, "invalid_request",
             param + (param == "config" ? ": Must be an object." : ": Must be true or false."),
             param});
        return;
    }
    m_gateway.importConfig(
        call.body.value(u"config"_s).toObject(), dryRun.toBool(),
        [reply = call.reply, dryRun = dryRun.toBool()](const Result<ImportReport> &result) {
            if (!result) {
                reply->sendError(adminjson::invalid(result.error(), {}));
                return;
            }
            QJsonArray keys;
            for (const Store::NewKey &made : result->newKeys) {
                keys.append(QJsonObject{{u"id"_s, made.record.id},
                                        {u"name"_s, made.record.name},
                                        {u"prefix"_s, made.record.prefix},
                                        {u"key"_s, QString::fromLatin1(made.plaintext)}});
            }
            reply->sendJson(200,
                            adminjson::compact({
                                {u"object"_s, u"import"_s},
                                {u"dry_run"_s, dryRun},
                                {u"created"_s, QJsonArray::fromStringList(result->created)},
                                {u"changed"_s, QJsonArray::fromStringList(result->changed)},
                                {u"unchanged"_s, QJsonArray::fromStringList(result->unchanged)},
                                {u"skipped"_s, QJsonArray::fromStringList(result->skipped)},
                                {u"keys"_s, keys},
                            }));
        });
}

} // namespace tidegate
