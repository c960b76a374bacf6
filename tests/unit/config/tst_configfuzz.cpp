// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/backendparser.h"
#include "tests/unit/config/configfixture.h"

#include <QElapsedTimer>
#include <QJsonArray>
#include <QRandomGenerator>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

/// Whatever is in the file: an answer, never a crash. The seeds are fixed, so that a failure can be
/// repeated; run under the sanitizers this is the reader's main safety net.
class TestConfigFuzz : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void survivesMutatedFiles()
    {
        ConfigFixture fixture;
        fixture.write(u"prices.yaml"_s, "models: {}\n");
        fixture.write(u"ca.pem"_s, "x\n");
        fixture.input.environment.insert(u"OPENAI_API_KEY"_s, u"sk-1"_s);
        fixture.input.environment.insert(u"TIDEGATE_CI_KEY"_s, u"tg-0123456789abcdef"_s);
        QRandomGenerator random(20'261'121);
        int accepted = 0;
        const QByteArray valid = completeConfig();
        for (int round = 0; round < 400 && withinTime(); ++round) {
            QByteArray yaml = valid;
            const int edits = 1 + random.bounded(6);
            for (int i = 0; i < edits; ++i) {
                mutate(yaml, random);
            }
            fixture.load(yaml);
            accepted += fixture.outcome.snapshot ? 1 : 0;
            QVERIFY(fixture.outcome.snapshot || !fixture.problems().isEmpty());
        }
        QVERIFY(accepted > 0); // otherwise the mutations would only test the YAML parser
    }

    void survivesRandomBytes()
    {
        ConfigFixture fixture;
        QRandomGenerator random(7);
        static const QByteArray kYaml = "{}[]:,-?&*!|>'\"%@`#\n\n  \t.0aA~=$\\/";
        for (int round = 0; round < 1500 && withinTime(); ++round) {
            QByteArray yaml;
            const int size = random.bounded(300);
            const bool anyByte = round % 4 == 0;
            for (int i = 0; i < size; ++i) {
                yaml += anyByte ? char(random.bounded(256))
                                : kYaml.at(random.bounded(int(kYaml.size())));
            }
            fixture.load(yaml);
            QVERIFY(fixture.outcome.snapshot || !fixture.problems().isEmpty());
        }
    }

    void survivesDeepNesting_data()
    {
        QTest::addColumn<QByteArray>("yaml");
        for (const char *unit : {"[", "{", "{a: ", "- ", "? ", "!", "&a ", "[[[{a: [", "? - : "}) {
            QTest::newRow(unit) << QByteArray(unit).repeated(20'000);
        }
        QByteArray steps;
        for (int i = 0; i < 700; ++i) {
            steps += QByteArray(i, ' ') + "a:\n";
        }
        QTest::newRow("steps") << steps;
    }
    void survivesDeepNesting()
    {
        QFETCH(QByteArray, yaml);
        ConfigFixture fixture;
        fixture.load(yaml);
        QVERIFY(!fixture.outcome.snapshot);
    }

    void survivesAnyJson()
    {
        QRandomGenerator random(3);
        for (int round = 0; round < 2000; ++round) {
            QJsonObject json{{u"type"_s, u"local"_s}};
            for (const QString &key : backendKeys()) {
                if (random.bounded(3) == 0) {
                    json.insert(key, anyValue(random, 0));
                }
            }
            const auto backend = parseBackend("b", json, {});
            QVERIFY(backend || !backend.error().isEmpty());
        }
    }

private:
    /// Slow machines and sanitizers make fewer rounds instead of a time-out.
    [[nodiscard]] bool withinTime() const { return m_clock.elapsed() < 40'000; }

    static void mutate(QByteArray &text, QRandomGenerator &random)
    {
        const auto at = random.bounded(int(text.size()));
        const auto length = 1 + random.bounded(12);
        switch (random.bounded(5)) {
        case 0:
            text[at] = char(random.bounded(256));
            break;
        case 1:
            text.remove(at, length);
            break;
        case 2:
            text.insert(at, text.mid(random.bounded(int(text.size())), length));
            break;
        case 3:
            text.truncate(at + 1);
            break;
        default:
            text.insert(at, "{}[]:,-&*\"'\n $"[random.bounded(14)]);
            break;
        }
    }

    static QStringList backendKeys()
    {
        return {u"url"_s,     u"api_key"_s,  u"api_keys"_s, u"models"_s,  u"priority"_s,
                u"headers"_s, u"timeouts"_s, u"retry"_s,    u"breaker"_s, u"health"_s,
                u"proxy"_s,   u"tls"_s,      u"weight"_s,   u"x"_s};
    }

    static QJsonValue anyValue(QRandomGenerator &random, int depth)
    {
        switch (random.bounded(depth > 3 ? 5 : 7)) {
        case 0:
            return QJsonValue::Null;
        case 1:
            return random.bounded(2) == 0;
        case 2:
            return random.generateDouble() * 1e12 - 5e11;
        case 3:
            return random.bounded(100);
        case 4: {
            QString text;
            for (int i = random.bounded(20); i > 0; --i) {
                text +=
                    QChar(random.bounded(8) == 0 ? random.bounded(0xffff) : random.bounded(0x80));
            }
            return text;
        }
        case 5:
            return QJsonArray{anyValue(random, depth + 1), anyValue(random, depth + 1)};
        default:
            return QJsonObject{{u"verify"_s, anyValue(random, depth + 1)},
                               {u"X-A"_s, anyValue(random, depth + 1)}};
        }
    }

    QElapsedTimer m_clock = [] {
        QElapsedTimer clock;
        clock.start();
        return clock;
    }();
};

QTEST_GUILESS_MAIN(TestConfigFuzz)
#include "tst_configfuzz.moc"
