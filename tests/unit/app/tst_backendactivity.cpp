// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/backendactivity.h"
#include "tests/unit/app/exchangesample.h"

#include <QtTest>

using namespace tidegate;

class TestBackendActivity : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void withoutATraceTheBackendOfTheExchangeCounts();
    void eachLaneThatWasCalledCounts();
    void whoIsNotToBlame();
    void slicesMoveOn();
    void forgets();
};

constexpr qint64 kNowUs = 1'795'183'405'000'000;

void TestBackendActivity::withoutATraceTheBackendOfTheExchangeCounts()
{
    BackendActivity activity;
    activity.add(batchOf({streamingExchange(1), doneExchange(1), failedExchange(2)}));
    const BackendActivity::Summary summary = activity.summary("openai", kNowUs);
    QCOMPARE(summary.requests, 2);
    QCOMPARE(summary.failures, 1);
    QCOMPARE(summary.latencyUs, 300'000 - 120);
    QVERIFY(summary.perMinute > 0);
    QCOMPARE(activity.summary("other", kNowUs).requests, 0);
    QCOMPARE(activity.summary("other", kNowUs).latencyUs, -1);
}

void TestBackendActivity::eachLaneThatWasCalledCounts()
{
    ExchangeEvent event = doneExchange(1);
    event.trace.skipped("azure", "m", RouteStep::Reason::BreakerOpen, 60);
    const int first = event.trace.started("groq", "m", RouteStep::Kind::Tried, 70);
    event.trace.ended(first, RouteStep::Reason::Transient, 503, 20'070, "overloaded");
    const int second = event.trace.started("openai", "m", RouteStep::Kind::Tried, 20'100);
    event.trace.ended(second, RouteStep::Reason::Success, 200, 2'300'000);
    BackendActivity activity;
    activity.add(batchOf({event}));
    QCOMPARE(activity.summary("azure", kNowUs).requests, 0);
    QCOMPARE(activity.summary("groq", kNowUs).failures, 1);
    QCOMPARE(activity.summary("groq", kNowUs).latencyUs, -1);
    QCOMPARE(activity.summary("openai", kNowUs).failures, 0);
    // From its own call on, not from the request's beginning.
    QCOMPARE(activity.summary("openai", kNowUs).latencyUs, 300'000 - 20'100);
}

void TestBackendActivity::whoIsNotToBlame()
{
    ExchangeEvent cancelled = doneExchange(1);
    cancelled.phase = ExchangePhase::Cancelled;
    cancelled.status = 499;
    BackendActivity activity;
    activity.add(batchOf({cancelled, failedExchange(2, 400)}));
    QCOMPARE(activity.summary("openai", kNowUs).requests, 2);
    QCOMPARE(activity.summary("openai", kNowUs).failures, 0);
}

void TestBackendActivity::slicesMoveOn()
{
    BackendActivity activity;
    activity.add(batchOf({doneExchange(1)}));
    const auto newest = [&activity](qint64 nowUs) {
        return activity.latencies("openai", nowUs).constLast();
    };
    const qint64 atUs = 1'795'183'402'300'000;
    QCOMPARE(newest(atUs), 299.88);
    QCOMPARE(activity.errors("openai", atUs).constLast(), 0.0);
    QCOMPARE(newest(atUs + BackendActivity::kSliceUs), -1.0);
    QCOMPARE(activity.latencies("openai", atUs + BackendActivity::kSliceUs).size(),
             BackendActivity::kSlices);
    QCOMPARE(activity.latencies("openai", atUs + BackendActivity::kSliceUs)
                 .at(BackendActivity::kSlices - 2),
             299.88);
    const qint64 laterUs = atUs + BackendActivity::kSlices * BackendActivity::kSliceUs;
    QCOMPARE(activity.summary("openai", laterUs).requests, 0);
    // The place in the ring is used again, and what is older does not come back into it.
    ExchangeEvent later = doneExchange(2);
    later.startedAtUs += BackendActivity::kSlices * BackendActivity::kSliceUs;
    activity.add(batchOf({later}));
    activity.add(batchOf({doneExchange(3)}));
    QCOMPARE(activity.summary("openai", laterUs).requests, 1);
}

void TestBackendActivity::forgets()
{
    BackendActivity activity;
    activity.add(batchOf({doneExchange(1)}));
    activity.keepOnly({"groq"});
    QCOMPARE(activity.summary("openai", kNowUs).requests, 0);
}

QTEST_GUILESS_MAIN(TestBackendActivity)
#include "tst_backendactivity.moc"
