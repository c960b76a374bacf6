// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/setupassistant.h"

#include "app/viewmodels/backendsmodel.h"
#include "app/viewmodels/gatewaylink.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QNetworkProxy>
#include <QNetworkReply>
#include <QNetworkRequest>
#include <QUrl>

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

constexpr int kScanTimeoutMs = 4'000;
constexpr int kTestTimeoutMs = 120'000;
constexpr qsizetype kMaxTestText = 4'000;
constexpr qsizetype kMaxErrorBody = 64 * 1024;

struct KnownServer
{
    const char *type;
    quint16 port;
};

constexpr KnownServer kKnownServers[] = {
    {"ollama", 11434},
    {"lmstudio", 1234},
    {"llamacpp", 8080},
    {"vllm", 8000},
};

struct KeyPrefix
{
    const char *prefix;
    const char *type;
};

/// The more specific ones first.
constexpr KeyPrefix kKeyPrefixes[] = {
    {"sk-ant-", "anthropic"}, {"sk-or-", "openrouter"}, {"gsk_", "groq"},
    {"AIza", "gemini"},       {"sk-", "openai"},
};

QString placeholderKey()
{
    return QStringLiteral("$TIDEGATE_API_KEY");
}

/// For text that goes between double quotes in all snippet languages.
QString quoted(QString text)
{
    text.remove(u'"');
    text.remove(u'\\');
    text.remove(u'\n');
    return text;
}

} // namespace

SetupAssistant::SetupAssistant(GatewayLink &link, BackendsModel &backends, QObject *parent)
    : QObject(parent)
    , m_link(link)
    , m_backends(backends)
{
    // Only ever used for the gateway's own address.
    m_network.setProxy(QNetworkProxy::NoProxy);
    m_scanTimer.setSingleShot(true);
    m_scanTimer.setInterval(kScanTimeoutMs);
    connect(&m_scanTimer, &QTimer::timeout, this, [this] {
        // Answers that come later belong to a scan that is over.
        ++m_scanNumber;
        m_pendingProbes = 0;
        m_scanned = true;
        Q_EMIT scanChanged();
    });
    connect(&link, &GatewayLink::configChanged, this, [this] {
        Q_EMIT scanChanged();
        Q_EMIT snippetsChanged();
    });
    connect(&link, &GatewayLink::stateChanged, this, [this] {
        Q_EMIT snippetsChanged();
        if (m_scanWhenRunning && m_link.state() == Gateway::State::Running) {
            scan();
        }
    });
    connect(&backends, &BackendsModel::saveFailed, this,
            [this](const QString &, const QString &message) { setError(message); });
}

SetupAssistant::~SetupAssistant()
{
    cancelTestRequest();
}

void SetupAssistant::scan()
{
    if (isScanning()) {
        return;
    }
    // The engine does the asking, so there is nothing to ask with while it starts.
    m_scanWhenRunning =
        m_link.state() == Gateway::State::Stopped || m_link.state() == Gateway::State::Starting;
    if (m_scanWhenRunning) {
        return;
    }
    m_found.clear();
    m_scanned = false;
    ++m_scanNumber;
    int order = 0;
    for (const KnownServer &server : kKnownServers) {
        // Our own endpoint would answer as a llama.cpp server does.
        if (server.port != m_link.port()) {
            probe(order, QString::fromLatin1(server.type), server.port);
        }
        ++order;
    }
    m_scanTimer.start();
    Q_EMIT scanChanged();
}

void SetupAssistant::probe(int order, const QString &type, quint16 port)
{
    const QString url = QStringLiteral("http://127.0.0.1:%1").arg(port);
    ++m_pendingProbes;
    m_link.testBackend(
        {{QStringLiteral("type"), type}, {QStringLiteral("url"), url}}, Secret(),
        [self = QPointer(this), order, type, url, number = m_scanNumber](const BackendTest &test) {
            if (!self || self->m_scanNumber != number) {
                return;
            }
            if (test.reachable) {
                Found found;
                found.order = order;
                found.type = type;
                found.label =
                    BackendsModel::typeInfoFor(type).value(QStringLiteral("label")).toString();
                found.url = url;
                found.models = test.models;
                const auto place =
                    std::find_if(self->m_found.cbegin(), self->m_found.cend(),
                                 [order](const Found &other) { return other.order > order; });
                self->m_found.insert(place, found);
            }
            if (--self->m_pendingProbes == 0) {
                self->m_scanned = true;
                self->m_scanTimer.stop();
            }
            Q_EMIT self->scanChanged();
            Q_EMIT self->snippetsChanged();
        });
}

