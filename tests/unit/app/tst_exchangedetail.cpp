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

QTEST_GUILESS_MAIN(TestExchangeDetail)
#include "tst_exchangedetail.moc"
