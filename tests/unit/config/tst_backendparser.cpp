// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/backendparser.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

/// The panel's and the database's backends: JSON through the same checks as the file.
class TestBackendParser : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void readsEverything()
    {
        const QJsonObject json{
            {u"type"_s, u"vllm"_s},
            {u"url"_s, u"127.0.0.1:18000"_s},
            {u"api_key"_s, u"keychain:vllm"_s},
            {u"models"_s, QJsonArray{u"qwen*"_s, u"llama-3"_s}},
            {u"priority"_s, 3},
            {u"weight"_s, 2},
            {u"max_concurrency"_s, 16},
            {u"headers"_s, QJsonObject{{u"X-Team"_s, u"blue"_s}}},
            {u"timeouts"_s, QJsonObject{{u"connect_ms"_s, 500}, {u"total_ms"_s, u"5m"_s}}},
            {u"allow_private_network"_s, true},
            {u"proxy"_s, u"socks5h://127.0.0.1:1080"_s},
            {u"tls"_s, QJsonObject{{u"verify"_s, false}}},
            {u"tool_call_parser"_s, u"hermes"_s}};
        const auto backend = parseBackend("box", json, {});
        QVERIFY2(bool(backend), backend ? "" : qPrintable(backend.error()));
        QCOMPARE(backend->name, "box");
        QCOMPARE(backend->type, BackendType::VLlm);
        QCOMPARE(backend->origin, Origin::Panel);
        QVERIFY(backend->active);
        QCOMPARE(backend->baseUrl, "http://127.0.0.1:18000/v1");
        QCOMPARE(backend->keyState, KeyState::Pending);
        QCOMPARE(backend->keyRefs.size(), size_t(1));
        QCOMPARE(backend->keyRefs.front().kind, SecretRef::Kind::Keychain);
        QCOMPARE(backend->keyRefs.front().name, u"vllm"_s);
        QVERIFY(backend->keys.empty());
        QCOMPARE(backend->models.size(), size_t(2));
        QCOMPARE(backend->priority, 3);
        QCOMPARE(backend->weight, 2);
        QCOMPARE(backend->maxConcurrency, 16);
        QCOMPARE(backend->headers.front().first, "X-Team");
        QCOMPARE(backend->headers.front().second, "blue");
        QCOMPARE(backend->timeouts.connectMs, 500);
        QCOMPARE(backend->timeouts.totalMs, 300'000);
        QCOMPARE(backend->timeouts.idleMs, UpstreamTimeouts().idleMs);
        QVERIFY(backend->allowPrivateNetwork);
        QCOMPARE(backend->proxy, "socks5h://127.0.0.1:1080");
        QVERIFY(!backend->verifyTls);
        QCOMPARE(backend->toolCallParser, "hermes");
        QCOMPARE(backend->source, json);
    }

    void refuses_data()
    {
        QTest::addColumn<QByteArray>("name");
        QTest::addColumn<QByteArray>("json");
        QTest::addColumn<QString>("reason");
        const auto row = [](const char *title, const char *name, const char *json,
                            const char *reason) {
            QTest::newRow(title) << QByteArray(name) << QByteArray(json)
                                 << QString::fromUtf8(reason);
        };
        row("no type", "b", "{\"url\":\"http://h\"}", "backends.b.type");
        row("bad type", "b", "{\"type\":\"opneai\"}", "Did you mean \"openai\"?");
        row("bad name", "a/b", "{\"type\":\"echo\"}", "usable name");
        row("empty name", "", "{\"type\":\"echo\"}", "usable name");
        row("unknown key", "b", "{\"type\":\"echo\",\"modles\":[]}", "Did you mean \"models\"?");
        row("literal key", "b", "{\"type\":\"openai\",\"api_key\":\"sk-hunter2\"}",
            "holds no keys");
        row("default in reference", "b", "{\"type\":\"openai\",\"api_key\":\"${X:-sk-hunter2}\"}",
            "holds no keys");
        row("missing variable", "b", "{\"type\":\"openai\",\"api_key\":\"${NO_SUCH}\"}", "NO_SUCH");
        row("literal header", "b",
            "{\"type\":\"openai\",\"headers\":{\"Authorization\":\"Bearer hunter2\"}}",
            "holds no keys");
        row("own header", "b", "{\"type\":\"openai\",\"headers\":{\"Host\":\"x\"}}",
            "gateway itself");
        row("split header", "b", "{\"type\":\"openai\",\"headers\":{\"X-A\":\"a\\r\\nB: c\"}}",
            "ASCII");
        row("proxy password", "b", "{\"type\":\"openai\",\"proxy\":\"http://u:hunter2@h:1\"}",
            "holds no passwords");
        row("relative file", "b", "{\"type\":\"openai\",\"api_key\":\"file:k\"}", "absolute");
        row("relative ca", "b", "{\"type\":\"openai\",\"tls\":{\"ca_file\":\"ca.pem\"}}",
            "absolute");
        row("no url", "b", "{\"type\":\"local\"}", "needs a url");
        row("metadata", "b", "{\"type\":\"local\",\"url\":\"http://169.254.169.254\"}", "metadata");
        row("type of value", "b", "{\"type\":[\"echo\"]}", "single value");
        row("nested", "b", "{\"type\":\"echo\",\"models\":{\"a\":[{}]}}", "list");
        row("no start command", "b", "{\"type\":\"vllm\",\"managed\":{\"idle_minutes\":5}}",
            "managed.start");
        row("empty command", "b", "{\"type\":\"vllm\",\"managed\":{\"start\":\"'' x\"}}",
            "program is missing");
        row("open quote", "b", "{\"type\":\"vllm\",\"managed\":{\"start\":\"a 'b\"}}",
            "quotation mark");
        row("relative program", "b", "{\"type\":\"vllm\",\"managed\":{\"start\":\"./serve\"}}",
            "absolute path");
        row("ready url", "b",
            "{\"type\":\"vllm\",\"managed\":{\"start\":\"x\",\"ready_url\":\"/health\"}}",
            "whole URL");
        row("ready metadata", "b",
            "{\"type\":\"vllm\",\"managed\":{\"start\":\"x\",\"ready_url\":\"http://"
            "169.254.169.254/\"}}",
            "metadata");
        row("managed echo", "b", "{\"type\":\"echo\",\"managed\":{\"start\":\"x\"}}", "by itself");
        row("no host", "b", "{\"type\":\"vllm\",\"ssh\":{\"user\":\"me\"}}", "ssh.host");
        for (const char *bad : {"-oProxyCommand=x", "a b", "h;x", "me@h", "h\\nx", "$(x)"}) {
            const QByteArray json =
                "{\"type\":\"vllm\",\"ssh\":{\"host\":\"" + QByteArray(bad) + "\"}}";
            row(bad, "b", json.constData(), "ssh.host");
        }
        row("user as option", "b", "{\"type\":\"vllm\",\"ssh\":{\"host\":\"h\",\"user\":\"-Fx\"}}",
            "ssh.user");
        row("remote metadata", "b",
            "{\"type\":\"vllm\",\"ssh\":{\"host\":\"h\",\"remote_host\":\"169.254.169.254\"}}",
            "metadata");
        row("tunnel and proxy", "b",
            "{\"type\":\"vllm\",\"proxy\":\"http://p:1\",\"ssh\":{\"host\":\"h\"}}", "not both");
        row("number", "b", "{\"type\":\"echo\",\"priority\":1.5}", "whole number");
        row("huge number", "b", "{\"type\":\"echo\",\"priority\":1e300}", "whole number");
    }
    void refuses()
    {
        QFETCH(QByteArray, name);
        QFETCH(QByteArray, json);
        QFETCH(QString, reason);
        const QJsonDocument document = QJsonDocument::fromJson(json);
        QVERIFY(document.isObject());
        const auto backend = parseBackend(name, document.object(), {});
        QVERIFY(!backend);
        QVERIFY2(backend.error().contains(reason), qPrintable(backend.error()));
        QVERIFY(!backend.error().contains(u"hunter2"_s));
    }

    void readsWhatIsStartedAndReached()
    {
        const QJsonObject managedJson{
            {u"start"_s, u"vllm serve 'my model' --name \"a \\\"b\\\"\" c\\ d"_s},
            {u"stop"_s, u"sh -c 'gpu off ${ZONE}; wait'"_s},
            {u"ready_url"_s, u"http://10.0.0.7:8000/health"_s},
            {u"idle_minutes"_s, 20}};
        const QJsonObject json{
            {u"type"_s, u"vllm"_s},
            {u"url"_s, u"https://inference.example.com"_s},
            {u"managed"_s, managedJson},
            {u"ssh"_s,
             QJsonObject{{u"host"_s, u"gpu-1"_s}, {u"user"_s, u"me"_s}, {u"remote_port"_s, 8443}}}};
        QProcessEnvironment environment;
        environment.insert(u"ZONE"_s, u"eu-1"_s);
        const auto backend = parseBackend("box", json, environment);
        QVERIFY2(backend, backend ? "" : qPrintable(backend.error()));
        QVERIFY(backend->managed);
        const ManagedRule &managed = *backend->managed;
        QCOMPARE(managed.start, QStringList({u"vllm"_s, u"serve"_s, u"my model"_s, u"--name"_s,
                                             u"a \"b\""_s, u"c d"_s}));
        QCOMPARE(managed.stop, QStringList({u"sh"_s, u"-c"_s, u"gpu off eu-1; wait"_s}));
        QCOMPARE(managed.shownStop, u"sh -c 'gpu off ${ZONE}; wait'"_s);
        QCOMPARE(managed.readyUrl, "http://10.0.0.7:8000/health");
        QCOMPARE(managed.idleMinutes, 20);
        QCOMPARE(managed.startTimeoutSeconds, ManagedRule().startTimeoutSeconds);
        QVERIFY(backend->ssh);
        QCOMPARE(backend->ssh->host, u"gpu-1"_s);
        QCOMPARE(backend->ssh->user, u"me"_s);
        QCOMPARE(backend->ssh->port, 0);
        // What is at the far end of the tunnel, unless said otherwise, is what the URL names.
        QCOMPARE(backend->ssh->remoteHost, u"inference.example.com"_s);
        QCOMPARE(backend->ssh->remotePort, 8443);
    }

    void takesVariables()
    {
        QProcessEnvironment environment;
        environment.insert(u"K"_s, u"sk-from-env"_s);
        const auto backend =
            parseBackend("b", {{u"type"_s, u"openai"_s}, {u"api_key"_s, u"${K}"_s}}, environment);
        QVERIFY(bool(backend));
        QCOMPARE(backend->keyState, KeyState::Ready);
        QCOMPARE(backend->keys.front().reveal(), "sk-from-env");
        QCOMPARE(backend->source.value(u"api_key"_s).toString(), u"${K}"_s);
    }

    void knowsWhichTypesAreActive()
    {
        for (const QString &type : backendTypeNames()) {
            QJsonObject json{{u"type"_s, type}};
            if (type == u"azure"_s || type == u"local"_s || type == u"modal"_s) {
                json.insert(u"url"_s, u"https://example.com"_s);
            }
            const auto backend = parseBackend("b", json, {});
            QVERIFY2(bool(backend), qPrintable(type));
            const bool later = type == u"anthropic"_s || type == u"gemini"_s || type == u"azure"_s;
            QCOMPARE(backend->active, !later);
        }
    }
};

QTEST_GUILESS_MAIN(TestBackendParser)
#include "tst_backendparser.moc"
