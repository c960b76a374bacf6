// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/configroutes.h"

#include "gateway/admin/adminjson.h"
#include "gateway/engine/gateway.h"

#include <QJsonArray>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

QString severityName(ConfigProblem::Severity severity)
{
    switch (severity) {
    case ConfigProblem::Severity::Note:
        return u"note"_s;
    case ConfigProblem::Severity::Warning:
        return u"warning"_s;
    case ConfigProblem::Severity::Error:
        break;
    }
    return u"error"_s;
}

QJsonArray problemList(const std::vector<ConfigProblem> &problems)
{
    QJsonArray list;
    for (const ConfigProblem &problem : problems) {
        list.append(QJsonObject{
            {u"severity"_s, severityName(problem.severity)},
            {u"file"_s, problem.file.isEmpty() ? QJsonValue() : QJsonValue(problem.file)},
            {u"line"_s, problem.line > 0 ? QJsonValue(problem.line) : QJsonValue()},
            {u"key"_s, problem.key.isEmpty() ? QJsonValue() : QJsonValue(problem.key)},
            {u"message"_s, problem.message},
        });
    }
    return list;
}

} // namespace

ConfigRoutes::ConfigRoutes(Gateway &gateway)
    : m_gateway(gateway)
{
}

void ConfigRoutes::addRoutes(AdminRouter &router)
{
    router.add(HttpMethod::Get, "config", [this](const AdminCall &call) { show(call); });
    router.add(HttpMethod::Post, "config/reload", [this](const AdminCall &call) { reload(call); });
}

void ConfigRoutes::show(const AdminCall &call) const
{
    const LedgerStats ledger = m_gateway.ledgerStats();
    call.reply->sendJson(
        200, adminjson::compact({
                 {u"object"_s, u"config"_s},
                 {u"revision"_s, qint64(m_gateway.config()->revision)},
                 {u"version"_s, QStringLiteral(TIDEGATE_VERSION)},
                 {u"base_url"_s, m_gateway.baseUrl().toString()},
                 {u"problems"_s, problemList(m_gateway.problems())},
                 {u"ledger"_s, QJsonObject{{u"queued"_s, ledger.queued},
                                           {u"written"_s, ledger.written},
                                           {u"spilled"_s, ledger.spilled},
                                           {u"lost"_s, ledger.lost},
                                           {u"last_error"_s, ledger.lastError.isEmpty()
                                                                 ? QJsonValue()
                                                                 : QJsonValue(ledger.lastError)}}},
                 {u"config"_s, m_gateway.configJson()},
             }));
}

void ConfigRoutes::reload(const AdminCall &call)
{
    m_gateway.reloadConfig([this, reply = call.reply](const Result<Done> &result) {
        if (!result) {
            reply->sendError(
                {400,
                 "invalid_config",
                 "The configuration of before stays in force. " + result.error().toUtf8(),
                 {}});
            return;
        }
        reply->sendJson(200, adminjson::compact({
                                 {u"object"_s, u"config.reload"_s},
                                 {u"revision"_s, qint64(m_gateway.config()->revision)},
                                 {u"problems"_s, problemList(m_gateway.problems())},
                             }));
    });
}

} // namespace tidegate
