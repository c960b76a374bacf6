// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/upstream/callrecorder.h"
#include "tests/unit/upstream/scriptedupstream.h"
#include "tests/unit/upstream/upstreamtestmain.h"

#include "gateway/base/clock.h"

#include <QFile>
#include <QProcess>
#include <QSet>
#include <QStandardPaths>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTemporaryDir>
#include <QTest>

#include <deque>

using namespace tidegate;
using Peer = ScriptedUpstream::Peer;

namespace {

quint16 freePort()
{
    QTcpServer server;
    return server.listen(QHostAddress::LocalHost) ? server.serverPort() : 0;
}

/// A server program for as long as this lives.
class Server
{
public:
    ~Server()
    {
        m_process.terminate();
        if (!m_process.waitForFinished(3000)) {
            m_process.kill();
            m_process.waitForFinished(1000);
        }
    }

    bool start(const QString &program, const QStringList &arguments, quint16 port)
    {
        m_process.setProcessChannelMode(QProcess::MergedChannels);
        m_process.setStandardOutputFile(QProcess::nullDevice());
        m_process.start(program, arguments);
        return m_process.waitForStarted() && waitUntil([port] {
                   QTcpSocket probe;
                   probe.connectToHost(QHostAddress::LocalHost, port);
                   return probe.waitForConnected(100);
               });
    }

private:
    QProcess m_process;
};

} // namespace

/// TLS as it is verified and refused, against openssl; HTTP/2 against nginx.
class TestUpstreamTls : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void verified_data();
    void verified();
    void connectionsAreNotSharedAcrossTrust();
    void serverWithoutTls();
    void http2KeepsItsConnections();
    void http2LargeBody();
    void http2Cancel_data();
    void http2Cancel();
    void http2StalledReader();

private:
    UpstreamResult get(UpstreamClient &client, const QByteArray &url, const QByteArray &caFile,
                       bool verify, CallRecorder *recorder = nullptr);
    bool startNginx(Server &server, quint16 port, const QByteArray &upstreamPort = "9");
    UpstreamRequest postOverTls(quint16 port, const QByteArray &path);
    QByteArray path(const char *name) const
    {
        return m_dir.filePath(QString::fromLatin1(name)).toUtf8();
    }

    QTemporaryDir m_dir;
    Server m_server;
    QByteArray m_url;      // by name, as in the certificate
    QByteArray m_otherUrl; // by address
};

void TestUpstreamTls::initTestCase()
{
    const QString openssl = QStandardPaths::findExecutable(QStringLiteral("openssl"));
    if (openssl.isEmpty()) {
        QSKIP("the openssl program is not installed");
    }
    const QString key = m_dir.filePath(QStringLiteral("key.pem"));
    const QString certificate = m_dir.filePath(QStringLiteral("cert.pem"));
    QProcess make;
    make.start(openssl, {QStringLiteral("req"), QStringLiteral("-x509"), QStringLiteral("-newkey"),
                         QStringLiteral("ec"), QStringLiteral("-pkeyopt"),
                         QStringLiteral("ec_paramgen_curve:prime256v1"), QStringLiteral("-nodes"),
                         QStringLiteral("-keyout"), key, QStringLiteral("-out"), certificate,
                         QStringLiteral("-days"), QStringLiteral("2"), QStringLiteral("-subj"),
                         QStringLiteral("/CN=localhost"), QStringLiteral("-addext"),
                         QStringLiteral("subjectAltName=DNS:localhost")});
    QVERIFY(make.waitForFinished());
    QCOMPARE(make.exitCode(), 0);
    const quint16 port = freePort();
    const QString address = QStringLiteral("127.0.0.1:%1").arg(port);
    QVERIFY(m_server.start(openssl,
                           {QStringLiteral("s_server"), QStringLiteral("-accept"), address,
                            QStringLiteral("-key"), key, QStringLiteral("-cert"), certificate,
                            QStringLiteral("-www"), QStringLiteral("-quiet")},
                           port));
    m_url = "https://localhost:" + QByteArray::number(port) + "/";
    m_otherUrl = "https://127.0.0.1:" + QByteArray::number(port) + "/";
}

