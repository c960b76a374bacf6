// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/backendurl.h"

#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

class TestBackendUrl : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void normalises_data()
    {
        QTest::addColumn<QByteArray>("type");
        QTest::addColumn<QString>("url");
        QTest::addColumn<QByteArray>("expected");
        const auto row = [](const char *type, const char *url, const char *expected) {
            QTest::addRow("%s %s", type, url)
                << QByteArray(type) << QString::fromUtf8(url) << QByteArray(expected);
        };
        row("openai", "", "https://api.openai.com/v1");
        row("groq", "", "https://api.groq.com/openai/v1");
        row("mistral", "", "https://api.mistral.ai/v1");
        row("openrouter", "", "https://openrouter.ai/api/v1");
        row("ollama", "", "http://127.0.0.1:11434/v1");
        row("lmstudio", "", "http://127.0.0.1:1234/v1");
        row("llamacpp", "", "http://127.0.0.1:8080/v1");
        row("vllm", "", "http://127.0.0.1:8000/v1");
        row("vllm", "http://127.0.0.1:18000", "http://127.0.0.1:18000/v1");
        row("vllm", "http://127.0.0.1:18000/", "http://127.0.0.1:18000/v1");
        row("vllm", "127.0.0.1:18000", "http://127.0.0.1:18000/v1");
        row("local", "localhost:9", "http://localhost:9/v1");
        row("local", "gpu-box:8000", "http://gpu-box:8000/v1");
        row("local", "gpu.local:8000", "http://gpu.local:8000/v1");
        row("local", "192.168.1.9:8000", "http://192.168.1.9:8000/v1");
        row("openai", "api.example.com", "https://api.example.com/v1");
        row("openai", "https://api.example.com/proxy/v2/", "https://api.example.com/proxy/v2");
        row("openai", "https://api.example.com/openai", "https://api.example.com/openai");
        row("groq", "https://api.groq.com", "https://api.groq.com/openai/v1");
        row("local", "http://[::1]:8000", "http://[::1]:8000/v1");
        row("local", "http://127.1:8000", "http://127.0.0.1:8000/v1");
        row("local", "http://0x7f000001:8000", "http://127.0.0.1:8000/v1");
        row("local", "HTTP://LOCALHOST:8000", "http://localhost:8000/v1");
        row("anthropic", "", "https://api.anthropic.com");
        row("echo", "", "");
    }
    void normalises()
    {
        QFETCH(QByteArray, type);
        QFETCH(QString, url);
        QFETCH(QByteArray, expected);
        const auto result = normaliseBackendUrl(*backendTypeFromName(type), url);
        QVERIFY2(bool(result), result ? "" : qPrintable(result.error()));
        QCOMPARE(*result, expected);
    }

    void refuses_data()
    {
        QTest::addColumn<QString>("url");
        const auto row = [](const char *url) { QTest::newRow(url) << QString::fromUtf8(url); };
        row("");
        row("ftp://example.com");
        row("file:///etc/passwd");
        row("gopher://127.0.0.1:70");
        row("http://");
        row("http://:80");
        row("http://user:hunter2@example.com");
        row("user:hunter2@example.com");
        row("http://hunter2@example.com");
        row("https://example.com/v1?key=hunter2");
        row("https://example.com/v1#hunter2");
        row("http://example.com:0");
        row("http://example.com:70000");
        row("http://exa mple.com");
        row("http://169.254.169.254");
        row("http://2852039166/v1");
        row("http://0xa9fea9fe");
        row("http://0251.0376.0251.0376");
        row("http://[::ffff:169.254.169.254]");
        row("http://[fe80::1]");
        row("http://metadata.google.internal/computeMetadata/v1");
        row("http://１６９.254.169.254");
        row("http://169。254。169。254");
        row("http://%31%36%39.254.169.254");
        row("http://100.100.100.200");
    }
    void refuses()
    {
        QFETCH(QString, url);
        const auto result = normaliseBackendUrl(BackendType::Local, url);
        QVERIFY2(!result, result ? result->constData() : "");
        QVERIFY(!result.error().contains(u"hunter2"_s));
    }
};

QTEST_GUILESS_MAIN(TestBackendUrl)
#include "tst_backendurl.moc"
