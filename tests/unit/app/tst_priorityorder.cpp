// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/priorityorder.h"

#include <QRandomGenerator>
#include <QtTest>

#include <algorithm>

using namespace tidegate;

class TestPriorityOrder : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void moves_data();
    void moves();
    void theOrderHoldsWhateverIsMoved();
};

void TestPriorityOrder::moves_data()
{
    // "20f" is a place that is fixed; an empty result: it cannot be.
    QTest::addColumn<QString>("before");
    QTest::addColumn<int>("from");
    QTest::addColumn<int>("to");
    QTest::addColumn<QString>("after");
    const auto row = [](const char *what, const char *before, int from, int to, const char *after) {
        QTest::newRow(what) << QString::fromLatin1(before) << from << to
                            << QString::fromLatin1(after);
    };
    row("room in between", "10 20 30", 2, 1, "10 15 20");
    row("to the top", "10 20 30", 2, 0, "5 10 20");
    row("to the top of all defaults", "100 100 100", 2, 0, "90 100 100");
    row("to the end of all defaults", "100 100 100", 0, 2, "100 100 110");
    row("among defaults, later ones go up", "100 100 100", 2, 1, "100 110 120");
    row("among defaults, earlier ones go down", "100 100f 100", 2, 1, "80 90 100f");
    row("earlier ones go down", "100 100 100f", 0, 1, "80 90 100f");
    row("no room before zero", "0 5", 1, 0, "0 10");
    row("zero is fixed", "0f 5", 1, 0, "");
    row("a fixed one stays", "10f 20", 0, 1, "");
    row("nowhere to go", "10", 0, 0, "10");
    row("out of range", "10 20", 0, 2, "");
    row("neighbours", "10 11 30", 2, 1, "10 20 30");
    row("at the highest number", "999999 1000000", 0, 1, "999981 999991");
}

static std::vector<PriorityPlace> parse(const QString &text)
{
    std::vector<PriorityPlace> places;
    for (const QString &part : text.split(u' ', Qt::SkipEmptyParts)) {
        const bool fixed = part.endsWith(u'f');
        places.push_back({(fixed ? part.chopped(1) : part).toInt(), fixed});
    }
    return places;
}

void TestPriorityOrder::moves()
{
    QFETCH(QString, before);
    QFETCH(int, from);
    QFETCH(int, to);
    QFETCH(QString, after);
    const auto places = movedPlaces(parse(before), from, to);
    QCOMPARE(bool(places), !after.isEmpty());
    if (places) {
        QVERIFY2(*places == parse(after),
                 qPrintable(QString::number((*places)[size_t(to)].priority)));
    }
}

void TestPriorityOrder::theOrderHoldsWhateverIsMoved()
{
    QRandomGenerator random(7);
    int done = 0;
    for (int round = 0; round < 2'000; ++round) {
        std::vector<PriorityPlace> places;
        const int count = int(random.bounded(1, 7));
        for (int i = 0; i < count; ++i) {
            places.push_back({int(random.bounded(0, 8)), random.bounded(4) == 0});
        }
        const auto byPriority = [](const PriorityPlace &a, const PriorityPlace &b) {
            return a.priority < b.priority;
        };
        std::stable_sort(places.begin(), places.end(), byPriority);
        const int from = int(random.bounded(count));
        const int to = int(random.bounded(count));
        const auto after = movedPlaces(places, from, to);
        if (!after) {
            continue;
        }
        ++done;
        QVERIFY(std::is_sorted(after->cbegin(), after->cend(), byPriority));
        for (int i = 0; i < count; ++i) {
            const PriorityPlace &place = (*after)[size_t(i)];
            QVERIFY(place.priority >= 0);
            QVERIFY(i == to || place.priority != (*after)[size_t(to)].priority);
        }
        // What is fixed has not moved.
        auto fixedOf = [](const std::vector<PriorityPlace> &list) {
            std::vector<int> fixed;
            for (const PriorityPlace &place : list) {
                if (place.fixed) {
                    fixed.push_back(place.priority);
                }
            }
            return fixed;
        };
        QVERIFY(fixedOf(*after) == fixedOf(places));
    }
    QVERIFY(done > 500);
}

QTEST_GUILESS_MAIN(TestPriorityOrder)
#include "tst_priorityorder.moc"