UpstreamResult TestUpstreamTls::get(UpstreamClient &client, const QByteArray &url,
                                    const QByteArray &caFile, bool verify, CallRecorder *recorder)
{
    CallRecorder own;
    CallRecorder &used = recorder ? *recorder : own;
    UpstreamRequest request;
    request.method = "GET";
    request.url = url;
    request.authorization = Secret("Authorization: Bearer sk-very-secret");
    request.caFile = caFile;
    request.verifyTls = verify;
    client.start(std::move(request), used);
    if (!waitUntil([&] { return used.finishes == 1; })) {
        qFatal("no end");
    }
    return used.result;
}

void TestUpstreamTls::verified_data()
{
    QTest::addColumn<bool>("byName");
    QTest::addColumn<QByteArray>("caFile");
    QTest::addColumn<bool>("verify");
    QTest::addColumn<QString>("message");
    QTest::newRow("with its CA file") << true << path("cert.pem") << true << QString();
    QTest::newRow("unknown certificate")
        << true << QByteArray() << true << QStringLiteral("is not trusted");
    QTest::newRow("another host's")
        << false << path("cert.pem") << true << QStringLiteral("is not trusted");
    QTest::newRow("no CA file there")
        << true << path("none.pem") << true << QStringLiteral("cannot be read");
    QTest::newRow("not verified") << false << QByteArray() << false << QString();
}

void TestUpstreamTls::verified()
{
    QFETCH(bool, byName);
    QFETCH(QByteArray, caFile);
    QFETCH(bool, verify);
    QFETCH(QString, message);
    UpstreamClient client;
    CallRecorder recorder;
    const UpstreamResult result =
        get(client, byName ? m_url : m_otherUrl, caFile, verify, &recorder);
    if (message.isEmpty()) {
        QCOMPARE(result.failure, UpstreamFailure::None);
        QCOMPARE(recorder.status, 200);
        QVERIFY(result.timings.tlsUs > result.timings.connectedUs);
        QVERIFY(result.timings.sentUs >= result.timings.tlsUs);
    } else {
        QCOMPARE(result.failure, UpstreamFailure::Tls);
        QVERIFY2(result.message.contains(message), qPrintable(result.message));
        QVERIFY(!result.message.contains(u"secret"));
        QCOMPARE(recorder.heads, 0);
        QCOMPARE(result.timings.sentUs, -1);
    }
}

void TestUpstreamTls::serverWithoutTls()
{
    ScriptedUpstream upstream([](Peer &peer) {
        peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        peer.waitForClose();
    });
    UpstreamClient client;
    const QByteArray url = "https://127.0.0.1:" + QByteArray::number(upstream.port()) + "/";
    QCOMPARE(get(client, url, {}, false).failure, UpstreamFailure::Tls);
}

bool TestUpstreamTls::startNginx(Server &server, quint16 port, const QByteArray &upstreamPort)
{
    const QString nginx = QStandardPaths::findExecutable(
        QStringLiteral("nginx"), {QStringLiteral("/usr/sbin"), QStringLiteral("/usr/local/sbin"),
                                  QStringLiteral("/usr/bin")});
    if (nginx.isEmpty()) {
        return false;
    }
    QFile conf(m_dir.filePath(QStringLiteral("nginx.conf")));
    if (!conf.open(QIODevice::WriteOnly)) {
        return false;
    }
    conf.write(
        "pid " + path("nginx.pid") + ";\nerror_log " + path("error.log") + ";\n" +
        "events { worker_connections 512; }\nhttp {\n access_log off;\n client_body_temp_path " +
        path("body") + ";\n proxy_temp_path " + path("proxy") + ";\n fastcgi_temp_path " +
        path("fastcgi") + ";\n uwsgi_temp_path " + path("uwsgi") + ";\n scgi_temp_path " +
        path("scgi") + ";\n server {\n  listen 127.0.0.1:" + QByteArray::number(port) +
        " ssl http2;\n  ssl_certificate " + path("cert.pem") + ";\n  ssl_certificate_key " +
        path("key.pem") + ";\n  location /who { return 200 \"$server_protocol $connection\"; }\n" +
        "  location / { proxy_pass http://127.0.0.1:" + upstreamPort +
        "; proxy_buffering off; "
        "proxy_http_version 1.1; client_max_body_size 8m; }\n }\n}\n");
    conf.close();
    return server.start(nginx,
                        {QStringLiteral("-p"), m_dir.path(), QStringLiteral("-e"),
                         m_dir.filePath(QStringLiteral("error.log")), QStringLiteral("-c"),
                         conf.fileName(), QStringLiteral("-g"),
                         QStringLiteral("daemon off; master_process off;")},
                        port);
}

