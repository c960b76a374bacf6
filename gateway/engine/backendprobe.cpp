// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/backendprobe.h"

#include "gateway/base/clock.h"

#include <QCoreApplication>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace tidegate {

namespace {

constexpr qsizetype kMaxBody = 4 * 1024 * 1024;

// OpenAI: {"data":[{"id":…}]}; Ollama's own and others: {"models":[{"name":…}]}.
QStringList modelNames(const QByteArray &body)
{
    const QJsonObject object = QJsonDocument::fromJson(body).object();
    const bool openAi = object.contains(QLatin1StringView("data"));
    const QJsonArray list = object.value(QLatin1StringView(openAi ? "data" : "models")).toArray();
    QStringList names;
    for (const QJsonValue &entry : list) {
        const QString name =
            entry.toObject().value(QLatin1StringView(openAi ? "id" : "name")).toString();
        if (!name.isEmpty()) {
            names.append(name);
        }
    }
    return names;
}

QString sentence(const BackendTest &test)
{
    const auto tr = [](const char *text, int n = -1) {
        return QCoreApplication::translate("BackendProbe", text, nullptr, n);
    };
    if (test.status == 401 || test.status == 403) {
        return tr("The backend answers, but refuses the key (HTTP %1). Check the API key.")
            .arg(test.status);
    }
    if (test.status == 404) {
        return tr(
            "The backend answers, but has no model list at this URL (HTTP 404). Check the path.");
    }
    if (test.status >= 400) {
        return tr("The backend answers with HTTP %1.").arg(test.status);
    }
    return tr("The backend answers and serves %n model(s).", int(test.models.size()));
}

} // namespace

BackendProbe::BackendProbe(BackendConfig backend, Secret key, quint16 localPort, Reply reply)
    : m_backend(std::move(backend))
    , m_key(std::move(key))
    , m_localPort(localPort)
    , m_reply(std::move(reply))
{
}

void BackendProbe::start(UpstreamClient &client)
{
    UpstreamRequest request;
    request.method = "GET";
    request.url = m_backend.baseUrl + "/models";
    request.fields.push_back("Accept: application/json");
    for (const auto &[name, value] : m_backend.headers) {
        request.fields.push_back(name + ": " + value);
    }
    if (!m_key.isEmpty()) {
        request.authorization = Secret("Authorization: Bearer " + m_key.reveal());
    }
    request.timeouts = {
        .connectMs = 3'000, .firstByteMs = 10'000, .idleMs = 10'000, .totalMs = 15'000};
    request.proxy = m_backend.proxy;
    request.caFile = m_backend.caFile;
    request.verifyTls = m_backend.verifyTls;
    request.allowPrivateNetwork = m_backend.allowPrivateNetwork;
    request.localPort = m_localPort;
    m_startNs = monotonicNs();
    client.start(std::move(request), *this);
}

void BackendProbe::upstreamHead(const UpstreamHead &head)
{
    m_result.reachable = true;
    m_result.status = head.status;
}

bool BackendProbe::upstreamBody(std::string_view piece)
{
    if (m_body.size() + qsizetype(piece.size()) <= kMaxBody) {
        m_body.append(piece.data(), qsizetype(piece.size()));
    }
    return true;
}

void BackendProbe::upstreamFinished(const UpstreamResult &result)
{
    m_result.latencyUs = (monotonicNs() - m_startNs) / 1000;
    if (result.failure != UpstreamFailure::None) {
        m_result.reachable = false;
        m_result.message = result.message;
    } else {
        m_result.models = m_result.status < 400 ? modelNames(m_body) : QStringList();
        m_result.message = sentence(m_result);
    }
    m_reply(this, std::move(m_result));
}

} // namespace tidegate
