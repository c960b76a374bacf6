// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/exchangedetail.h"
#include "tests/unit/app/exchangesample.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QSignalSpy>
#include <QtTest>

using namespace tidegate;

Q_DECLARE_METATYPE(tidegate::ExchangeTimings)

class TestExchangeDetail : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void segmentsAreWithoutGaps_data();
    void segmentsAreWithoutGaps();
    void followsTheExchange();
    void staysWhenTheRowIsGone();
    void curlSurvivesTheShell();
    void jsonHasNumbersAndNulls();
    void theRouteInWords();
    void oneLaneNeedsNoBars();
};

void TestExchangeDetail::segmentsAreWithoutGaps_data()
{
    QTest::addColumn<ExchangeTimings>("timings");
    QTest::addColumn<QStringList>("kinds");
    QTest::newRow("new connection")
        << ExchangeTimings{50, 120, 14'120, 36'120, 36'240, 300'000, 2'300'000}
        << QStringLiteral("read route connect tls send wait stream").split(u' ');
    QTest::newRow("reused connection") << ExchangeTimings{50, 120, -1, -1, 240, 300'000, 2'300'000}
                                       << QStringLiteral("read route send wait stream").split(u' ');
    QTest::newRow("refused before routing")
        << ExchangeTimings{50, -1, -1, -1, -1, -1, 90} << QStringLiteral("read route").split(u' ');
    QTest::newRow("backend refused") << ExchangeTimings{50, 120, -1, -1, -1, -1, 40'000}
                                     << QStringLiteral("read route wait").split(u' ');
    QTest::newRow("stages of equal time") << ExchangeTimings{50, 50, -1, -1, 50, 300, 300}
                                          << QStringLiteral("read route send wait").split(u' ');
}

void TestExchangeDetail::segmentsAreWithoutGaps()
{
    QFETCH(ExchangeTimings, timings);
    QFETCH(QStringList, kinds);
    LiveModel model;
    ExchangeDetail detail(model);
    ExchangeEvent event = doneExchange(1);
    event.timings = timings;
    model.applyBatch(batchOf({event}));
    detail.show(1);
    double cursor = 0;
    QStringList seen;
    const QVariantList segments = detail.segments();
    for (const QVariant &value : segments) {
        const QVariantMap segment = value.toMap();
        QCOMPARE(segment.value(QStringLiteral("startUs")).toDouble(), cursor);
        QVERIFY(segment.value(QStringLiteral("durationUs")).toDouble() >= 0);
        cursor += segment.value(QStringLiteral("durationUs")).toDouble();
        seen << segment.value(QStringLiteral("kind")).toString();
    }
    QCOMPARE(seen, kinds);
    QCOMPARE(cursor, double(timings.endUs));
    QCOMPARE(detail.totalUs(), double(timings.endUs));
}

void TestExchangeDetail::followsTheExchange()
{
    LiveModel model;
    ExchangeDetail detail(model);
    model.applyBatch(batchOf({streamingExchange(1), streamingExchange(2)}));
    detail.show(1);
    QVERIFY(detail.isRunning());
    QSignalSpy changed(&detail, &ExchangeDetail::changed);
    model.applyBatch(batchOf({doneExchange(2)}));
    QCOMPARE(changed.count(), 0);
    model.applyBatch(batchOf({doneExchange(1)}));
    QCOMPARE(changed.count(), 1);
    QVERIFY(!detail.isRunning());
    QCOMPARE(detail.title(), QStringLiteral("POST /v1/chat/completions"));
    detail.close();
    QVERIFY(!detail.isValid());
    QVERIFY(detail.segments().isEmpty());
}

void TestExchangeDetail::staysWhenTheRowIsGone()
{
    LiveModel model;
    ExchangeDetail detail(model);
    model.applyBatch(batchOf({doneExchange(1)}));
    detail.show(1);
    model.clear();
    QVERIFY(detail.isValid());
    QCOMPARE(detail.status(), 200);
    detail.show(99);
    QCOMPARE(detail.exchangeId(), 1.0);
}

void TestExchangeDetail::curlSurvivesTheShell()
{
    LiveModel model;
    ExchangeDetail detail(model);
    detail.setBaseUrl(QStringLiteral("http://127.0.0.1:8080/v1"));
    ExchangeEvent event = doneExchange(1);
    event.requestedModel = "it's; $(touch /tmp/never) \"x\"";
    model.applyBatch(batchOf({event}));
    detail.show(1);
    const QString command = detail.curlText();
    QVERIFY2(command.contains(QStringLiteral("$TIDEGATE_API_KEY")), qPrintable(command));

    // What the shell makes of it, one argument a line.
    QProcess shell;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("TIDEGATE_API_KEY"), QStringLiteral("KEY"));
    shell.setProcessEnvironment(environment);
    shell.start(QStringLiteral("/bin/sh"),
                {QStringLiteral("-c"),
                 QStringLiteral("curl() { for a in \"$@\"; do printf '%s\\n' \"$a\"; done; }\n") +
                     command});
    QVERIFY(shell.waitForFinished(10'000));
    const QStringList arguments =
        QString::fromUtf8(shell.readAllStandardOutput()).split(u'\n', Qt::SkipEmptyParts);
    QCOMPARE(arguments.value(0), QStringLiteral("http://127.0.0.1:8080/v1/chat/completions"));
    QVERIFY(arguments.contains(QStringLiteral("Authorization: Bearer KEY")));
    const QJsonObject body = QJsonDocument::fromJson(arguments.constLast().toUtf8()).object();
    QCOMPARE(body.value(QStringLiteral("model")).toString(),
             QString::fromUtf8(event.requestedModel));
    QVERIFY(body.value(QStringLiteral("stream")).toBool());
}

void TestExchangeDetail::jsonHasNumbersAndNulls()
{
    LiveModel model;
    model.setKeyNames({{1, QStringLiteral("ci")}});
    ExchangeDetail detail(model);
    model.applyBatch(batchOf({failedExchange(1)}));
    detail.show(1);
    const QJsonObject object = QJsonDocument::fromJson(detail.jsonText().toUtf8()).object();
    QCOMPARE(object.value(QStringLiteral("status")).toInt(), 502);
    QCOMPARE(object.value(QStringLiteral("phase")).toString(), QStringLiteral("failed"));
    QCOMPARE(object.value(QStringLiteral("key")).toString(), QStringLiteral("ci"));
    const QJsonObject timings = object.value(QStringLiteral("timings_us")).toObject();
    QVERIFY(timings.value(QStringLiteral("first_byte")).isNull());
    QCOMPARE(timings.value(QStringLiteral("end")).toInt(), 40'000);
}

void TestExchangeDetail::theRouteInWords()
{
    LiveModel model;
    ExchangeDetail detail(model);
    ExchangeEvent event = doneExchange(1);
    event.attempts = 2;
    event.trace.skipped("lab", "m", RouteStep::Reason::BreakerOpen, 61, 12'400);
    const int first = event.trace.started("groq", "m", RouteStep::Kind::Tried, 120);
    event.trace.ended(first, RouteStep::Reason::Transient, 503, 20'120, "overloaded");
    const int second = event.trace.started("openai", "gpt-4o-mini", RouteStep::Kind::Tried, 20'200);
    event.trace.ended(second, RouteStep::Reason::Success, 200, 2'300'000);
    model.applyBatch(batchOf({event}));
    detail.show(1);
    const QVariantList route = detail.route();
    QCOMPARE(route.size(), 3);
    const auto of = [&route](int step, const char *field) {
        return route[step].toMap().value(QString::fromLatin1(field)).toString();
    };
    QCOMPARE(of(0, "why"), QStringLiteral("Its breaker is open; back in 13 s"));
    QCOMPARE(of(0, "what"), QStringLiteral("Skipped"));
    QCOMPARE(of(0, "tone"), QStringLiteral("warn"));
    QVERIFY(of(0, "duration").isEmpty());
    QCOMPARE(of(1, "why"), QStringLiteral("It failed: overloaded"));
    QCOMPARE(of(1, "status"), QStringLiteral("503"));
    QCOMPARE(of(1, "tone"), QStringLiteral("bad"));
    QCOMPARE(of(2, "tone"), QStringLiteral("good"));
    QCOMPARE(of(2, "spoken"), QStringLiteral("Tried openai: It answered"));
    const QVariantList bars = detail.attemptBars();
    QCOMPARE(bars.size(), 2);
    QCOMPARE(bars[0].toMap().value(QStringLiteral("kind")).toString(), QStringLiteral("failed"));
    QCOMPARE(bars[0].toMap().value(QStringLiteral("durationUs")).toDouble(), 20'000.0);
    QCOMPARE(bars[1].toMap().value(QStringLiteral("startUs")).toDouble(), 20'200.0);
    QVERIFY(detail.routeSummary().contains(QStringLiteral("x-tidegate-attempts")));
    QVERIFY(detail.jsonText().contains(QStringLiteral("\"breaker_open\"")));
}

void TestExchangeDetail::oneLaneNeedsNoBars()
{
    LiveModel model;
    ExchangeDetail detail(model);
    ExchangeEvent event = streamingExchange(1);
    event.trace.started("openai", "gpt-4o-mini", RouteStep::Kind::Tried, 120);
    model.applyBatch(batchOf({event, doneExchange(2)}));
    detail.show(1);
    QCOMPARE(detail.route().size(), 1);
    QCOMPARE(detail.route()[0].toMap().value(QStringLiteral("why")).toString(),
             QStringLiteral("Under way"));
    QVERIFY(detail.attemptBars().isEmpty());
    detail.show(2);
    QVERIFY(detail.route().isEmpty());
    QVERIFY(detail.routeSummary().isEmpty());
}

QTEST_GUILESS_MAIN(TestExchangeDetail)
#include "tst_exchangedetail.moc"