UpstreamRequest TestUpstreamTls::postOverTls(quint16 port, const QByteArray &target)
{
    UpstreamRequest request = postTo("https://localhost:" + QByteArray::number(port) + target);
    request.caFile = path("cert.pem");
    return request;
}

// A connection that was accepted unverified must not serve a call that wants it verified.
void TestUpstreamTls::connectionsAreNotSharedAcrossTrust()
{
    const quint16 port = freePort();
    Server nginx;
    if (!startNginx(nginx, port)) {
        QSKIP("nginx is not installed");
    }
    const QByteArray url = "https://localhost:" + QByteArray::number(port) + "/who";
    UpstreamClient client;
    for (int i = 0; i < 2; ++i) {
        QCOMPARE(get(client, url, {}, false).failure, UpstreamFailure::None);
        QCOMPARE(get(client, url, {}, true).failure, UpstreamFailure::Tls);
        const UpstreamResult trusted = get(client, url, path("cert.pem"), true);
        QCOMPARE(trusted.failure, UpstreamFailure::None);
        QCOMPARE(trusted.timings.reusedConnection, i > 0);
        QCOMPARE(trusted.timings.tlsUs > 0, i == 0);
    }
}

void TestUpstreamTls::http2KeepsItsConnections()
{
    const quint16 port = freePort();
    Server nginx;
    if (!startNginx(nginx, port)) {
        QSKIP("nginx is not installed");
    }
    UpstreamClient client;
    std::deque<CallRecorder> recorders(20);
    for (int round = 0; round < 3; ++round) {
        for (CallRecorder &each : recorders) {
            client.start(postOverTls(port, "/who"), each);
        }
        QVERIFY(waitUntil([&] { return client.activeCalls() == 0; }));
        for (CallRecorder &each : recorders) {
            QCOMPARE(each.result.failure, UpstreamFailure::None);
            QCOMPARE(each.status, 200);
            QCOMPARE(each.result.timings.reusedConnection, round > 0);
            const QByteArray body = std::exchange(each.body, {});
            QVERIFY2(body.startsWith("HTTP/2.0 "), body.constData());
        }
    }
}

