// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/configroutes.h"

#include "gateway/admin/adminjson.h"
#include "gateway/engine/gateway.h"

#include <QJsonArray>

#include <algorithm>

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

QJsonObject ConfigRoutes::asFile() const
{
    const ConfigPtr config = m_gateway.config();
    const ServerConfig &server = config->server;
    QJsonObject backends;
    for (const BackendConfig &backend : config->backends) {
        backends.insert(QString::fromUtf8(backend.name), backend.source);
    }
    QJsonObject file{
        {u"server"_s,
         QJsonObject{
             {u"host"_s, server.host.toString()},
             {u"port"_s, server.port},
             {u"workers"_s, server.workers},
             {u"max_request_body_bytes"_s, server.maxRequestBodyBytes},
             {u"max_connections"_s, server.maxConnections},
             {u"header_timeout_seconds"_s, server.headerTimeoutSeconds},
             {u"drain_seconds"_s, server.drainSeconds},
             {u"auth"_s, server.auth == AuthMode::Off ? u"off"_s : u"required"_s},
         }},
        {u"backends"_s, backends},
        {u"log"_s, QJsonObject{{u"level"_s, QString::fromUtf8(config->logLevel)},
                               {u"format"_s, QString::fromUtf8(config->logFormat)},
                               {u"retention_days"_s, config->retentionDays}}},
    };
    if (!config->defaultBackend.isEmpty()) {
        file.insert(u"default_backend"_s, QString::fromUtf8(config->defaultBackend));
    }
    return file;
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
                 {u"config"_s, asFile()},
             }));
}

void ConfigRoutes::reload(const AdminCall &call)
{
    const quint64 before = m_gateway.config()->revision;
    m_gateway.reloadConfig();
    const bool applied = m_gateway.config()->revision != before;
    const auto problems = m_gateway.problems();
    if (!applied) {
        const auto first = std::find_if(problems.cbegin(), problems.cend(), [](const auto &one) {
            return one.severity == ConfigProblem::Severity::Error;
        });
        call.reply->sendError({400, "invalid_config",
                               "The configuration of before stays in force. " +
                                   (first == problems.cend() ? QByteArray("The file is empty.")
                                                             : first->toString().toUtf8()),
                               first == problems.cend() ? QByteArray() : first->key.toUtf8()});
        return;
    }
    call.reply->sendJson(200, adminjson::compact({
                                  {u"object"_s, u"config.reload"_s},
                                  {u"revision"_s, qint64(m_gateway.config()->revision)},
                                  {u"problems"_s, problemList(problems)},
                              }));
}

} // namespace tidegate
