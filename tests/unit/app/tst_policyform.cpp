// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/policyform.h"
#include "gateway/config/policyparser.h"

#include <QJsonDocument>
#include <QtTest>

using namespace tidegate;

class TestPolicyForm : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void thereAndBack();
    void theGatewayTakesIt();
    void emptyFieldsTakeAway();
    void whatHasNoFieldStays();
    void anAlgorithmAloneIsNoLimit();
    void problems_data();
    void problems();
    void prices();

private:
    static QVariantMap full()
    {
        QVariantMap form = policyform::fromConfig({});
        form[QStringLiteral("models")] = QStringLiteral("fast, gpt-*");
        form[QStringLiteral("expires")] = QStringLiteral("2027-01-31");
        form[QStringLiteral("allowedIps")] = QStringLiteral("127.0.0.0/8, ::1");
        form[QStringLiteral("requestsPerMinute")] = QStringLiteral("60");
        form[QStringLiteral("tokensPerMinute")] = QStringLiteral("100000");
        form[QStringLiteral("tokensPerDay")] = QStringLiteral("2000000");
        form[QStringLiteral("maxConcurrency")] = QStringLiteral("8");
        form[QStringLiteral("algorithm")] = QStringLiteral("sliding_window");
        form[QStringLiteral("budgetUsd")] = QStringLiteral("0.1");
        form[QStringLiteral("budgetPeriod")] = QStringLiteral("week");
        form[QStringLiteral("budgetTimezone")] = QStringLiteral("Europe/Berlin");
        form[QStringLiteral("budgetSoftPercent")] = QStringLiteral("65");
        form[QStringLiteral("budgetShadow")] = true;
        return form;
    }
};

void TestPolicyForm::thereAndBack()
{
    QVERIFY(policyform::problems(full()).isEmpty());
    const QJsonObject config = policyform::toConfig(full(), {});
    QCOMPARE(policyform::fromConfig(config), full());
}

void TestPolicyForm::theGatewayTakesIt()
{
    ClientKey key;
    key.name = QStringLiteral("k");
    key.config = policyform::toConfig(full(), {});
    const Result<ClientKey> parsed = parseKey(key);
    QVERIFY2(parsed, qPrintable(parsed ? QString() : parsed.error()));
    QCOMPARE(parsed->models.size(), size_t(2));
    QCOMPARE(parsed->allowedIps.size(), size_t(2));
    QCOMPARE(parsed->limits.tokensPerDay, 2'000'000);
    QCOMPARE(parsed->limits.maxConcurrency, 8);
    QVERIFY(parsed->budget);
    QCOMPARE(parsed->budget->amount, Money::fromNano(100'000'000)); // exactly
    QCOMPARE(parsed->budget->period, BudgetPeriod::Week);
    QCOMPARE(parsed->budget->timeZone, QByteArray("Europe/Berlin"));
    QVERIFY(parsed->budget->shadow);
    QCOMPARE(parsed->budget->softPercent, 65);
    QCOMPARE(parsed->limits.algorithm, LimitAlgorithm::SlidingWindow);
}

void TestPolicyForm::emptyFieldsTakeAway()
{
    const QJsonObject config = policyform::toConfig(full(), {});
    QCOMPARE(policyform::toConfig(policyform::fromConfig({}), config), QJsonObject());
}

void TestPolicyForm::whatHasNoFieldStays()
{
    const QJsonObject config = QJsonDocument::fromJson(R"({"labels": {"owner": "ann"},
                                    "budget": {"usd": 5, "period": "day", "note": "kept"}})")
                                   .object();
    const QVariantMap form = policyform::fromConfig(config);
    QCOMPARE(form[QStringLiteral("budgetUsd")].toString(), QStringLiteral("5"));
    QCOMPARE(form[QStringLiteral("budgetTimezone")].toString(), QStringLiteral("UTC"));
    const QJsonObject saved = policyform::toConfig(form, config);
    QCOMPARE(saved[QStringLiteral("labels")], config[QStringLiteral("labels")]);
    QCOMPARE(saved[QStringLiteral("budget")].toObject()[QStringLiteral("note")].toString(),
             QStringLiteral("kept"));
}

void TestPolicyForm::anAlgorithmAloneIsNoLimit()
{
    const QJsonObject config =
        QJsonDocument::fromJson(
            R"({"limits": {"tokens_per_day": 5, "algorithm": "sliding_window"}})")
            .object();
    QVariantMap form = policyform::fromConfig(config);
    QCOMPARE(policyform::toConfig(form, config), config);
    form[QStringLiteral("tokensPerDay")] = QString();
    QCOMPARE(policyform::toConfig(form, config), QJsonObject());
}

void TestPolicyForm::problems_data()
{
    QTest::addColumn<QString>("field");
    QTest::addColumn<QString>("value");
    const auto row = [](const char *field, const char *value) {
        QTest::addRow("%s %s", field, value)
            << QString::fromLatin1(field) << QString::fromLatin1(value);
    };
    row("requestsPerMinute", "many");
    row("requestsPerMinute", "0");
    row("tokensPerDay", "-5");
    row("maxConcurrency", "3000000000");
    row("expires", "tomorrow");
    row("expires", "2027-02-31");
    row("allowedIps", "localhost");
    row("allowedIps", "10.0.0.0/99");
    row("budgetUsd", "0");
    row("budgetUsd", "1e9");
    row("budgetUsd", "0.0000000001");
    row("budgetTimezone", "Europe/Atlantis");
    row("budgetSoftPercent", "0");
    row("budgetSoftPercent", "101");
    row("budgetSoftPercent", "most");
}

void TestPolicyForm::problems()
{
    QFETCH(QString, field);
    QFETCH(QString, value);
    QVariantMap form = full();
    form[field] = value;
    const QVariantMap found = policyform::problems(form);
    QCOMPARE(found.keys(), QStringList(field));
    QVERIFY(found[field].toString().size() > 10);
}

void TestPolicyForm::prices()
{
    QVariantMap form = policyform::priceFromConfig({});
    QVERIFY(policyform::priceProblems(form).contains(QStringLiteral("pattern")));
    form[QStringLiteral("pattern")] = QStringLiteral("gpt-*");
    form[QStringLiteral("input")] = QStringLiteral("0.15");
    QCOMPARE(policyform::priceProblems(form).keys(), QStringList(QStringLiteral("output")));
    form[QStringLiteral("output")] = QStringLiteral("0");
    QVERIFY(policyform::priceProblems(form).isEmpty());
    form[QStringLiteral("perRequest")] = QStringLiteral("-1");
    QVERIFY(!policyform::priceProblems(form).isEmpty());
}

QTEST_GUILESS_MAIN(TestPolicyForm)
#include "tst_policyform.moc"
