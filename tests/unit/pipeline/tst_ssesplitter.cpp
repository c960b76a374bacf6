// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/ssesplitter.h"

#include <QByteArrayList>
#include <QTest>

using namespace tidegate;

class SseSplitterTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void everySplit_data();
    void everySplit();
    void fields();
    void oversizedEventIsGivenOutInParts();
};

namespace {

struct Outcome
{
    QByteArray joined;
    QByteArrayList payloads;
    QByteArray rest;
};

// Feeds @p bytes cut at @p cuts and collects what comes out.
Outcome split(const QByteArray &bytes, const QList<qsizetype> &cuts)
{
    Outcome outcome;
    SseSplitter splitter;
    qsizetype from = 0;
    for (qsizetype cut : cuts + QList<qsizetype>{bytes.size()}) {
        const QByteArray piece = bytes.mid(from, cut - from);
        from = cut;
        splitter.feed({piece.constData(), size_t(piece.size())});
        SseSplitter::Event event;
        while (splitter.next(event)) {
            outcome.joined.append(event.raw.data(), qsizetype(event.raw.size()));
            QByteArray scratch;
            const auto data = SseSplitter::data(event.raw, scratch);
            if (!data.empty()) {
                outcome.payloads.append(QByteArray(data.data(), qsizetype(data.size())));
            }
        }
    }
    const auto rest = splitter.rest();
    outcome.rest = QByteArray(rest.data(), qsizetype(rest.size()));
    return outcome;
}

} // namespace

void SseSplitterTest::everySplit_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QByteArrayList>("payloads");
    const QByteArrayList ab{"a", "b"};
    QTest::newRow("LF") << QByteArray("data: a\n\ndata: b\n\n") << ab;
    QTest::newRow("CRLF") << QByteArray("data: a\r\n\r\ndata: b\r\n\r\n") << ab;
    QTest::newRow("CR") << QByteArray("data: a\r\rdata: b\r\r") << ab;
    QTest::newRow("mixed") << QByteArray("data: a\r\n\ndata: b\n\r\n") << ab;
    QTest::newRow("no space") << QByteArray("data:a\n\ndata:b\n\n") << ab;
    QTest::newRow("comments") << QByteArray(": hi\n\n:x\ndata: a\n\n: ping\n\ndata: b\n\n") << ab;
    QTest::newRow("other fields")
        << QByteArray("event: message\nid: 7\nretry: 5\ndata: a\n\nevent:x\ndata: b\n\n") << ab;
    QTest::newRow("byte order mark") << QByteArray("\xEF\xBB\xBF"
                                                   "data: a\n\ndata: b\n\n")
                                     << ab;
    QTest::newRow("several lines")
        << QByteArray("data: a\ndata: b\n\ndata: c\r\ndata\r\ndata: d\r\n\r\n")
        << QByteArrayList{"a\nb", "c\n\nd"};
    QTest::newRow("blank lines before") << QByteArray("\n\r\n\ndata: a\n\n\n\ndata: b\n\n") << ab;
    QTest::newRow("UTF-8") << QByteArray("data: \xF0\x9F\x98\x80\n\n")
                           << QByteArrayList{"\xF0\x9F\x98\x80"};
}

void SseSplitterTest::everySplit()
{
    QFETCH(QByteArray, bytes);
    QFETCH(QByteArrayList, payloads);
    const auto check = [&](const QList<qsizetype> &cuts) {
        const Outcome outcome = split(bytes, cuts);
        QCOMPARE(outcome.payloads, payloads);
        QCOMPARE(outcome.joined + outcome.rest, bytes);
    };
    for (qsizetype a = 0; a <= bytes.size(); ++a) {
        for (qsizetype b = a; b <= bytes.size(); ++b) {
            check({a, b});
        }
    }
    QList<qsizetype> everywhere;
    for (qsizetype i = 1; i < bytes.size(); ++i) {
        everywhere.append(i);
    }
    check(everywhere);
    // An event without its blank line stays behind as the rest.
    const Outcome open = split(bytes + "data: [DONE]", {});
    QCOMPARE(open.rest.trimmed(), QByteArray("data: [DONE]"));
}

void SseSplitterTest::fields()
{
    QByteArray scratch;
    QCOMPARE(SseSplitter::eventName("event: error\ndata: x\n\n"), std::string_view("error"));
    QCOMPARE(SseSplitter::eventName("data: x\n\n"), std::string_view());
    QCOMPARE(SseSplitter::data("data:  x\n\n", scratch), std::string_view(" x"));
    QCOMPARE(SseSplitter::data("datax: y\n\n", scratch), std::string_view());
}

void SseSplitterTest::oversizedEventIsGivenOutInParts()
{
    const QByteArray large = "data: " + QByteArray(3 * SseSplitter::kMaxHeldBytes, 'x') + "\n\n";
    const QByteArray bytes = large + "data: a\n\n";
    SseSplitter splitter;
    QByteArray joined;
    int whole = 0;
    for (qsizetype from = 0; from < bytes.size(); from += 16384) {
        const QByteArray piece = bytes.mid(from, 16384);
        splitter.feed({piece.constData(), size_t(piece.size())});
        SseSplitter::Event event;
        while (splitter.next(event)) {
            joined.append(event.raw.data(), qsizetype(event.raw.size()));
            whole += event.whole ? 1 : 0;
        }
        QVERIFY(qsizetype(splitter.rest().size()) <= SseSplitter::kMaxHeldBytes);
    }
    QCOMPARE(whole, 1);
    QCOMPARE(joined, bytes);
}

QTEST_APPLESS_MAIN(SseSplitterTest)
#include "tst_ssesplitter.moc"