QVariantList SetupAssistant::found() const
{
    QVariantList list;
    const ConfigPtr config = m_link.config();
    for (const Found &server : m_found) {
        const bool added =
            config && std::any_of(config->backends.cbegin(), config->backends.cend(),
                                  [&](const BackendConfig &backend) {
                                      return backend.baseUrl.startsWith(server.url.toUtf8());
                                  });
        list << QVariantMap{
            {QStringLiteral("type"), server.type},
            {QStringLiteral("label"), server.label},
            {QStringLiteral("url"), server.url},
            {QStringLiteral("modelCount"), int(server.models.size())},
            {QStringLiteral("models"), server.models},
            {QStringLiteral("modelsText"), tr("%n model(s)", nullptr, int(server.models.size()))},
            {QStringLiteral("added"), added},
        };
    }
    return list;
}

QString SetupAssistant::scanText() const
{
    if (isScanning()) {
        return tr("Looking for servers on this machine…");
    }
    if (!m_scanned) {
        return {};
    }
    if (m_found.isEmpty()) {
        return tr("No model server is running on this machine. Start one and look again, or use a "
                  "provider's API key.");
    }
    QStringList labels;
    for (const Found &server : m_found) {
        labels << server.label;
    }
    //: %1 is a list of programs such as "Ollama, vLLM"
    return tr("Found on this machine: %1.").arg(labels.join(QStringLiteral(", ")));
}

void SetupAssistant::addFound(int index)
{
    if (index < 0 || index >= m_found.size()) {
        return;
    }
    const Found &server = m_found[index];
    addBackend(server.type, server.url, server.models);
}

void SetupAssistant::addEcho()
{
    addBackend(QStringLiteral("echo"), QString(), {QStringLiteral("echo")});
}

void SetupAssistant::addBackend(const QString &type, const QString &url, const QStringList &models)
{
    setError(QString());
    const QString name = m_backends.suggestedName(type);
    auto connection = std::make_shared<QMetaObject::Connection>();
    *connection = connect(&m_backends, &BackendsModel::saved, this,
                          [this, name, connection](const QString &saved) {
                              if (saved == name) {
                                  disconnect(*connection);
                                  Q_EMIT backendAdded(name);
                              }
                          });
    m_backends.save({{QStringLiteral("name"), name},
                     {QStringLiteral("type"), type},
                     {QStringLiteral("url"), url},
                     {QStringLiteral("models"), models}},
                    QString());
}

QVariantMap SetupAssistant::recognise(const QString &key)
{
    const QString trimmed = key.trimmed();
    for (const KeyPrefix &known : kKeyPrefixes) {
        if (trimmed.startsWith(QLatin1String(known.prefix))) {
            return BackendsModel::typeInfoFor(QString::fromLatin1(known.type));
        }
    }
    return {};
}

void SetupAssistant::makeClientKey()
{
    if (!m_clientKey.isEmpty() || m_keyPending) {
        return;
    }
    setError(QString());
    const std::vector<ClientKey> keys = m_link.clientKeys();
    const QString base = QStringLiteral("my-first-key");
    QString name = base;
    for (int n = 2; std::any_of(keys.cbegin(), keys.cend(),
                                [&](const ClientKey &key) { return key.name == name; });
         ++n) {
        name = base + u'-' + QString::number(n);
    }
    m_keyPending = true;
    m_link.createKey(name, {}, [self = QPointer(this)](const Result<Store::NewKey> &result) {
        if (!self) {
            return;
        }
        self->m_keyPending = false;
        if (!result) {
            self->m_testAfterKey.clear();
            self->setError(result.error());
            return;
        }
        self->setClientKey(QString::fromLatin1(result->plaintext));
        const QString model = std::exchange(self->m_testAfterKey, {});
        if (!model.isEmpty()) {
            self->sendTestRequest(model);
        }
    });
}

void SetupAssistant::setClientKey(const QString &plaintext)
{
    m_clientKey = plaintext;
    Q_EMIT clientKeyChanged();
    Q_EMIT snippetsChanged();
}

