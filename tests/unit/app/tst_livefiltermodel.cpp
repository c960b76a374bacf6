// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/livefiltermodel.h"
#include "tests/unit/app/exchangesample.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QtTest>

using namespace tidegate;

class TestLiveFilterModel : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void chipsAndFilterCombine();
    void aRowMovesInAndOutWithItsPhase();
    void aBadFilterLeavesTheLastGoodOne();
    void idsMapBothWays();
    void termsAreAddedOnce();
    void survivesTrimmingWithAFilter();
};

void TestLiveFilterModel::chipsAndFilterCombine()
{
    LiveModel model;
    LiveFilterModel view(model);
    QAbstractItemModelTester tester(&view);
    model.applyBatch(batchOf(
        {doneExchange(1), failedExchange(2), failedExchange(3, 429), streamingExchange(4)}));
    QCOMPARE(view.rowCount(), 4);
    QVERIFY(!view.isFiltered());
    view.setChip(LiveModel::Chip::Errors);
    QCOMPARE(view.rowCount(), 2);
    view.setFilterText(QStringLiteral("status:429"));
    QCOMPARE(view.rowCount(), 1);
    QVERIFY(view.isFiltered());
    view.setChip(LiveModel::Chip::All);
    view.setFilterText(QString());
    QCOMPARE(view.rowCount(), 4);
    QCOMPARE(view.countErrors(), 2);
}

void TestLiveFilterModel::aRowMovesInAndOutWithItsPhase()
{
    LiveModel model;
    LiveFilterModel view(model);
    QAbstractItemModelTester tester(&view);
    view.setChip(LiveModel::Chip::Streaming);
    QSignalSpy rows(&view, &LiveFilterModel::rowsChanged);
    model.applyBatch(batchOf({streamingExchange(1)}));
    QCOMPARE(view.rowCount(), 1);
    model.applyBatch(batchOf({doneExchange(1)}));
    QCOMPARE(view.rowCount(), 0);
    QCOMPARE(rows.count(), 2);
}

void TestLiveFilterModel::aBadFilterLeavesTheLastGoodOne()
{
    LiveModel model;
    LiveFilterModel view(model);
    model.applyBatch(batchOf({doneExchange(1), failedExchange(2)}));
    view.setFilterText(QStringLiteral("status:502"));
    view.setFilterText(QStringLiteral("status:502 ttft:>"));
    QVERIFY(!view.filterError().isEmpty());
    QCOMPARE(view.rowCount(), 1);
    QCOMPARE(view.filterText(), QStringLiteral("status:502 ttft:>"));
    view.setFilterText(QStringLiteral("status:200"));
    QVERIFY(view.filterError().isEmpty());
}

void TestLiveFilterModel::idsMapBothWays()
{
    LiveModel model;
    LiveFilterModel view(model);
    model.applyBatch(batchOf({doneExchange(10), failedExchange(11), doneExchange(12)}));
    view.setChip(LiveModel::Chip::Ok);
    QCOMPARE(view.exchangeIdAt(1), 12.0);
    QCOMPARE(view.rowOfExchange(12), 1);
    QCOMPARE(view.rowOfExchange(11), -1);
    QCOMPARE(view.exchangeIdAt(5), 0.0);
}

void TestLiveFilterModel::termsAreAddedOnce()
{
    LiveModel model;
    LiveFilterModel view(model);
    view.addFilterTerm(QStringLiteral("key"), QStringLiteral("ci"));
    view.addFilterTerm(QStringLiteral("key"), QStringLiteral("ci"));
    view.addFilterTerm(QStringLiteral("key"), QStringLiteral("my laptop"));
    QCOMPARE(view.filterText(), QStringLiteral("key:ci key:\"my laptop\""));
    QVERIFY(view.filterError().isEmpty());
}

void TestLiveFilterModel::survivesTrimmingWithAFilter()
{
    LiveModel model;
    LiveFilterModel view(model);
    QAbstractItemModelTester tester(&view);
    view.setChip(LiveModel::Chip::Errors);
    quint64 id = 1;
    for (int batch = 0; batch < 25; ++batch) {
        QList<ExchangeEvent> events;
        for (int i = 0; i < 500; ++i, ++id) {
            events << (id % 10 == 0 ? failedExchange(id) : doneExchange(id));
        }
        model.applyBatch(batchOf(events));
    }
    QCOMPARE(view.rowCount(), LiveModel::kCapacity / 10);
}

QTEST_GUILESS_MAIN(TestLiveFilterModel)
#include "tst_livefiltermodel.moc"
