// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/backendform.h"

#include <QJsonDocument>
#include <QtTest>

using namespace tidegate;

class TestBackendForm : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void untouchedStaysAsItWas();
    void changesReachTheConfiguration();
    void problems_data();
    void problems();
    void everyFieldIsInAGroup();

private:
    static QJsonObject json(const char *text) { return QJsonDocument::fromJson(text).object(); }
};

void TestBackendForm::untouchedStaysAsItWas()
{
    const QJsonObject config = json(R"({"type": "vllm", "headers": {"x-a": "b"},
        "timeouts": {"connect_ms": "2s", "idle_ms": 1500}, "breaker": {"failure_ratio": 0.3},
        "health": {"enabled": false}, "managed": {"start": "run me", "idle_minutes": 5}})");
    const QVariantMap form = backendform::fromConfig(config);
    QCOMPARE(form.value(QStringLiteral("connectTimeout")).toString(), QStringLiteral("2s"));
    QCOMPARE(form.value(QStringLiteral("idleTimeout")).toString(), QStringLiteral("1.5"));
    QCOMPARE(form.value(QStringLiteral("healthOff")).toBool(), true);
    QCOMPARE(backendform::toConfig(form, config), config);
}

void TestBackendForm::changesReachTheConfiguration()
{
    const QJsonObject base = json(R"({"type": "vllm", "timeouts": {"idle_ms": 1500},
        "breaker": {"failure_ratio": 0.3}})");
    QVariantMap form = backendform::fromConfig(base);
    form[QStringLiteral("maxConcurrency")] = QStringLiteral(" 8 ");
    form[QStringLiteral("idleTimeout")] = QString();
    form[QStringLiteral("breakerFailures")] = QStringLiteral("3");
    form[QStringLiteral("breakerOff")] = true;
    form[QStringLiteral("sshHost")] = QStringLiteral("gpu");
    form[QStringLiteral("connectTimeout")] = QStringLiteral("0.25");
    QVERIFY(backendform::problems(form).isEmpty());
    QCOMPARE(backendform::toConfig(form, base), json(R"({"type": "vllm", "max_concurrency": 8,
        "timeouts": {"connect_ms": 250}, "ssh": {"host": "gpu"},
        "breaker": {"failure_ratio": 0.3, "consecutive_failures": 3, "enabled": false}})"));
}

void TestBackendForm::problems_data()
{
    QTest::addColumn<QString>("field");
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("blamed");
    QTest::newRow("no number") << QStringLiteral("maxConcurrency") << QStringLiteral("many")
                               << QStringLiteral("maxConcurrency");
    QTest::newRow("half a request") << QStringLiteral("maxConcurrency") << QStringLiteral("1.5")
                                    << QStringLiteral("maxConcurrency");
    QTest::newRow("half a second")
        << QStringLiteral("idleTimeout") << QStringLiteral("0.5") << QString();
    QTest::newRow("too long") << QStringLiteral("idleTimeout") << QStringLiteral("86401")
                              << QStringLiteral("idleTimeout");
    QTest::newRow("port 0") << QStringLiteral("sshPort") << QStringLiteral("0")
                            << QStringLiteral("sshPort");
    QTest::newRow("stops, never starts")
        << QStringLiteral("stop") << QStringLiteral("halt") << QStringLiteral("start");
    QTest::newRow("whose host") << QStringLiteral("sshUser") << QStringLiteral("me")
                                << QStringLiteral("sshHost");
}

void TestBackendForm::problems()
{
    QFETCH(QString, field);
    QFETCH(QString, text);
    QFETCH(QString, blamed);
    QVariantMap form = backendform::fromConfig({});
    form[field] = text;
    const QVariantMap wrong = backendform::problems(form);
    QCOMPARE(wrong.isEmpty(), blamed.isEmpty());
    QVERIFY(blamed.isEmpty() || wrong.contains(blamed));
}

void TestBackendForm::everyFieldIsInAGroup()
{
    QStringList inGroups;
    const QVariantList groups = backendform::groups();
    for (const QVariant &group : groups) {
        const QVariantList fields = group.toMap().value(QStringLiteral("fields")).toList();
        for (const QVariant &field : fields) {
            inGroups << field.toMap().value(QStringLiteral("key")).toString();
            QVERIFY(!field.toMap().value(QStringLiteral("label")).toString().isEmpty());
        }
    }
    inGroups.sort();
    QCOMPARE(inGroups, backendform::fromConfig({}).keys());
}

QTEST_GUILESS_MAIN(TestBackendForm)
#include "tst_backendform.moc"