QStringList SetupAssistant::models() const
{
    QStringList names;
    const ConfigPtr config = m_link.config();
    if (!config) {
        return names;
    }
    for (const ModelConfig &model : config->models) {
        names << QString::fromUtf8(model.name);
    }
    for (const BackendConfig &backend : config->backends) {
        for (const Glob &model : backend.models) {
            if (model.isExact()) {
                names << QString::fromUtf8(model.pattern());
            }
        }
        if (backend.models.empty()) {
            // It takes any model: those that it listed when it was tried, by its own name.
            const QStringList listed = m_backends.modelsOf(QString::fromUtf8(backend.name));
            for (const QString &model : listed) {
                names << QString::fromUtf8(backend.name) + u'/' + model;
            }
            if (backend.type == BackendType::Echo) {
                names << QString::fromUtf8(backend.name) + QStringLiteral("/echo");
            }
        }
    }
    names.removeDuplicates();
    return names;
}

QVariantList SetupAssistant::snippets() const
{
    const QStringList names = models();
    return makeSnippets(m_link.baseUrl().toString(), m_clientKey,
                        names.isEmpty() ? QStringLiteral("MODEL") : names.constFirst());
}

QVariantList SetupAssistant::makeSnippets(const QString &baseUrl, const QString &key,
                                          const QString &model)
{
    const QString url = quoted(baseUrl);
    const QString name = quoted(model);
    const bool known = !key.isEmpty();
    const QString shellKey = known ? quoted(key) : placeholderKey();
    const QString python = known ? QString(u'"' + quoted(key) + u'"')
                                 : QStringLiteral("os.environ[\"TIDEGATE_API_KEY\"]");
    const QString pythonImport = known ? QString() : QStringLiteral("import os\n");
    const QString script =
        known ? QString(u'"' + quoted(key) + u'"') : QStringLiteral("process.env.TIDEGATE_API_KEY");
    const auto entry = [](const char *id, const QString &title, const QString &text) {
        return QVariantMap{{QStringLiteral("id"), QString::fromLatin1(id)},
                           {QStringLiteral("title"), title},
                           {QStringLiteral("text"), text}};
    };
    return {
        entry("curl", QStringLiteral("curl"),
              QStringLiteral("curl -N \"%1/chat/completions\" \\\n"
                             "  -H \"Authorization: Bearer %2\" \\\n"
                             "  -H \"Content-Type: application/json\" \\\n"
                             "  -d '{\"model\": \"%3\", \"stream\": true, \"messages\": "
                             "[{\"role\": \"user\", \"content\": \"Hello\"}]}'")
                  .arg(url, shellKey, name)),
        entry("python", QStringLiteral("Python"),
              QStringLiteral("%4from openai import OpenAI\n\n"
                             "client = OpenAI(base_url=\"%1\", api_key=%2)\n"
                             "stream = client.chat.completions.create(\n"
                             "    model=\"%3\",\n"
                             "    messages=[{\"role\": \"user\", \"content\": \"Hello\"}],\n"
                             "    stream=True,\n"
                             ")\n"
                             "for chunk in stream:\n"
                             "    if chunk.choices:\n"
                             "        print(chunk.choices[0].delta.content or \"\", end=\"\")")
                  .arg(url, python, name, pythonImport)),
        entry("javascript", QStringLiteral("JavaScript"),
              QStringLiteral("import OpenAI from \"openai\";\n\n"
                             "const client = new OpenAI({ baseURL: \"%1\", apiKey: %2 });\n"
                             "const stream = await client.chat.completions.create({\n"
                             "  model: \"%3\",\n"
                             "  messages: [{ role: \"user\", content: \"Hello\" }],\n"
                             "  stream: true,\n"
                             "});\n"
                             "for await (const chunk of stream) {\n"
                             "  process.stdout.write(chunk.choices[0]?.delta?.content ?? \"\");\n"
                             "}")
                  .arg(url, script, name)),
        entry("environment", tr("Environment"),
              QStringLiteral("export OPENAI_BASE_URL=\"%1\"\n"
                             "export OPENAI_API_KEY=\"%2\"")
                  .arg(url, shellKey)),
        entry("langchain", QStringLiteral("LangChain"),
              QStringLiteral("%4from langchain_openai import ChatOpenAI\n\n"
                             "llm = ChatOpenAI(base_url=\"%1\", api_key=%2, model=\"%3\")\n"
                             "for chunk in llm.stream(\"Hello\"):\n"
                             "    print(chunk.content, end=\"\")")
                  .arg(url, python, name, pythonImport)),
    };
}

bool SetupAssistant::isTestRunning() const
{
    return !m_testReply.isNull() || !m_testAfterKey.isEmpty();
}

