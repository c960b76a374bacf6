// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/pricetable.h"

#include <QElapsedTimer>
#include <QTest>

#include <algorithm>

using namespace Qt::StringLiterals;
using namespace tidegate;

namespace {

/// A price that tells by its number which one it is.
PatternPrice entry(const QByteArray &pattern, int number, PriceOrigin origin = PriceOrigin::Shipped)
{
    PatternPrice result;
    result.pattern = Glob(pattern);
    result.price.perRequest = Money::fromNano(number);
    result.origin = origin;
    return result;
}

int found(const PriceTable &table, std::string_view model)
{
    const ModelPrice *price = table.find(model);
    return price ? int(price->perRequest.nano()) : 0;
}

} // namespace

class TestPriceTable : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void findsTheMostSpecific();
    void strongerLayersReplaceByPattern();
    void tellsItsDateAndFile();
    void findsFast();
};

void TestPriceTable::findsTheMostSpecific()
{
    std::vector<PatternPrice> entries{
        entry("*", 1),           entry("gpt-*", 2),         entry("gpt-4o*", 3),
        entry("gpt-4o-mini", 4), entry("gpt-4o-mini*", 5),  entry("?pt-4o-mini-x", 6),
        entry("*-mini", 7),      entry("claude-*-2025*", 8)};
    const std::vector<std::pair<std::string_view, int>> expected{
        {"gpt-4o-mini", 4},
        {"gpt-4o-mini-2024", 5},
        {"gpt-4o-mini-x", 6},
        {"gpt-4o", 3},
        {"gpt-4", 2},
        {"gp", 1},
        {"", 1},
        {"o3-mini", 7},
        {"gpt-5-mini", 7}, // five literal bytes, where "gpt-*" has four
        {"claude-sonnet-4-20250514", 8},
        {"GPT-4o", 1}};
    // Whatever the order they are written in.
    for (int round = 0; round < 20; ++round) {
        const PriceTable table({PriceLayer{{}, {}, entries}});
        for (const auto &[model, number] : expected) {
            QCOMPARE(found(table, model), number);
        }
        std::next_permutation(entries.begin(), entries.end(),
                              [](const PatternPrice &a, const PatternPrice &b) {
                                  return a.price.perRequest < b.price.perRequest;
                              });
        std::rotate(entries.begin(), entries.begin() + 3, entries.end());
    }
    QCOMPARE(PriceTable().find("gpt-4o"), nullptr);
}

void TestPriceTable::strongerLayersReplaceByPattern()
{
    const PriceLayer shipped{{}, {}, {entry("gpt-4o", 1), entry("gpt-*", 2), entry("o3", 3)}};
    const PriceLayer file{
        {},
        u"p.yaml"_s,
        {entry("gpt-4o", 11, PriceOrigin::File), entry("gpt-*", 12, PriceOrigin::File)}};
    const PriceLayer database{{}, {}, {entry("gpt-4o", 21, PriceOrigin::Database)}};
    for (const auto &layers :
         {std::vector{shipped, file, database}, std::vector{database, file, shipped}}) {
        const PriceTable table(layers);
        QCOMPARE(found(table, "gpt-4o"), 21);
        QCOMPARE(found(table, "gpt-4"), 12);
        QCOMPARE(found(table, "o3"), 3);
        QCOMPARE(table.entries().size(), size_t(3));
        QCOMPARE(table.findEntry("o3")->origin, PriceOrigin::Shipped);
    }
    // A more specific pattern wins whatever its origin.
    const PriceTable table({shipped, {{}, {}, {entry("*", 99, PriceOrigin::Database)}}});
    QCOMPARE(found(table, "gpt-4o"), 1);
    QCOMPARE(found(table, "anything"), 99);
}

void TestPriceTable::tellsItsDateAndFile()
{
    const QDate old(2026, 1, 1);
    const QDate young(2026, 6, 1);
    const PriceLayer shipped{young, {}, {entry("a", 1)}};
    QCOMPARE(PriceTable({shipped}).updated(), young);
    QVERIFY(PriceTable({shipped}).file().isEmpty());
    const PriceTable both({shipped, {old, u"p.yaml"_s, {}}});
    QCOMPARE(both.updated(), old);
    QCOMPARE(both.file(), u"p.yaml"_s);
    QCOMPARE(PriceTable({shipped, {{}, u"p.yaml"_s, {}}}).updated(), young);
}

void TestPriceTable::findsFast()
{
    // As many as are shipped, most with the same beginnings.
    PriceLayer layer;
    for (int i = 0; i < 60; ++i) {
        layer.entries.push_back(entry("gpt-" + QByteArray::number(i) + "-mini*", i + 1));
        layer.entries.push_back(entry("claude-opus-" + QByteArray::number(i), i + 1));
    }
    layer.entries.push_back(entry("gpt-*", 500));
    const PriceTable table({layer});
    constexpr int kRounds = 200'000;
    for (const std::string_view model :
         {"claude-opus-57", "gpt-57-mini-2026-01-01", "gpt-oss", "unknown-model"}) {
        QElapsedTimer timer;
        timer.start();
        qint64 sum = 0;
        for (int i = 0; i < kRounds; ++i) {
            sum += table.find(model) ? 1 : 0;
        }
        const qint64 each = timer.nsecsElapsed() / kRounds;
        qInfo("%s: %lld ns", model.data(), each);
        QCOMPARE(sum, model == "unknown-model" ? 0 : kRounds);
#ifndef TIDEGATE_SANITIZED
        // 200 ns is the goal optimised; the bound leaves room for a debug build.
        QVERIFY(each < 5000);
#endif
    }
}

QTEST_APPLESS_MAIN(TestPriceTable)
#include "tst_pricetable.moc"