void TestUpstreamTls::http2LargeBody()
{
    ScriptedUpstream upstream([](Peer &peer) {
        while (peer.readRequest()) {
            peer.send(plainAnswer(QByteArray::number(peer.request().size())));
        }
    });
    const quint16 port = freePort();
    Server nginx;
    if (!startNginx(nginx, port, QByteArray::number(upstream.port()))) {
        QSKIP("nginx is not installed");
    }
    UpstreamClient client;
    for (const qsizetype size : {100, 70'000, 5'000'000, 20'000'000}) {
        CallRecorder recorder;
        UpstreamRequest request = postOverTls(port, "/large");
        request.body = QByteArray(size, 'x');
        client.start(std::move(request), recorder);
        QVERIFY(waitUntil([&] { return recorder.finishes == 1; }));
        QCOMPARE(recorder.result.failure, UpstreamFailure::None);
        if (size > 8'000'000) {
            QCOMPARE(recorder.status, 413);
        } else {
            QCOMPARE(recorder.status, 200);
            QVERIFY(recorder.body.toLongLong() > size);
        }
    }
}

void TestUpstreamTls::http2Cancel_data()
{
    QTest::addColumn<QByteArray>("answer");
    QTest::addColumn<bool>("fromWithin");
    const QByteArray head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
    QTest::newRow("waiting") << QByteArray() << false;
    QTest::newRow("streaming") << QByteArray(head + "ab") << false;
    QTest::newRow("from within a piece") << QByteArray(head + "ab") << true;
}

// nginx passes the end of a stream on to the server behind it, which is where it counts.
void TestUpstreamTls::http2Cancel()
{
    QFETCH(QByteArray, answer);
    QFETCH(bool, fromWithin);
    ScriptedUpstream upstream([&](Peer &peer) {
        peer.readRequest();
        if (peer.request().contains("/cancelled")) {
            peer.send(answer);
            peer.waitForClose();
        } else {
            peer.send(plainAnswer("ok"));
        }
    });
    const quint16 port = freePort();
    Server nginx;
    if (!startNginx(nginx, port, QByteArray::number(upstream.port()))) {
        QSKIP("nginx is not installed");
    }
    UpstreamClient client;
    CallRecorder cancelled;
    UpstreamCall *call = nullptr;
    qint64 cancelledNs = 0;
    const auto cancelHere = [&] {
        client.cancel(call);
        cancelledNs = monotonicNs();
    };
    if (fromWithin) {
        cancelled.onBody = [&](std::string_view) {
            cancelHere();
            return true;
        };
    }
    call = client.start(postOverTls(port, "/cancelled"), cancelled);
    QVERIFY(waitUntil([&] { return upstream.requests().size() == 1; }));
    if (!answer.isEmpty()) {
        QVERIFY(waitUntil([&] { return cancelled.heads == 1; }));
    }
    if (fromWithin) {
        QVERIFY(waitUntil([&] { return cancelledNs > 0; }));
    } else {
        cancelHere();
    }
    QVERIFY(waitUntil([&] { return upstream.closed() == 1; }));
    QVERIFY(upstream.closedNs() - cancelledNs < 50'000'000);
    CallRecorder after;
    client.start(postOverTls(port, "/after"), after);
    QVERIFY(waitUntil([&] { return after.finishes == 1; }));
    QCOMPARE(after.body, "ok");
    QCOMPARE(cancelled.finishes, 0);
}

void TestUpstreamTls::http2StalledReader()
{
    const qint64 size = 50'000'000;
    std::atomic<qint64> sent = 0;
    const QByteArray megabyte(1'000'000, 'x'); // here, so that it is not part of the growth below
    ScriptedUpstream upstream([&](Peer &peer) {
        peer.readRequest();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + QByteArray::number(size) + "\r\n\r\n");
        while (sent < size && peer.send(megabyte)) {
            sent += megabyte.size();
        }
        peer.waitForClose();
    });
    const quint16 port = freePort();
    Server nginx;
    if (!startNginx(nginx, port, QByteArray::number(upstream.port()))) {
        QSKIP("nginx is not installed");
    }
    UpstreamClient client;
    for (int i = 0; i < 2; ++i) {
        CallRecorder warm; // what OpenSSL takes at first is not this test's business
        client.start(postOverTls(port, "/who"), warm);
        QVERIFY(waitUntil([&] { return warm.finishes == 1; }));
    }
    CallRecorder stalled;
    bool open = false;
    qint64 received = 0;
    stalled.onBody = [&](std::string_view piece) {
        received += qint64(piece.size());
        return open;
    };
    const qint64 before = residentBytes();
    UpstreamCall *call = client.start(postOverTls(port, "/large"), stalled);
    QVERIFY(waitUntil([&] { return stalled.pieces == 1; }));
    qint64 last = -1;
    while (last != sent) {
        last = sent;
        QVERIFY(!waitUntil([&] { return stalled.pieces > 1; }, 200));
    }
    QVERIFY(last < size);
    const qint64 growth = residentBytes() - before;
    QVERIFY2(growth < 2'000'000, qPrintable(QString::number(growth)));
    // Nobody else is held up by it.
    CallRecorder other;
    client.start(postOverTls(port, "/who"), other);
    QVERIFY(waitUntil([&] { return other.finishes == 1; }));
    QCOMPARE(other.result.failure, UpstreamFailure::None);
    open = true;
    client.resume(call);
    QVERIFY(waitUntil([&] { return stalled.finishes == 1; }));
    QCOMPARE(stalled.result.failure, UpstreamFailure::None);
    QCOMPARE(received, size);
}

int main(int argc, char **argv)
{
    return runUpstreamTest<TestUpstreamTls>(argc, argv);
}
#include "tst_upstreamtls.moc"
