// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/modelform.h"

#include <QJsonDocument>
#include <QtTest>

using namespace tidegate;

class TestModelForm : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void untouchedStaysAsItWas_data();
    void untouchedStaysAsItWas();
    void changesReachTheConfiguration();
    void problems_data();
    void problems();

private:
    static QJsonObject json(const QByteArray &text)
    {
        return QJsonDocument::fromJson(text).object();
    }
};

void TestModelForm::untouchedStaysAsItWas_data()
{
    QTest::addColumn<QByteArray>("config");
    QTest::newRow("least") << QByteArray(R"({"targets": [{"backend": "a"}]})");
    QTest::newRow("all") << QByteArray(R"({
        "targets": [{"backend": "a", "model": "m", "weight": 3, "priority": 5}, {"backend": "b"}],
        "strategy": "cheapest", "aliases": ["x", "y-*"], "fallbacks": ["z"],
        "affinity": "x-session-id", "affinity_bytes": 64,
        "hedge": {"enabled": true, "after_ms": 500},
        "mirror": {"backend": "c", "model": "n", "percent": 2.5},
        "timeouts": {"total_ms": 1}, "retry": {"max_attempts": 1}})");
    QTest::newRow("prompt prefix")
        << QByteArray(R"({"targets": [{"backend": "a"}], "affinity": "prompt_prefix"})");
}

void TestModelForm::untouchedStaysAsItWas()
{
    QFETCH(QByteArray, config);
    const QVariantMap form = modelform::fromConfig(json(config));
    QVERIFY(modelform::problems(form).isEmpty());
    QCOMPARE(modelform::toConfig(form, json(config)), json(config));
}

void TestModelForm::changesReachTheConfiguration()
{
    QVariantMap form = modelform::fromConfig({});
    const auto target = [](const char *backend, const char *model, const char *weight) {
        return QVariantMap{{QStringLiteral("backend"), QString::fromLatin1(backend)},
                           {QStringLiteral("model"), QString::fromLatin1(model)},
                           {QStringLiteral("weight"), QString::fromLatin1(weight)}};
    };
    form[QStringLiteral("targets")] = QVariantList{target("a", " m ", "3"), target("b", "", "1")};
    form[QStringLiteral("strategy")] = QStringLiteral("weighted");
    form[QStringLiteral("aliases")] = QStringLiteral("x, , y-*");
    form[QStringLiteral("affinity")] = QStringLiteral("header");
    form[QStringLiteral("affinityHeader")] = QStringLiteral("x-user");
    form[QStringLiteral("hedge")] = true;
    form[QStringLiteral("mirrorBackend")] = QStringLiteral("c");
    form[QStringLiteral("mirrorPercent")] = QStringLiteral("10");
    QVERIFY(modelform::problems(form).isEmpty());
    QCOMPARE(modelform::toConfig(form, {}), json(R"({
        "targets": [{"backend": "a", "model": "m", "weight": 3}, {"backend": "b"}],
        "strategy": "weighted", "aliases": ["x", "y-*"], "affinity": "x-user",
        "hedge": {"enabled": true}, "mirror": {"backend": "c", "percent": 10}})"));
    // And all of it can be taken out again.
    QVariantMap off = modelform::fromConfig(modelform::toConfig(form, {}));
    off[QStringLiteral("aliases")] = QString();
    off[QStringLiteral("strategy")] = QStringLiteral("priority");
    off[QStringLiteral("affinity")] = QStringLiteral("off");
    off[QStringLiteral("hedge")] = false;
    off[QStringLiteral("mirrorBackend")] = QString();
    QCOMPARE(modelform::toConfig(off, modelform::toConfig(form, {})).keys(),
             QStringList{QStringLiteral("targets")});
}

void TestModelForm::problems_data()
{
    QTest::addColumn<QString>("field");
    QTest::addColumn<QVariant>("value");
    QTest::addColumn<QString>("blamed");
    const auto row = [](const char *what, const char *field, const QVariant &value,
                        const char *blamed) {
        QTest::newRow(what) << QString::fromLatin1(field) << value << QString::fromLatin1(blamed);
    };
    const auto targets = [](const char *json) {
        return QVariant(QJsonDocument::fromJson(json).toVariant());
    };
    row("no target", "targets", QVariantList(), "targets");
    row("no backend", "targets", targets(R"([{"backend": "", "weight": "1"}])"), "targets");
    row("weight is a word", "targets", targets(R"([{"backend": "a", "weight": "x"}])"), "weight0");
    row("negative weight", "targets", targets(R"([{"backend": "a", "weight": "-1"}])"), "weight0");
    row("only zeros", "targets", targets(R"([{"backend": "a", "weight": "0"}])"), "targets");
    row("header without a name", "affinity", QStringLiteral("header"), "affinityHeader");
    row("mirror of nothing", "mirrorPercent", QStringLiteral("x"), "");
}

void TestModelForm::problems()
{
    QFETCH(QString, field);
    QFETCH(QVariant, value);
    QFETCH(QString, blamed);
    QVariantMap form = modelform::fromConfig(json(R"({"targets": [{"backend": "a"}]})"));
    form[field] = value;
    const QVariantMap wrong = modelform::problems(form);
    QCOMPARE(wrong.isEmpty(), blamed.isEmpty());
    QVERIFY(blamed.isEmpty() || wrong.contains(blamed));
}

QTEST_GUILESS_MAIN(TestModelForm)
#include "tst_modelform.moc"
