// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/observe/routetrace.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

class RouteTraceTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void tellsWhatHappened();
    void oneLaneThatAnsweredIsNoNews();
    void isBounded();
    void namesAreDistinct();
};

void RouteTraceTest::tellsWhatHappened()
{
    RouteTrace trace;
    trace.skipped("a", "m", RouteStep::Reason::BreakerOpen, 10, 2500);
    const int first = trace.started("b", "m", RouteStep::Kind::Tried, 20);
    const int hedge = trace.started("c", "n", RouteStep::Kind::Hedged, 320);
    trace.ended(hedge, RouteStep::Reason::Success, 200, 900);
    trace.ended(first, RouteStep::Reason::Cancelled, 0, 905);
    trace.ended(first, RouteStep::Reason::Success, 200, 999); // has ended already
    trace.ended(-1, RouteStep::Reason::Success, 200, 999);
    trace.ended(7, RouteStep::Reason::Success, 200, 999);
    const QJsonArray expected{QJsonObject{{u"step"_s, u"skipped"_s},
                                          {u"backend"_s, u"a"_s},
                                          {u"model"_s, u"m"_s},
                                          {u"reason"_s, u"breaker_open"_s},
                                          {u"at_us"_s, 10},
                                          {u"available_in_ms"_s, 2500}},
                              QJsonObject{{u"step"_s, u"tried"_s},
                                          {u"backend"_s, u"b"_s},
                                          {u"model"_s, u"m"_s},
                                          {u"reason"_s, u"cancelled"_s},
                                          {u"at_us"_s, 20},
                                          {u"duration_us"_s, 885}},
                              QJsonObject{{u"step"_s, u"hedged"_s},
                                          {u"backend"_s, u"c"_s},
                                          {u"model"_s, u"n"_s},
                                          {u"reason"_s, u"success"_s},
                                          {u"status"_s, 200},
                                          {u"at_us"_s, 320},
                                          {u"duration_us"_s, 580}}};
    QCOMPARE(trace.toJson(), expected);
    QCOMPARE(QJsonDocument::fromJson(trace.ledgerJson()).array(), expected);
    QVERIFY(trace.ledgerJson().size() <= 200 * trace.size());
}

void RouteTraceTest::oneLaneThatAnsweredIsNoNews()
{
    RouteTrace trace;
    QVERIFY(!trace.isEventful());
    const int call = trace.started("b", "m", RouteStep::Kind::Tried, 20);
    QVERIFY(!trace.isEventful());
    const RouteTrace earlier = trace;
    trace.ended(call, RouteStep::Reason::Success, 200, 900);
    QVERIFY(!trace.isEventful());
    QVERIFY(trace.ledgerJson().isEmpty());
    QCOMPARE(earlier.begin()->durationUs, qint64(-1)); // a copy is one

    RouteTrace failed = earlier;
    failed.ended(call, RouteStep::Reason::Transient, 503, 900, "overloaded");
    QVERIFY(failed.isEventful());
    QCOMPARE(failed.toJson().first()[u"fault"_s].toString(), u"overloaded"_s);

    RouteTrace skipped;
    skipped.skipped("a", "m", RouteStep::Reason::Draining, 0);
    QVERIFY(skipped.isEventful());
}

void RouteTraceTest::isBounded()
{
    RouteTrace trace;
    for (int i = 0; i < 20; ++i) {
        trace.skipped("a", "m", RouteStep::Reason::Draining, i);
    }
    QCOMPARE(trace.started("b", "m", RouteStep::Kind::Tried, 30), -1);
    QCOMPARE(trace.size(), RouteTrace::kMaxSteps);
    const QJsonArray json = trace.toJson();
    QCOMPARE(json.size(), RouteTrace::kMaxSteps + 1);
    QCOMPARE(json.last()[u"count"_s].toInt(), 5);
    QVERIFY(trace.ledgerJson().size() <= 200 * (RouteTrace::kMaxSteps + 1));
}

void RouteTraceTest::namesAreDistinct()
{
    QSet<QByteArray> names;
    for (int i = 1; i <= int(RouteStep::Reason::BrokeOff); ++i) {
        const QByteArray name = RouteTrace::reasonName(RouteStep::Reason(i));
        QVERIFY(!name.isEmpty() && !names.contains(name));
        names.insert(name);
    }
}

QTEST_APPLESS_MAIN(RouteTraceTest)
#include "tst_routetrace.moc"
