// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/healthcheck.h"
#include "gateway/engine/healthprober.h"

#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

Q_DECLARE_METATYPE(tidegate::HealthCheck::Topic)

/// What backends are asked, and how their answers are read.
class TestHealthCheck : public QObject
{
    Q_OBJECT

    using Topic = HealthCheck::Topic;

private Q_SLOTS:
    void questions_data()
    {
        QTest::addColumn<int>("type");
        QTest::addColumn<QByteArray>("path");
        QTest::addColumn<QByteArray>("model");
        QTest::addColumn<QByteArrayList>("urls");
        const auto row = [](const char *name, BackendType type, const char *path, const char *model,
                            const QByteArrayList &urls) {
            QTest::newRow(name) << int(type) << QByteArray(path) << QByteArray(model) << urls;
        };
        const QByteArray models = "http://h:1/x/v1/models";
        row("llama.cpp", BackendType::LlamaCpp, "", "", {"http://h:1/x/health", models});
        row("vLLM", BackendType::VLlm, "", "m", {"http://h:1/x/health", models});
        row("Ollama", BackendType::Ollama, "", "", {"http://h:1/x/api/tags"});
        row("Ollama, a model", BackendType::Ollama, "", "m",
            {"http://h:1/x/api/tags", "http://h:1/x/api/ps"});
        row("LM Studio", BackendType::LmStudio, "", "", {models});
        row("hosted", BackendType::OpenAI, "", "m", {models});
        row("a path", BackendType::VLlm, "/alive", "", {"http://h:1/x/alive"});
        row("a path and a model", BackendType::Ollama, "/alive", "m",
            {"http://h:1/x/alive", models});
    }
    void questions()
    {
        QFETCH(int, type);
        QFETCH(QByteArray, path);
        QFETCH(QByteArray, model);
        BackendConfig backend;
        backend.type = BackendType(type);
        backend.baseUrl = "http://h:1/x/v1";
        backend.health.path = path;
        backend.health.model = model;
        QByteArrayList urls;
        for (const HealthCheck::Question &question : HealthCheck::questionsFor(backend)) {
            urls.append(question.url);
        }
        QTEST(urls, "urls");
    }

    void answers_data()
    {
        QTest::addColumn<Topic>("topic");
        QTest::addColumn<int>("status");
        QTest::addColumn<QByteArray>("body");
        QTest::addColumn<QByteArray>("model");
        QTest::addColumn<BackendHealth>("health");
        QTest::addColumn<QString>("says"); // part of the reason
        const auto row = [](const char *name, Topic topic, int status, const char *body,
                            const char *model, BackendHealth health, const char *says = "") {
            QTest::newRow(name) << topic << status << QByteArray(body) << QByteArray(model)
                                << health << QString::fromUtf8(says);
        };
        constexpr auto well = BackendHealth::Healthy;
        constexpr auto bad = BackendHealth::Unhealthy;
        constexpr auto loading = BackendHealth::Loading;
        const char *list = R"({"object":"list","data":[{"id":"qwen"},{"id":"other"}]})";
        const char *tags = R"({"models":[{"name":"qwen:latest"},{"name":"phi:3b"}]})";
        row("llama.cpp", Topic::UsualHealth, 200, R"({"status":"ok"})", "", well);
        row("llama.cpp loads", Topic::UsualHealth, 503,
            R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})", "",
            loading, "loading its model");
        row("llama.cpp of old loads", Topic::UsualHealth, 503, R"({"status":"loading model"})", "",
            loading);
        row("a dead engine", Topic::UsualHealth, 503, "", "", bad, "HTTP 503");
        row("TGI", Topic::UsualHealth, 503, R"({"error":"unhealthy","error_type":"healthcheck"})",
            "", bad);
        row("no such path", Topic::UsualHealth, 404, "", "", well);
        row("no path of one's own", Topic::Health, 404, "", "", bad, "Check the path");
        row("204", Topic::Health, 204, "", "", well);
        row("a redirect", Topic::Health, 302, "", "", bad);
        row("refused key", Topic::Health, 401, "", "", well, "refuses the key");
        row("busy", Topic::Models, 429, "", "", well);
        row("listed", Topic::Models, 200, list, "qwen", well);
        row("any", Topic::Models, 200, list, "", well);
        row("not listed", Topic::Models, 200, list, "phi", loading, "phi");
        row("part of a name", Topic::Models, 200, list, "qwe", loading);
        row("no list, none wanted", Topic::Models, 404, "{}", "", well);
        row("no list, one wanted", Topic::Models, 404, "{}", "qwen", bad);
        row("not JSON", Topic::Models, 200, "<html>", "qwen", bad);
        row("empty list", Topic::Models, 200, R"({"data":[]})", "", well);
        row("500", Topic::Models, 500, list, "", bad, "HTTP 500");
        row("pulled", Topic::OllamaTags, 200, tags, "phi:3b", well);
        row("pulled, the latest", Topic::OllamaTags, 200, tags, "qwen", well);
        row("not pulled", Topic::OllamaTags, 200, tags, "phi", bad, "Pull it");
        row("not Ollama", Topic::OllamaTags, 200, "[]", "", bad);
        row("in memory", Topic::OllamaLoaded, 200, tags, "qwen", well);
        row("not in memory", Topic::OllamaLoaded, 200, R"({"models":[]})", "qwen", well,
            "not in memory");
        row("does not say", Topic::OllamaLoaded, 404, "", "qwen", well);
    }
    void answers()
    {
        QFETCH(Topic, topic);
        QFETCH(int, status);
        QFETCH(QByteArray, body);
        QFETCH(QByteArray, model);
        QFETCH(QString, says);
        const HealthCheck::Result result = HealthCheck::judge(topic, status, body, model);
        QTEST(result.finding.health, "health");
        QVERIFY2(result.finding.reason.contains(says), qPrintable(result.finding.reason));
    }

    void modelsAreRead()
    {
        const auto read = [](Topic topic, const char *body) {
            return HealthCheck::judge(topic, 200, body, {}).models;
        };
        QCOMPARE(read(Topic::Models, R"({"data":[{"id":"a"},{"x":1},{"id":"b"}]})"),
                 (QByteArrayList{"a", "b"}));
        QCOMPARE(read(Topic::OllamaTags, R"({"models":[{"name":"a"}]})"), QByteArrayList{"a"});
        QVERIFY(!read(Topic::Models, "nothing"));
        QVERIFY(!read(Topic::Health, R"({"data":[{"id":"a"}]})"));
    }

    void whoIsProbed()
    {
        BackendConfig backend;
        backend.type = BackendType::VLlm;
        QVERIFY(HealthProber::isProbed(backend));
        backend.health.enabled = false;
        QVERIFY(!HealthProber::isProbed(backend));
        backend.health.enabled = true;
        backend.keyState = KeyState::Locked; // it would be refused
        QVERIFY(!HealthProber::isProbed(backend));
        backend.keyState = KeyState::Ready;
        QVERIFY(HealthProber::isProbed(backend));

        backend.type = BackendType::OpenAI; // hosted: only where it is asked for
        QVERIFY(!HealthProber::isProbed(backend));
        backend.source.insert(u"health"_s, QJsonObject{{u"interval_seconds"_s, 60}});
        QVERIFY(HealthProber::isProbed(backend));
        backend.type = BackendType::Echo;
        QVERIFY(!HealthProber::isProbed(backend));
    }
};

QTEST_GUILESS_MAIN(TestHealthCheck)
#include "tst_healthcheck.moc"
