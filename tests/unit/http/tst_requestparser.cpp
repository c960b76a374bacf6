// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/http/requestparser.h"

#include <QTest>

#include <string>
#include <vector>

using namespace tidegate;

namespace {

/// What became of some bytes: the requests in them, and the failure that ended them, if any.
struct Outcome
{
    std::vector<HttpRequest> requests;
    int failureStatus = 0;
    QByteArray failureCode;
    bool unfinished = false;

    [[nodiscard]] QByteArray summary() const
    {
        QByteArray text;
        for (const HttpRequest &request : requests) {
            text += QByteArray::number(int(request.method)) + ' ' +
                    QByteArray(request.path.data(), qsizetype(request.path.size())) + '?' +
                    QByteArray(request.query.data(), qsizetype(request.query.size())) + ' ' +
                    QByteArray::number(request.fields.size()) + " [" + request.body + "]\n";
        }
        text += "failure " + QByteArray::number(failureStatus) + (unfinished ? " unfinished" : "");
        return text;
    }
};

/// Parses @p bytes given in pieces that end at @p cuts.
Outcome parse(const QByteArray &bytes, const HttpLimits &limits = {},
              const std::vector<qsizetype> &cuts = {})
{
    Outcome outcome;
    RequestParser parser(limits);
    std::vector<qsizetype> ends = cuts;
    ends.push_back(bytes.size());
    qsizetype from = 0;
    for (const qsizetype end : ends) {
        // A copy of its own, so that reading past a piece is seen by the address sanitizer.
        const std::vector<char> piece(bytes.constData() + from, bytes.constData() + end);
        from = end;
        size_t used = 0;
        while (used < piece.size()) {
            RequestParser::Status status;
            used += parser.consume(piece.data() + used, piece.size() - used, status);
            if (status == RequestParser::Status::Failed) {
                outcome.failureStatus = parser.failure().status;
                outcome.failureCode = QByteArray(parser.failure().code.data(),
                                                 qsizetype(parser.failure().code.size()));
                return outcome;
            }
            if (status == RequestParser::Status::Complete) {
                outcome.requests.push_back(parser.takeRequest());
            }
        }
    }
    outcome.unfinished = !parser.isIdle();
    return outcome;
}

QByteArray post(const QByteArray &fields, const QByteArray &body = {})
{
    return "POST /v1/x HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}

} // namespace

/// The request parser by tables: what it takes, what it refuses, and that pieces make no
/// difference.
class TestRequestParser : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void accepts_data();
    void accepts();
    void refuses_data();
    void refuses();
    void bounds();
    void fieldsPointIntoTheHead();
    void bodyHasRoomForPadding();
    void unprovenLengthTakesNoMemory();
    void discardsBody();
    void connectionOptions_data();
    void connectionOptions();
    void expectation();
};

