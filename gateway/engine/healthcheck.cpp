// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/healthcheck.h"

#include <QCoreApplication>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <utility>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

constexpr qsizetype kMaxBody = 4 * 1024 * 1024;
/// So much of an answer is looked at for the words that a model is being loaded.
constexpr qsizetype kLookAt = 4096;

QString tr(const char *text)
{
    return QCoreApplication::translate("HealthCheck", text);
}

/// The base URL without its /v1: where servers have their own paths.
QByteArray rootOf(const QByteArray &baseUrl)
{
    constexpr char kVersion[] = "/v1";
    return baseUrl.endsWith(kVersion) ? baseUrl.chopped(qsizetype(sizeof(kVersion)) - 1) : baseUrl;
}

std::optional<QByteArrayList> namesIn(const QByteArray &body, QLatin1StringView list,
                                      QLatin1StringView name)
{
    const QJsonValue entries = QJsonDocument::fromJson(body).object().value(list);
    if (!entries.isArray()) {
        return std::nullopt;
    }
    QByteArrayList names;
    for (const QJsonValue &entry : entries.toArray()) {
        const QByteArray text = entry.toObject().value(name).toString().toUtf8();
        if (!text.isEmpty()) {
            names.append(text);
        }
    }
    return names;
}

/// "qwen2.5" is "qwen2.5:latest" to Ollama.
bool ollamaHas(const QByteArrayList &names, const QByteArray &model)
{
    return names.contains(model) || names.contains(model + ":latest");
}

bool saysLoading(int status, const QByteArray &body)
{
    return status == 503 &&
           body.first(std::min(body.size(), kLookAt)).toLower().contains("loading");
}

HealthFinding healthy(const QString &reason = {})
{
    return {BackendHealth::Healthy, reason};
}

/// What a status says that is no 2xx, whatever was asked; Unknown: it depends.
HealthFinding verdictOf(int status, const QByteArray &body)
{
    if (saysLoading(status, body)) {
        return {BackendHealth::Loading, tr("It is loading its model.")};
    }
    if (status == 401 || status == 403) {
        return healthy(tr("It answers, but refuses the key (HTTP %1).").arg(status));
    }
    if (status == 429) {
        return healthy(tr("It answers, and asks for fewer requests (HTTP 429)."));
    }
    if (status >= 500) {
        return {BackendHealth::Unhealthy, tr("It answers with HTTP %1.").arg(status)};
    }
    return {};
}

} // namespace

HealthCheck::HealthCheck(UpstreamClient &client)
    : m_client(client)
{
}

HealthCheck::~HealthCheck()
{
    cancel();
}

std::vector<HealthCheck::Question> HealthCheck::questionsFor(const BackendConfig &backend)
{
    const HealthRule &rule = backend.health;
    const QByteArray root = rootOf(backend.baseUrl);
    const Question models{Topic::Models, backend.baseUrl + "/models"};
    std::vector<Question> questions;
    if (!rule.path.isEmpty()) {
        questions.push_back({Topic::Health, root + rule.path});
        if (!rule.model.isEmpty()) {
            questions.push_back(models);
        }
        return questions;
    }
    switch (backend.type) {
    case BackendType::LlamaCpp:
    case BackendType::VLlm:
    case BackendType::SgLang:
    case BackendType::Tgi:
        return {{Topic::UsualHealth, root + "/health"}, models};
    case BackendType::Ollama:
        questions.push_back({Topic::OllamaTags, root + "/api/tags"});
        if (!rule.model.isEmpty()) {
            questions.push_back({Topic::OllamaLoaded, root + "/api/ps"});
        }
        return questions;
    default:
        return {models};
    }
}

