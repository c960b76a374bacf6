// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/demofeed.h"

#include <QHash>
#include <QtTest>

using namespace tidegate;

class TestDemoFeed : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void isTheSameEachTime();
    void looksLikeTraffic();
};

namespace {

constexpr qint64 kStartUs = 1'795'183'000'000'000;

QByteArray transcript()
{
    DemoFeed feed(kStartUs, 5);
    QByteArray text;
    for (int i = 1; i <= 600; ++i) {
        const ExchangeBatch batch = feed.advance(kStartUs + i * 100'000LL);
        for (const ExchangeEvent &event : batch.events) {
            text += QByteArray::number(event.id) + ' ' + QByteArray::number(int(event.phase)) +
                    ' ' + event.requestedModel + ' ' + QByteArray::number(event.streamedEvents) +
                    '\n';
        }
    }
    return text;
}

} // namespace

void TestDemoFeed::isTheSameEachTime()
{
    const QByteArray first = transcript();
    QVERIFY(first.size() > 1'000);
    QCOMPARE(transcript(), first);
}

void TestDemoFeed::looksLikeTraffic()
{
    DemoFeed feed(kStartUs, 5);
    QHash<quint64, ExchangeEvent> latest;
    ExchangeBatch batch;
    bool streamed = false;
    for (int i = 1; i <= 1'200; ++i) {
        batch = feed.advance(kStartUs + i * 100'000LL);
        for (const ExchangeEvent &event : batch.events) {
            const auto before = latest.constFind(event.id);
            if (before != latest.cend()) {
                QVERIFY(before->timings.endUs < 0);
                QVERIFY(event.streamedEvents >= before->streamedEvents);
            }
            streamed = streamed || event.phase == ExchangePhase::Streaming;
            latest.insert(event.id, event);
        }
    }
    QVERIFY(streamed);
    int failed = 0;
    int done = 0;
    for (const ExchangeEvent &event : std::as_const(latest)) {
        failed += event.phase == ExchangePhase::Failed ? 1 : 0;
        done += event.phase == ExchangePhase::Done ? 1 : 0;
    }
    // Two minutes at five a second.
    QVERIFY2(latest.size() > 400 && latest.size() < 800,
             qPrintable(QString::number(latest.size())));
    QVERIFY(failed > 0 && failed < done / 5);
    QCOMPARE(batch.active, feed.active());
    QCOMPARE(batch.finishedTotal + batch.active, qint64(latest.size()));
    const int running = feed.active();
    QCOMPARE(int(feed.cancelAll(kStartUs + 130'000'000).events.size()), running);
    QCOMPARE(feed.active(), 0);
}

QTEST_GUILESS_MAIN(TestDemoFeed)
#include "tst_demofeed.moc"