void TestRequestParser::accepts_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QByteArray>("summary");

    const auto row = [](const char *name, const QByteArray &bytes, const QByteArray &summary) {
        QTest::newRow(name) << bytes << summary;
    };
    const QByteArray ok = "\nfailure 0";
    row("get", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "0 /? 1 []" + ok);
    row("query", "GET /a/b?c=d?e HTTP/1.1\r\nHost:a\r\nX:\r\n\r\n", "0 /a/b?c=d?e 2 []" + ok);
    row("http/1.0 without host", "HEAD /x HTTP/1.0\r\n\r\n", "1 /x? 0 []" + ok);
    row("later minor version", "GET / HTTP/1.3\r\nHost: a\r\n\r\n", "0 /? 1 []" + ok);
    row("empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "0 /? 1 []" + ok);
    row("empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "0 /? 1 []" + ok);
    row("length", post("Content-Length: 5\r\n", "hello"), "2 /v1/x? 2 [hello]" + ok);
    row("length zero", post("Content-Length: 0\r\n"), "2 /v1/x? 2 []" + ok);
    row("length with zeros", post("Content-Length: 0005\r\n", "hello"), "2 /v1/x? 2 [hello]" + ok);
    row("chunked", post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
        "2 /v1/x? 2 [hello world]" + ok);
    row("chunked, case and zeros",
        post("transfer-ENCODING: ChunkED\r\n", "00A\r\n0123456789\r\n0\r\n\r\n"),
        "2 /v1/x? 2 [0123456789]" + ok);
    row("chunk extensions and trailers",
        post("Transfer-Encoding: chunked\r\n",
             "5;a=b;c=\"d e\"\r\nhello\r\n1 ; x\r\n!\r\n0;last\r\nDigest: x\r\nY: z\r\n\r\n"),
        "2 /v1/x? 2 [hello!]" + ok);
    row("body that looks like a request",
        post("Content-Length: 32\r\n", "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n"),
        "2 /v1/x? 2 [GET /admin HTTP/1.1\r\nHost: a\r\n\r\n]" + ok);
    row("pipelined",
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n" + post("Content-Length: 2\r\n", "ab") +
            "DELETE /3 HTTP/1.1\r\nHost: a\r\n\r\n",
        "0 /1? 1 []\n2 /v1/x? 2 [ab]\n5 /3? 1 []" + ok);
    row("absolute form", "GET http://Ab:1/p?q HTTP/1.1\r\nHost: aB:1\r\n\r\n", "0 /p?q 1 []" + ok);
    row("absolute form without path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "0 /? 1 []" + ok);
    row("asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "6 *? 1 []" + ok);
    row("other method", "PROPFIND /x HTTP/1.1\r\nHost: a\r\n\r\n", "7 /x? 1 []" + ok);
    row("methods have a case", "get /x HTTP/1.1\r\nHost: a\r\n\r\n", "7 /x? 1 []" + ok);
    row("tab and high bytes in a value",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\tb\xc3\xa9\xff z\r\n\r\n", "0 /? 2 []" + ok);
    row("double slash", "GET //x/../y HTTP/1.1\r\nHost: a\r\n\r\n", "0 //x/../y? 1 []" + ok);
    row("unfinished head", "GET / HTTP/1.1\r\nHost: a\r\n", "failure 0 unfinished");
    row("unfinished body", post("Content-Length: 5\r\n", "hell"), "failure 0 unfinished");
    row("unfinished trailer", post("Transfer-Encoding: chunked\r\n", "0\r\nA: b\r\n"),
        "failure 0 unfinished");
}

void TestRequestParser::accepts()
{
    QFETCH(QByteArray, bytes);
    QFETCH(QByteArray, summary);
    QCOMPARE(parse(bytes).summary(), summary);
    for (qsizetype cut = 0; cut <= bytes.size(); ++cut) {
        QCOMPARE(parse(bytes, {}, {cut}).summary(), summary);
    }
    std::vector<qsizetype> everywhere;
    for (qsizetype cut = 1; cut < bytes.size(); ++cut) {
        everywhere.push_back(cut);
    }
    QCOMPARE(parse(bytes, {}, everywhere).summary(), summary);
}

void TestRequestParser::refuses_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<int>("status");

    const auto row = [](const char *name, const QByteArray &bytes, int status = 400) {
        QTest::newRow(name) << bytes << status;
    };
    const QByteArray get = "GET / HTTP/1.1\r\nHost: a\r\n";
    row("no host", "GET / HTTP/1.1\r\n\r\n");
    row("two hosts", get + "Host: a\r\n\r\n");
    row("two hosts, 1.0", "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n");
    row("host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n");
    row("host with user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n");
    row("host with comma", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n");
    row("target and host differ", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n");
    row("bare LF after request line", "GET / HTTP/1.1\nHost: a\r\n\r\n");
    row("bare LF after field", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n");
    row("bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n");
    row("bare CR in value", get + "X: a\rb\r\n\r\n");
    row("CR CR LF", get + "X: a\r\r\n\r\n");
    row("folded", get + "X: a\r\n b\r\n\r\n");
    row("folded first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n");
    row("space before colon", get + "X : a\r\n\r\n");
    row("tab before colon", get + "Content-Length\t: 3\r\n\r\nabc");
    row("no colon", get + "nonsense\r\n\r\n");
    row("empty name", get + ": a\r\n\r\n");
    row("name with bad character", get + "X(y): a\r\n\r\n");
    row("NUL in value", get + QByteArray("X: a\0b\r\n\r\n", 10));
    row("NUL in name", get + QByteArray("X\0: ab\r\n\r\n", 10));
    row("DEL in long value", get + "X: aaaaaaaaaaaaaaaaaa\x7f\r\n\r\n");
    row("escape in long value", get + "X: \x1b[31maaaaaaaaaaaaaaa\r\n\r\n");
    row("bad method", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n");
    row("no method", " / HTTP/1.1\r\nHost: a\r\n\r\n");
    row("endless method", QByteArray(40, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n");
    row("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n");
    row("space in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n");
    row("fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n");
    row("high byte in target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n");
    row("relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n");
    row("asterisk for get", "GET * HTTP/1.1\r\nHost: a\r\n\r\n");
    row("no version", "GET /\r\nHost: a\r\n\r\n");
    row("bad version", "GET / HTTP/x.1\r\nHost: a\r\n\r\n");
    row("lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n");
    row("white space after version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n");
    row("http/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    row("http/0.9", "GET / HTTP/0.9\r\n\r\n", 505);
    row("tls", QByteArray("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\n", 11));
    row("many empty lines", QByteArray("\r\n").repeated(5) + get + "\r\n");

    row("two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"));
    row("same length twice", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"));
    row("list of lengths", post("Content-Length: 5, 5\r\n", "hello"));
    row("negative length", post("Content-Length: -1\r\n"));
    row("signed length", post("Content-Length: +5\r\n", "hello"));
    row("hex length", post("Content-Length: 0x5\r\n", "hello"));
    row("length with space", post("Content-Length: 1 1\r\n", "hello"));
    row("empty length", post("Content-Length:\r\n"));
    row("overflowing length", post("Content-Length: 18446744073709551621\r\n", "hello"), 413);
    row("huge length", post("Content-Length: 99999999999\r\n"), 413);

    row("length and encoding", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"));
    row("encoding and length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"));
    row("encoding twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"));
    row("encoding in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
    row("gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n"), 501);
    row("identity", post("Transfer-Encoding: identity\r\n"), 501);
    row("xchunked", post("Transfer-Encoding: xchunked\r\n"), 501);
    row("chunked with junk", post("Transfer-Encoding: chunked\v\r\n"));
    row("chunked, comma", post("Transfer-Encoding: chunked,\r\n"), 501);
    row("empty encoding", post("Transfer-Encoding:\r\n"), 501);

    const QByteArray chunked = "Transfer-Encoding: chunked\r\n";
    row("chunk too long", post(chunked, "3\r\nhello\r\n0\r\n\r\n"));
    row("chunk without size", post(chunked, "\r\nhello\r\n"));
    row("chunk size not hex", post(chunked, "g\r\n"));
    row("chunk size with 0x", post(chunked, "0x5\r\nhello\r\n0\r\n\r\n"));
    row("chunk size signed", post(chunked, "+5\r\nhello\r\n"));
    row("chunk size, space", post(chunked, "5 \r\nhello\r\n"));
    row("chunk size, space before", post(chunked, " 5\r\nhello\r\n"));
    row("chunk size overflow", post(chunked, "ffffffffffffffffff\r\n"), 413);
    row("chunk size beyond 32 bits", post(chunked, "100000005\r\nhello\r\n"), 413);
    row("chunk line with LF", post(chunked, "5\nhello\r\n0\r\n\r\n"));
    row("chunk end with LF", post(chunked, "5\r\nhello\n0\r\n\r\n"));
    row("control in extension", post(chunked, "5;a=\x01\r\nhello\r\n"));
    row("bare CR in extension", post(chunked, "5;a=\r;b\r\nhello\r\n"));
    row("bad trailer", post(chunked, "0\r\nbad trailer\r\n\r\n"));
    row("folded trailer", post(chunked, "0\r\nA: b\r\n c\r\n\r\n"));
    row("endless extension", post(chunked, "5;" + QByteArray(5000, 'x') + "\r\nhello\r\n"));
    row("endless trailers",
        post(chunked, "0\r\n" + QByteArray("A: bbbbbbbbbbbbbbb\r\n").repeated(5000)));
}

void TestRequestParser::refuses()
{
    QFETCH(QByteArray, bytes);
    QFETCH(int, status);
    const Outcome whole = parse(bytes);
    QCOMPARE(whole.failureStatus, status);
    QVERIFY(whole.requests.empty());
    for (qsizetype cut = 0; cut <= std::min<qsizetype>(bytes.size(), 300); ++cut) {
        QCOMPARE(parse(bytes, {}, {cut}).failureStatus, status);
    }
}

void TestRequestParser::bounds()
{
    HttpLimits limits;
    limits.maxBodyBytes = 10;
    limits.maxHeaderBytes = 400;
    limits.maxTargetBytes = 100;
    limits.maxFields = 5;
    const auto status = [&limits](const QByteArray &bytes) {
        return parse(bytes, limits).failureStatus;
    };

    QCOMPARE(status("GET /" + QByteArray(99, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
    QCOMPARE(status("GET /" + QByteArray(100, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n"), 414);
    // Refused before its end is seen.
    QCOMPARE(status("GET /" + QByteArray(200, 'x')), 414);

    const QByteArray start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    const qsizetype room = 400 - start.size() - 4;
    QCOMPARE(status(start + QByteArray(room, 'x') + "\r\n\r\n"), 0);
    QCOMPARE(status(start + QByteArray(room + 1, 'x') + "\r\n\r\n"), 431);
    QCOMPARE(status(start + QByteArray(500, 'x')), 431);
    QCOMPARE(status("GET / HTTP/1.1\r\nHost: a\r\n" + QByteArray("A: b\r\n").repeated(4) + "\r\n"),
             0);
    QCOMPARE(status("GET / HTTP/1.1\r\nHost: a\r\n" + QByteArray("A: b\r\n").repeated(5) + "\r\n"),
             431);

    QCOMPARE(status(post("Content-Length: 10\r\n", "0123456789")), 0);
    QCOMPARE(status(post("Content-Length: 11\r\n")), 413);
    const QByteArray chunked = "Transfer-Encoding: chunked\r\n";
    QCOMPARE(status(post(chunked, "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n")), 0);
    QCOMPARE(status(post(chunked, "5\r\n01234\r\n6\r\n")), 413);
    // Framing may not be many times the body.
    limits.maxBodyBytes = 100'000;
    QByteArray tiny;
    for (int i = 0; i < 20'000; ++i) {
        tiny += "1\r\nx\r\n";
    }
    QCOMPARE(status(post(chunked, tiny + "0\r\n\r\n")), 0);
    tiny.clear();
    for (int i = 0; i < 1000; ++i) {
        tiny += "1;" + QByteArray(200, 'e') + "\r\nx\r\n";
    }
    QCOMPARE(status(post(chunked, tiny + "0\r\n\r\n")), 400);
}

void TestRequestParser::fieldsPointIntoTheHead()
{
    Outcome outcome = parse("GET / HTTP/1.1\r\nHost: a\r\nX-One:  two words \t\r\nEmpty:\r\n\r\n");
    QCOMPARE(outcome.requests.size(), size_t(1));
    const HttpRequest request = std::move(outcome.requests.front());
    QCOMPARE(request.fields.size(), size_t(3));
    for (const HttpField &field : request.fields) {
        QVERIFY(field.name.data() >= request.head.constData());
        QVERIFY(field.value.data() + field.value.size() <=
                request.head.constData() + request.head.size());
    }
    QVERIFY(request.field("x-one") == "two words");
    QVERIFY(request.field("empty").empty());
    QVERIFY(request.field("absent").empty());
    QVERIFY(request.head.endsWith("Empty:\r\n\r\n"));
}

void TestRequestParser::bodyHasRoomForPadding()
{
    for (const qsizetype size : {1, 100, 65'535, 65'536, 65'537, 1'000'000}) {
        const QByteArray body(size, 'b');
        const QByteArray fixed = post("Content-Length: " + QByteArray::number(size) + "\r\n", body);
        const QByteArray chunked =
            post("Transfer-Encoding: chunked\r\n",
                 QByteArray::number(size, 16) + "\r\n" + body + "\r\n0\r\n\r\n");
        for (const QByteArray &bytes : {fixed, chunked}) {
            const Outcome outcome = parse(bytes, {}, {bytes.size() / 3, bytes.size() / 2});
            QCOMPARE(outcome.requests.size(), size_t(1));
            const QByteArray &got = outcome.requests.front().body;
            QCOMPARE(got, body);
            QVERIFY(got.capacity() - got.size() >= 64);
        }
    }
}

void TestRequestParser::unprovenLengthTakesNoMemory()
{
    RequestParser parser{HttpLimits()};
    const QByteArray bytes = post("Content-Length: 33554432\r\n", "x");
    RequestParser::Status status;
    size_t used = parser.consume(bytes.constData(), size_t(bytes.size()), status);
    QCOMPARE(status, RequestParser::Status::HeadDone);
    used += parser.consume(bytes.constData() + used, size_t(bytes.size()) - used, status);
    QCOMPARE(used, size_t(bytes.size()));
    QVERIFY(parser.request().body.capacity() <= 2 * 64 * 1024);
}

void TestRequestParser::discardsBody()
{
    RequestParser parser{HttpLimits()};
    const QByteArray bytes = post("Content-Length: 50000\r\n", QByteArray(50'000, 'x')) +
                             "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    RequestParser::Status status;
    size_t used = parser.consume(bytes.constData(), size_t(bytes.size()), status);
    QCOMPARE(status, RequestParser::Status::HeadDone);
    QCOMPARE(parser.remainingBody(), 50'000);
    parser.discardBody();
    used += parser.consume(bytes.constData() + used, size_t(bytes.size()) - used, status);
    QCOMPARE(status, RequestParser::Status::Complete);
    QCOMPARE(parser.discarded(), 50'000);
    QVERIFY(parser.request().body.isEmpty());
    parser.reset();
    parser.consume(bytes.constData() + used, size_t(bytes.size()) - used, status);
    QCOMPARE(status, RequestParser::Status::Complete);
    QVERIFY(parser.request().path == "/next");
}

void TestRequestParser::connectionOptions_data()
{
    QTest::addColumn<QByteArray>("version");
    QTest::addColumn<QByteArray>("field");
    QTest::addColumn<bool>("closes");

    QTest::newRow("1.1") << QByteArray("1.1") << QByteArray("") << false;
    QTest::newRow("1.1 close") << QByteArray("1.1") << QByteArray("Connection: close\r\n") << true;
    QTest::newRow("1.1 CLOSE in a list")
        << QByteArray("1.1") << QByteArray("connection: TE , CLOSE\r\n") << true;
    QTest::newRow("1.1 enclosed") << QByteArray("1.1")
                                  << QByteArray("Connection: closer, disclose\r\n") << false;
    QTest::newRow("1.0") << QByteArray("1.0") << QByteArray("") << true;
    QTest::newRow("1.0 keep-alive")
        << QByteArray("1.0") << QByteArray("Connection: Keep-Alive\r\n") << false;
}

void TestRequestParser::connectionOptions()
{
    QFETCH(QByteArray, version);
    QFETCH(QByteArray, field);
    QFETCH(bool, closes);
    RequestParser parser{HttpLimits()};
    const QByteArray bytes = "GET / HTTP/" + version + "\r\nHost: a\r\n" + field + "\r\n";
    RequestParser::Status status;
    parser.consume(bytes.constData(), size_t(bytes.size()), status);
    QCOMPARE(status, RequestParser::Status::Complete);
    QCOMPARE(parser.wantsClose(), closes);
}

void TestRequestParser::expectation()
{
    const auto headOf = [](const QByteArray &bytes) {
        RequestParser parser{HttpLimits()};
        RequestParser::Status status;
        parser.consume(bytes.constData(), size_t(bytes.size()), status);
        return parser;
    };
    QVERIFY(headOf(post("Expect: 100-Continue\r\nContent-Length: 5\r\n")).expectsContinue());
    // Without a body there is nothing to go on with.
    QVERIFY(!headOf(post("Expect: 100-continue\r\n")).expectsContinue());
    QVERIFY(!headOf("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
                 .expectsContinue());
    QVERIFY(headOf(post("Expect: miracles\r\nContent-Length: 5\r\n")).hasUnknownExpectation());
}

QTEST_APPLESS_MAIN(TestRequestParser)
#include "tst_requestparser.moc"