HealthCheck::Result HealthCheck::judge(Topic topic, int status, const QByteArray &body,
                                       const QByteArray &model)
{
    Result result{.finding = verdictOf(status, body), .models = {}};
    if (result.finding.health != BackendHealth::Unknown && topic != Topic::OllamaLoaded) {
        return result;
    }
    const bool ok = status >= 200 && status < 300;
    const auto name = QString::fromUtf8(model);
    switch (topic) {
    case Topic::Health:
        result.finding =
            ok ? healthy()
               : HealthFinding{
                     BackendHealth::Unhealthy,
                     tr("Its health check is answered with HTTP %1. Check the path.").arg(status)};
        break;
    case Topic::UsualHealth:
        result.finding = healthy();
        break;
    case Topic::Models:
        result.models = ok ? namesIn(body, "data"_L1, "id"_L1) : std::nullopt;
        if (result.models && !model.isEmpty() && !result.models->contains(model)) {
            result.finding = {BackendHealth::Loading, tr("It does not serve %1 yet.").arg(name)};
        } else if (!result.models && !model.isEmpty()) {
            result.finding = {BackendHealth::Unhealthy,
                              tr("It does not say whether it serves %1 (HTTP %2).")
                                  .arg(name, QString::number(status))};
        } else {
            result.finding = healthy();
        }
        break;
    case Topic::OllamaTags:
        result.models = ok ? namesIn(body, "models"_L1, "name"_L1) : std::nullopt;
        if (!result.models) {
            result.finding = {BackendHealth::Unhealthy,
                              tr("It does not answer as Ollama does (HTTP %1).").arg(status)};
        } else if (!model.isEmpty() && !ollamaHas(*result.models, model)) {
            result.finding = {
                BackendHealth::Unhealthy,
                tr("It does not have %1. Pull it, or wait until it is pulled.").arg(name)};
        } else {
            result.finding = healthy();
        }
        break;
    case Topic::OllamaLoaded: {
        // It loads a model when it is asked for it, so that this is no reason to pass it over.
        const auto loaded = ok ? namesIn(body, "models"_L1, "name"_L1) : std::nullopt;
        result.finding =
            loaded && !ollamaHas(*loaded, model)
                ? healthy(tr("%1 is not in memory; its next request waits for it.").arg(name))
                : healthy();
        break;
    }
    }
    return result;
}

void HealthCheck::start(const BackendConfig &backend, Reply reply)
{
    cancel();
    m_backend = backend;
    m_questions = questionsFor(backend);
    m_next = 0;
    m_reply = std::move(reply);
    m_result = {};
    askNext();
}

void HealthCheck::cancel()
{
    if (m_call) {
        m_client.cancel(std::exchange(m_call, nullptr));
    }
}

void HealthCheck::askNext()
{
    m_status = 0;
    m_body.clear();
    UpstreamRequest request;
    request.method = "GET";
    request.url = m_questions[m_next].url;
    request.fields.push_back("Accept: application/json");
    for (const auto &[name, value] : m_backend.headers) {
        request.fields.push_back(name + ": " + value);
    }
    if (!m_backend.keys.empty()) {
        request.authorization = Secret("Authorization: Bearer " + m_backend.keys.front().reveal());
    }
    const int timeoutMs = m_backend.health.timeoutMs;
    request.timeouts = {.connectMs = timeoutMs,
                        .firstByteMs = timeoutMs,
                        .idleMs = timeoutMs,
                        .totalMs = timeoutMs};
    request.proxy = m_backend.proxy;
    request.caFile = m_backend.caFile;
    request.verifyTls = m_backend.verifyTls;
    request.allowPrivateNetwork = m_backend.allowPrivateNetwork;
    // What was kept open says nothing about whether the server takes new connections.
    request.freshConnection = true;
    m_call = m_client.start(std::move(request), *this);
}

void HealthCheck::upstreamHead(const UpstreamHead &head)
{
    m_status = head.status;
}

bool HealthCheck::upstreamBody(std::string_view piece)
{
    if (m_body.size() + qsizetype(piece.size()) <= kMaxBody) {
        m_body.append(piece.data(), qsizetype(piece.size()));
    }
    return true;
}

void HealthCheck::upstreamFinished(const UpstreamResult &result)
{
    m_call = nullptr;
    const Question &question = m_questions[m_next++];
    if (result.failure != UpstreamFailure::None) {
        m_result.finding = {BackendHealth::Unhealthy, result.message};
        m_result.answers = false;
        finish();
        return;
    }
    Result said = judge(question.topic, m_status, m_body, m_backend.health.model);
    if (said.models) {
        m_result.models = std::move(said.models);
    }
    m_result.finding = std::move(said.finding);
    m_result.answers = m_status < 500;
    if (m_result.finding.health == BackendHealth::Healthy && m_next < m_questions.size()) {
        askNext();
    } else {
        finish();
    }
}

void HealthCheck::finish()
{
    const Reply reply = std::move(m_reply); // the reply may start the next look
    reply(std::move(m_result));
}

} // namespace tidegate
