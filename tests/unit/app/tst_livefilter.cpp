// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/livefilter.h"
#include "tests/unit/app/exchangesample.h"

#include <QtTest>

using namespace tidegate;

class TestLiveFilter : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void accepts_data();
    void accepts();
    void errors_data();
    void errors();
    void unknownValuesAreNeitherMoreNorLess();
};

void TestLiveFilter::accepts_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<bool>("accepted");
    // The sample: fast → gpt-4o-mini at openai, key ci, 200, TTFT 300 ms, total 2.3 s, 12/340
    // tokens.
    const auto row = [](const char *text, bool accepted) {
        QTest::newRow(text) << QString::fromUtf8(text) << accepted;
    };
    row("", true);
    row("   ", true);
    row("model:gpt*", true);
    row("model:GPT*", true);
    row("model:gpt", true);
    row("model:fast", true);
    row("model:fas", true);
    row("model:*mini", true);
    row("model:f?st", true);
    row("model:claude*", false);
    row("-model:claude*", true);
    row("-model:gpt*", false);
    row("status:200", true);
    row("status:=200", true);
    row("status:2xx", true);
    row("status:!=2xx", false);
    row("status:>2xx", false);
    row("status:4xx", false);
    row("status:>=400", false);
    row("status:<400", true);
    row("status:<=200", true);
    row("status:>200", false);
    row("status:!=200", false);
    row("key:ci", true);
    row("key:other", false);
    row("backend:openai", true);
    row("backend:ollama", false);
    row("ttft:>2s", false);
    row("ttft:>0.2s", true);
    row("ttft:>200ms", true);
    row("ttft:<300", false);
    row("ttft:<=300", true);
    row("total:>2s", true);
    row("total:<1m", true);
    row("total:<1us", false);
    row("in:<100", true);
    row("out:>300", true);
    row("out:340", true);
    row("stream:yes", true);
    row("stream:no", false);
    row("attempts:1", true);
    row("method:post", true);
    row("path:chat", true);
    row("phase:done", true);
    row("error:timeout", false);
    row("openai", true);
    row("chat fast", true);
    row("chat slow", false);
    row("-slow", true);
    row("req-7", true);
    row("\"chat completions\"", false);
    row("model:gpt* status:<400 key:ci ttft:>0.1s backend:open stream:yes chat", true);
    row("model:gpt* status:>=400", false);
    row("http://x", false);
}

void TestLiveFilter::accepts()
{
    QFETCH(QString, text);
    QFETCH(bool, accepted);
    const Result<LiveFilter> filter = LiveFilter::parse(text);
    if (text == QStringLiteral("http://x")) {
        // A colon after letters always names a field.
        QVERIFY(!filter);
        return;
    }
    QVERIFY2(bool(filter), filter ? "" : qPrintable(filter.error()));
    QCOMPARE(filter->accepts(doneExchange(7), QStringLiteral("ci")), accepted);
}

void TestLiveFilter::errors_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("says");
    QTest::newRow("field") << QStringLiteral("modle:gpt") << QStringLiteral("modle");
    QTest::newRow("no value") << QStringLiteral("status:") << QStringLiteral("status:>=400");
    QTest::newRow("no text") << QStringLiteral("model:") << QStringLiteral("model:gpt*");
    QTest::newRow("status") << QStringLiteral("status:abc") << QStringLiteral("status:429");
    QTest::newRow("class") << QStringLiteral("status:axx") << QStringLiteral("axx");
    QTest::newRow("number") << QStringLiteral("out:many") << QStringLiteral("out:>100");
    QTest::newRow("operator alone") << QStringLiteral("status:>") << QStringLiteral("status");
    QTest::newRow("time") << QStringLiteral("ttft:>2parsecs") << QStringLiteral("ttft:>2s");
    QTest::newRow("yes or no") << QStringLiteral("stream:maybe") << QStringLiteral("yes or no");
    QTest::newRow("quote") << QStringLiteral("\"open") << QStringLiteral("quotation");
}

void TestLiveFilter::errors()
{
    QFETCH(QString, text);
    QFETCH(QString, says);
    const Result<LiveFilter> filter = LiveFilter::parse(text);
    QVERIFY(!filter);
    QVERIFY2(filter.error().contains(says), qPrintable(filter.error()));
}

void TestLiveFilter::unknownValuesAreNeitherMoreNorLess()
{
    const ExchangeEvent event = streamingExchange(1);
    for (const char *text : {"total:>0ms", "total:<10s", "out:<5", "out:>=0"}) {
        const Result<LiveFilter> filter = LiveFilter::parse(QString::fromLatin1(text));
        QVERIFY(bool(filter));
        QVERIFY2(!filter->accepts(event, QString()), text);
    }
}

QTEST_GUILESS_MAIN(TestLiveFilter)
#include "tst_livefilter.moc"
