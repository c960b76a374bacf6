// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/humantext.h"
#include "app/viewmodels/usebar.h"

#include <QLocale>
#include <QtTest>

using namespace tidegate;

namespace {

constexpr qint64 kHourUs = 3'600'000'000;
constexpr qint64 kDayUs = 24 * kHourUs;
constexpr qint64 kNowUs = 1'795'183'407'000'000; // 2026-11-20 14:03:27 UTC

} // namespace

class TestUseBar : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates)); }
    void forecasts_data();
    void forecasts();
    void texts();
    void amounts_data();
    void amounts();
    void counts_data();
    void counts();
};

void TestUseBar::forecasts_data()
{
    QTest::addColumn<qint64>("used");
    QTest::addColumn<qint64>("limit");
    QTest::addColumn<qint64>("hoursIn"); // of a period of 24 hours; negative: of one without an end
    QTest::addColumn<int>("kind");
    QTest::addColumn<double>("atHour"); // from the period's start; negative: none
    const auto row = [](const char *name, qint64 used, qint64 limit, qint64 hours,
                        Forecast::Kind kind, double at = -1) {
        QTest::newRow(name) << used << limit << hours << int(kind) << at;
    };
    using Kind = Forecast::Kind;
    row("no limit", 5, 0, 6, Kind::None);
    row("nothing used", 0, 100, 6, Kind::None);
    row("just begun", 5, 100, 0, Kind::Early);
    row("holds", 20, 100, 6, Kind::Within);
    row("holds to the minute", 25, 100, 6, Kind::Within);
    row("is reached", 50, 100, 6, Kind::Reaches, 12);
    row("is reached soon", 99, 100, 6, Kind::Reaches, 6 * 100.0 / 99);
    row("is used up", 100, 100, 6, Kind::Reached, 24);
    row("is passed", 130, 100, 6, Kind::Reached, 24);
    row("without an end", 10, 100, -10, Kind::Reaches, 100);
    row("far away", 1, 1'000'000, -10, Kind::Within);
}

void TestUseBar::forecasts()
{
    QFETCH(qint64, used);
    QFETCH(qint64, limit);
    QFETCH(qint64, hoursIn);
    QFETCH(int, kind);
    QFETCH(double, atHour);
    const qint64 startUs = kNowUs;
    const qint64 endUs = hoursIn < 0 ? -1 : startUs + kDayUs;
    const Forecast result =
        forecast(used, limit, startUs, endUs, startUs + std::abs(hoursIn) * kHourUs);
    QCOMPARE(int(result.kind), kind);
    if (atHour >= 0) {
        QVERIFY(std::abs(double(result.atUs - startUs) / double(kHourUs) - atHour) < 0.001);
    }
}

void TestUseBar::texts()
{
    LimitUse use;
    QVERIFY(!usebar::requests(use)[QStringLiteral("limited")].toBool());
    QVERIFY(!usebar::budget(use, kNowUs)[QStringLiteral("limited")].toBool());
    use.limits.requestsPerMinute = 60;
    use.requestsThisMinute = 12;
    const QVariantMap requests = usebar::requests(use);
    QCOMPARE(requests[QStringLiteral("text")].toString(), QStringLiteral("12 / 60"));
    QCOMPARE(requests[QStringLiteral("ratio")].toDouble(), 0.2);
    QCOMPARE(requests[QStringLiteral("tone")].toInt(), 0);

    use.budget = BudgetUse{};
    use.budget->rule.amount = Money::fromNano(20'000'000'000);
    use.budget->rule.period = BudgetPeriod::Day;
    use.budget->spent = Money::fromNano(12'000'000'000);
    use.budget->held = Money::fromNano(1'000'000'000);
    use.budget->periodStartUs = kNowUs - 12 * kHourUs;
    use.budget->resetUs = kNowUs + 12 * kHourUs;
    const QVariantMap budget = usebar::budget(use, kNowUs);
    QCOMPARE(budget[QStringLiteral("text")].toString(), QStringLiteral("$13.00 / $20.00"));
    QVERIFY(budget[QStringLiteral("note")].toString().startsWith(QStringLiteral("full about ")));
    QCOMPARE(budget[QStringLiteral("tone")].toInt(), 1);
    use.budget->spent = Money::fromNano(20'000'000'000);
    QCOMPARE(usebar::budget(use, kNowUs)[QStringLiteral("tone")].toInt(), 2);
    QVERIFY(usebar::budget(use, kNowUs)[QStringLiteral("note")].toString().startsWith(
        QStringLiteral("used up until ")));
}

void TestUseBar::amounts_data()
{
    QTest::addColumn<qint64>("nano");
    QTest::addColumn<QString>("text");
    QTest::newRow("nothing") << qint64(0) << QStringLiteral("$0.00");
    QTest::newRow("dollars") << qint64(3'100'000'000) << QStringLiteral("$3.10");
    QTest::newRow("below a cent") << qint64(4'200'000) << QStringLiteral("$0.0042");
    QTest::newRow("far below a cent") << qint64(12'000) << QStringLiteral("$0.000012");
    QTest::newRow("thousands") << qint64(1'234'500'000'000) << QStringLiteral("$1,234.50");
}

void TestUseBar::amounts()
{
    QFETCH(qint64, nano);
    QFETCH(QString, text);
    QCOMPARE(humantext::money(Money::fromNano(nano)), text);
}

void TestUseBar::counts_data()
{
    QTest::addColumn<qint64>("number");
    QTest::addColumn<QString>("text");
    QTest::newRow("unknown") << qint64(-1) << humantext::none();
    QTest::newRow("small") << qint64(9'999) << QStringLiteral("9,999");
    QTest::newRow("thousands") << qint64(12'400) << QStringLiteral("12.4 k");
    QTest::newRow("many thousands") << qint64(312'400) << QStringLiteral("312 k");
    QTest::newRow("nearly a million") << qint64(999'960) << QStringLiteral("1.0 M");
    QTest::newRow("millions") << qint64(3'140'000) << QStringLiteral("3.1 M");
}

void TestUseBar::counts()
{
    QFETCH(qint64, number);
    QFETCH(QString, text);
    QCOMPARE(humantext::compactCount(number), text);
}

QTEST_GUILESS_MAIN(TestUseBar)
#include "tst_usebar.moc"
