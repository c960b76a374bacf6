// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/app/panelfixture.h"

#include <QAbstractItemModelTester>
#include <QLocale>
#include <QSignalSpy>
#include <QtTest>

using namespace tidegate;

class TestUsageModel : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates)); }
    void ranges_data();
    void ranges();
    void staleAnswersAreDropped();
    void failureIsShownAndGoes();
    void seriesCanBeHidden();
    void tablesSort();
    void customRange();
    void csvAddsUp();
    void unknownPricesAreSaid();
    void emptyLedger();
};

namespace {

UsageModel &ready(PanelFixture &panel)
{
    UsageModel &usage = *panel.app.usage();
    usage.setWatched(true);
    [&] { QTRY_VERIFY(!usage.isReading()); }();
    return usage;
}

} // namespace

void TestUsageModel::ranges_data()
{
    QTest::addColumn<UsageModel::Range>("range");
    QTest::addColumn<int>("fewest");
    QTest::addColumn<int>("most");
    QTest::newRow("15 min") << UsageModel::Range::QuarterHour << 15 << 15;
    QTest::newRow("hour") << UsageModel::Range::Hour << 60 << 60;
    QTest::newRow("today") << UsageModel::Range::Today << 1 << 24;
    QTest::newRow("week") << UsageModel::Range::Week << 6 * 24 << 7 * 24 + 1;
    QTest::newRow("month") << UsageModel::Range::Month << 30 << 30;
}

void TestUsageModel::ranges()
{
    QFETCH(UsageModel::Range, range);
    QFETCH(int, fewest);
    QFETCH(int, most);
    PanelFixture panel;
    UsageModel &usage = ready(panel);
    QSignalSpy changed(&usage, &UsageModel::changed);
    usage.setUtc(true);
    usage.setRange(range);
    QTRY_VERIFY(!changed.isEmpty());
    QTRY_VERIFY2(usage.stepCount() >= fewest && usage.stepCount() <= most,
                 qPrintable(QString::number(usage.stepCount())));
    QCOMPARE(usage.p50().size(), usage.stepCount());
    QVERIFY(usage.timeTicks().size() <= 9);
    // The highest stack fits below the axis' end.
    const QVariantList stacks = usage.stacks();
    QVERIFY(!stacks.isEmpty());
    for (int step = 0; step < usage.stepCount(); ++step) {
        double sum = 0;
        for (const QVariant &stack : stacks) {
            sum += stack.toMap().value(QStringLiteral("values")).toList().at(step).toDouble();
        }
        QVERIFY(sum <= usage.stackTop());
    }
    QCOMPARE(usage.stackTicks().constLast().toMap().value(QStringLiteral("position")).toDouble(),
             1.0);
}

void TestUsageModel::staleAnswersAreDropped()
{
    PanelFixture panel;
    UsageModel &usage = ready(panel);
    panel.link.holdReports(true);
    usage.setGroup(UsageModel::Group::Model);
    usage.setGroup(UsageModel::Group::Backend);
    QSignalSpy changed(&usage, &UsageModel::changed);
    panel.link.holdReports(false);
    QTRY_COMPARE(changed.size(), 1);
    QTest::qWait(0);
    QCOMPARE(changed.size(), 1);
    QCOMPARE(usage.groups()->columns().constFirst().toMap().value(QStringLiteral("title")),
             QVariant(QStringLiteral("Backend")));
}

void TestUsageModel::failureIsShownAndGoes()
{
    PanelFixture panel;
    panel.link.failReports(QStringLiteral("The ledger is locked."));
    UsageModel &usage = *panel.app.usage();
    usage.setWatched(true);
    QTRY_COMPARE(usage.error(), QStringLiteral("The ledger is locked."));
    QVERIFY(!usage.isEmpty());
    panel.link.failReports(QString());
    usage.refresh();
    QTRY_VERIFY(usage.error().isEmpty());
}

void TestUsageModel::seriesCanBeHidden()
{
    PanelFixture panel;
    UsageModel &usage = ready(panel);
    const qsizetype all = usage.stacks().size();
    const QString name =
        usage.legend().constFirst().toMap().value(QStringLiteral("name")).toString();
    usage.toggleSeries(name);
    QCOMPARE(usage.stacks().size(), all - 1);
    QVERIFY(usage.legend().constFirst().toMap().value(QStringLiteral("hidden")).toBool());
    usage.toggleSeries(name);
    QCOMPARE(usage.stacks().size(), all);
}