void SetupAssistant::sendTestRequest(const QString &model)
{
    if (isTestRunning() || model.isEmpty()) {
        return;
    }
    m_testText.clear();
    m_testBuffer.clear();
    m_testPassed = false;
    if (m_link.isSimulated()) {
        m_link.simulateRequest(model);
        m_testText = tr("This is a demo: nothing was sent, but the Live page shows a request.");
        m_testPassed = true;
        Q_EMIT testChanged();
        return;
    }
    const ConfigPtr config = m_link.config();
    const bool keyNeeded = !config || config->server.auth == AuthMode::Required;
    if (keyNeeded && m_clientKey.isEmpty()) {
        m_testAfterKey = model;
        makeClientKey();
        Q_EMIT testChanged();
        return;
    }
    QNetworkRequest request(
        QUrl(m_link.baseUrl().toString() + QStringLiteral("/chat/completions")));
    request.setHeader(QNetworkRequest::ContentTypeHeader, QStringLiteral("application/json"));
    request.setHeader(QNetworkRequest::UserAgentHeader, QStringLiteral("Tidegate-setup"));
    request.setRawHeader("Authorization", "Bearer " + m_clientKey.toLatin1());
    request.setTransferTimeout(kTestTimeoutMs);
    const QJsonObject body{
        {QStringLiteral("model"), model},
        {QStringLiteral("stream"), true},
        {QStringLiteral("messages"),
         QJsonArray{QJsonObject{
             {QStringLiteral("role"), QStringLiteral("user")},
             {QStringLiteral("content"), QStringLiteral("Say hello in one short sentence.")}}}},
    };
    QNetworkReply *reply = m_network.post(request, QJsonDocument(body).toJson());
    m_testReply = reply;
    connect(reply, &QNetworkReply::readyRead, this, [this, reply] {
        if (reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt() != 200) {
            return;
        }
        m_testBuffer += reply->readAll();
        m_testText += takeContent(m_testBuffer);
        m_testText.truncate(kMaxTestText);
        Q_EMIT testChanged();
    });
    connect(reply, &QNetworkReply::finished, this, &SetupAssistant::testFinished);
    Q_EMIT testChanged();
}

void SetupAssistant::testFinished()
{
    QNetworkReply *reply = m_testReply;
    if (reply == nullptr) {
        return;
    }
    m_testReply.clear();
    reply->deleteLater();
    const int status = reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    if (status == 200 && reply->error() == QNetworkReply::NoError) {
        m_testBuffer += reply->readAll();
        m_testText += takeContent(m_testBuffer);
        m_testPassed = true;
        if (m_testText.isEmpty()) {
            m_testText = tr("The answer was empty, but it came through.");
        }
    } else {
        const QString said = QJsonDocument::fromJson(reply->read(kMaxErrorBody))
                                 .object()
                                 .value(QStringLiteral("error"))
                                 .toObject()
                                 .value(QStringLiteral("message"))
                                 .toString();
        const QString why = said.isEmpty() ? reply->errorString() : said;
        m_testText = status > 0 ? tr("The request failed with status %1: %2").arg(status).arg(why)
                                : tr("The request failed: %1").arg(why);
    }
    Q_EMIT testChanged();
}

void SetupAssistant::cancelTestRequest()
{
    m_testAfterKey.clear();
    if (QNetworkReply *reply = m_testReply) {
        m_testReply.clear();
        disconnect(reply, nullptr, this, nullptr);
        reply->abort();
        reply->deleteLater();
        Q_EMIT testChanged();
    }
}

QString SetupAssistant::takeContent(QByteArray &buffer)
{
    QString text;
    qsizetype start = 0;
    for (qsizetype end = buffer.indexOf('\n'); end >= 0; end = buffer.indexOf('\n', start)) {
        const QByteArray line = buffer.mid(start, end - start).trimmed();
        start = end + 1;
        if (!line.startsWith("data:")) {
            continue;
        }
        const QJsonObject event = QJsonDocument::fromJson(line.mid(5)).object();
        const QJsonValue choice = event.value(QStringLiteral("choices")).toArray().first();
        text += choice.toObject()
                    .value(QStringLiteral("delta"))
                    .toObject()
                    .value(QStringLiteral("content"))
                    .toString();
    }
    buffer.remove(0, start);
    return text;
}

void SetupAssistant::finish()
{
    cancelTestRequest();
    setError(QString());
    m_testText.clear();
    m_testPassed = false;
    Q_EMIT testChanged();
    setClientKey(QString());
}

void SetupAssistant::setError(const QString &text)
{
    if (m_errorText != text) {
        m_errorText = text;
        Q_EMIT errorChanged();
    }
}

} // namespace tidegate
