// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/observe/redaction.h"

#include <QElapsedTimer>
#include <QTest>

using namespace tidegate;

class TestRedaction : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void hidesSecrets_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QByteArray>("expected");
        const auto row = [](const char *text, const char *expected) {
            QTest::newRow(text) << QByteArray(text) << QByteArray(expected);
        };
        row("Authorization: Bearer canary123", "Authorization: [redacted]");
        row("sent Bearer canary.1-2_3=, ok", "sent Bearer [redacted], ok");
        row("bearer canary", "bearer [redacted]");
        row("Basic Y2FuYXJ5", "Basic [redacted]");
        row("authorization: Custom canary canary\nnext", "authorization: [redacted]\nnext");
        row("key sk-canary12345678 is wrong", "key [redacted] is wrong");
        row("'sk-proj-canary_12345678'", "'[redacted]'");
        row("tg-canarycanarycanary", "[redacted]");
        row("gsk_canary12345", "[redacted]");
        row("AIzaCanary1234567", "[redacted]");
        row("GET /v1beta/models?key=canary&alt=sse", "GET /v1beta/models?key=[redacted]&alt=sse");
        row("?alt=sse&api_key=canary", "?alt=sse&api_key=[redacted]");
        row("client_secret=canary&x=1", "client_secret=[redacted]&x=1");
        row("access_token=canary", "access_token=[redacted]");
        row("x-api-key: canary", "x-api-key: [redacted]");
        row("x-goog-api-key: canary", "x-goog-api-key: [redacted]");
        row("{\"api_key\":\"canary\",\"a\":1}", "{\"api_key\":\"[redacted]\",\"a\":1}");
        row("{\"token\": \"canary\"}", "{\"token\": \"[redacted]\"}");
        row("http://user:canary@proxy:3128/x", "http://[redacted]@proxy:3128/x");
        row("password=canary", "password=[redacted]");
        row("key sk-ant-api03-canary_12-34", "key [redacted]");
        row("xai-canary12345", "[redacted]");
        row("hf_canary12345", "[redacted]");
        row("pplx-canary12345, nvapi-canary12345", "[redacted], [redacted]");
        row("eyJcanary123.eyJcanary4.canary-5 x", "[redacted] x");
        row("ya29.a0canary.123", "[redacted]");
        row("Authorization%3A%20Bearer%20canary", "Authorization%3A%20[redacted]");
        row("Bearer%20canary&x=1", "Bearer%20[redacted]&x=1");
        row("u?api_key%3Dcanary", "u?api_key%3D[redacted]");
        row("x-auth-token: canary", "x-auth-token: [redacted]");
        row("Cookie: a=canary; b=canary", "Cookie: [redacted]");
        row("{\"refresh_token\":\"canary\"}", "{\"refresh_token\":\"[redacted]\"}");
        row("\"{\\\"api_key\\\":\\\"canary\\\"}\"", "\"{\\\"api_key\\\":\\\"[redacted]\\\"}\"");
        row("{\"name\":\"x-api-key\",\"value\":\"canary\"}",
            "{\"name\":\"x-api-key\",\"value\":\"[redacted]\"}");
        row("[\"Authorization\", \"Bearer canary\"]", "[\"Authorization\", \"[redacted]\"]");
        row("{'X-Api-Key': 'canary'}", "{'X-Api-Key': '[redacted]'}");
        row("https://canary@host/", "https://[redacted]@host/");
    }
    void hidesSecrets()
    {
        QFETCH(QByteArray, text);
        const QByteArray result = redacted(text);
        QTEST(result, "expected");
        QVERIFY(!result.toLower().contains("canary"));
    }

    void leavesTheRest_data()
    {
        QTest::addColumn<QByteArray>("text");
        for (const char *text :
             {"", "Listening on http://127.0.0.1:8080/v1", "the key: expired",
              "sk-learn is a library", "tg-short", "model gpt-4o, 12 tokens", "task-sk-x",
              "prompt_tokens: 12", "error at a@b.example", "http://host/a@b", "first token: 12 ms",
              "\xff\xfe bytes", "hf_hub", "[\"key\", \"value\"]", "the secret: none"}) {
            QTest::newRow(text) << QByteArray(text);
        }
    }
    void leavesTheRest()
    {
        QFETCH(QByteArray, text);
        QCOMPARE(redacted(text), text);
    }

    void isLinear()
    {
        QElapsedTimer clock;
        clock.start();
        for (const char *unit :
             {"key\\", "eyJ.", "key=", "://", "sk-", "Bearer ", "a", "authorization:"}) {
            QVERIFY(!redacted(QByteArray(unit).repeated(100'000)).isEmpty());
        }
        QVERIFY2(clock.elapsed() < 10'000, "eight texts of up to 1.4 MB took more than 10 s");
    }
};

QTEST_GUILESS_MAIN(TestRedaction)
#include "tst_redaction.moc"