void TestUsageModel::tablesSort()
{
    PanelFixture panel;
    UsageModel &usage = ready(panel);
    UsageTable &table = *usage.groups();
    QAbstractItemModelTester tester(&table);
    const auto column = [&](int of) {
        QStringList texts;
        for (int row = 0; row < table.rowCount(); ++row) {
            texts << table.index(row).data(UsageTable::CellsRole).toStringList().at(of);
        }
        return texts;
    };
    QStringList names = column(0);
    table.sortBy(0);
    QVERIFY(!table.isDescending());
    names.sort();
    QCOMPARE(column(0), names);
    table.sortBy(0);
    std::reverse(names.begin(), names.end());
    QCOMPARE(column(0), names);
    table.sortBy(5);
    QVERIFY(table.isDescending()); // the dearest first
}

void TestUsageModel::customRange()
{
    PanelFixture panel;
    UsageModel &usage = ready(panel);
    usage.setUtc(true);
    QVERIFY(!usage.setCustom(QStringLiteral("yesterday"), QStringLiteral("today")).isEmpty());
    QVERIFY(!usage.setCustom(QStringLiteral("2026-11-02"), QStringLiteral("2026-11-01")).isEmpty());
    QVERIFY(usage.range() != UsageModel::Range::Custom);
    QCOMPARE(usage.setCustom(QStringLiteral("2026-11-01"), QStringLiteral("2026-11-02")),
             QString());
    QCOMPARE(usage.range(), UsageModel::Range::Custom);
    QTRY_COMPARE(usage.stepCount(), 48);
    QCOMPARE(
        usage.setCustom(QStringLiteral("2026-11-01 10:30"), QStringLiteral("2026-11-01 12:00")),
        QString());
    QTRY_COMPARE(usage.stepCount(), 90);
    QCOMPARE(usage.fromText(), QStringLiteral("2026-11-01 10:30"));
    // Bars that nobody could tell apart are months.
    QCOMPARE(usage.setCustom(QStringLiteral("2024-11-15"), QStringLiteral("2026-11-14")),
             QString());
    QTRY_COMPARE(usage.stepCount(), 25);
    QCOMPARE(usage.stackAt(1).value(QStringLiteral("title")).toString(),
             QLocale().toString(QDate(2024, 12, 1), QStringLiteral("MMMM yyyy")));
    QVERIFY(usage.timeTicks().size() <= 9);
}

void TestUsageModel::csvAddsUp()
{
    PanelFixture panel;
    UsageModel &usage = ready(panel);
    usage.setRange(UsageModel::Range::Month);
    QTRY_COMPARE(usage.stepCount(), 30);
    const QList<QByteArray> lines = usage.csv().split('\n');
    QVERIFY(lines.constFirst().startsWith("start,key,requests,"));
    qint64 requests = 0;
    for (qsizetype i = 1; i < lines.size(); ++i) {
        if (!lines[i].isEmpty()) {
            requests += lines[i].split(',').at(2).toLongLong();
        }
    }
    QString shown = usage.tiles().constFirst().toMap().value(QStringLiteral("value")).toString();
    QCOMPARE(requests, shown.remove(u',').toLongLong());
    QVERIFY(usage.fileName().startsWith(QStringLiteral("tidegate-usage-key-")));
}

void TestUsageModel::unknownPricesAreSaid()
{
    PanelFixture panel;
    UsageModel &usage = ready(panel);
    usage.setRange(UsageModel::Range::Month);
    QTRY_COMPARE(usage.stepCount(), 30);
    QVERIFY(usage.unknownCostText().contains(QStringLiteral("no known price")));
    const QString cost = usage.tiles().at(2).toMap().value(QStringLiteral("value")).toString();
    QVERIFY2(cost.startsWith(QStringLiteral("≥ $")), qPrintable(cost));
}

void TestUsageModel::emptyLedger()
{
    PanelFixture panel(true);
    UsageModel &usage = ready(panel);
    QVERIFY(usage.isEmpty());
    QVERIFY(usage.stacks().isEmpty());
    QVERIFY(usage.unknownCostText().isEmpty());
}

QTEST_MAIN(TestUsageModel)
#include "tst_usagemodel.moc"
