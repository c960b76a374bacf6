// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/app/panelfixture.h"

#include <QProcess>
#include <QSignalSpy>
#include <QStandardPaths>
#include <QTcpServer>
#include <QTcpSocket>
#include <QtTest>

using namespace tidegate;

namespace {

/// A gateway with an HTTP endpoint: the answer is a constant.
class HttpLink : public DemoLink
{
public:
    explicit HttpLink(QByteArray answer)
        : DemoLink(quietDemo(true))
        , m_answer(std::move(answer))
    {
        m_server.listen(QHostAddress::LocalHost);
        connect(&m_server, &QTcpServer::newConnection, this, [this] {
            QTcpSocket *socket = m_server.nextPendingConnection();
            connect(socket, &QTcpSocket::readyRead, this, [this, socket] {
                request += socket->readAll();
                if (request.endsWith("}\n")) {
                    socket->write(m_answer);
                    socket->disconnectFromHost();
                }
            });
        });
    }
    [[nodiscard]] bool isSimulated() const override { return false; }
    [[nodiscard]] QUrl baseUrl() const override
    {
        return QUrl(QStringLiteral("http://127.0.0.1:%1/v1").arg(m_server.serverPort()));
    }
    QByteArray request;

private:
    QTcpServer m_server;
    QByteArray m_answer;
};

} // namespace

class TestSetupAssistant : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void scanFindsAndAdds();
    void recognisesKeys_data();
    void recognisesKeys();
    void snippetsHaveUrlAndKey();
    void snippetsWithoutAKey();
    void snippetsAreValidCode_data();
    void snippetsAreValidCode();
    void contentSplitAnywhere();
    void testRequestMakesAKeyAndStreams();
    void testRequestExplainsAnError();
    void finishForgetsTheKey();
};

void TestSetupAssistant::scanFindsAndAdds()
{
    PanelFixture panel(true);
    SetupAssistant &setup = *panel.app.setup();
    QVERIFY(panel.app.firstRunNeeded());
    setup.scan();
    QVERIFY(setup.isScanning());
    QTRY_VERIFY(setup.isScanned());
    // The demo has an Ollama only; port 8080 is the gateway's own and not asked at all.
    QCOMPARE(setup.found().size(), 1);
    const QVariantMap ollama = setup.found().constFirst().toMap();
    QCOMPARE(ollama.value(QStringLiteral("label")).toString(), QStringLiteral("Ollama"));
    QCOMPARE(ollama.value(QStringLiteral("modelCount")).toInt(), 3);
    QVERIFY(!ollama.value(QStringLiteral("added")).toBool());
    QSignalSpy added(&setup, &SetupAssistant::backendAdded);
    setup.addFound(0);
    QVERIFY(added.wait());
    QCOMPARE(added[0][0].toString(), QStringLiteral("ollama"));
    QVERIFY(setup.found().constFirst().toMap().value(QStringLiteral("added")).toBool());
    QVERIFY(setup.models().contains(QStringLiteral("llama3.2:3b")));
    QVERIFY(!panel.app.firstRunNeeded());
}

void TestSetupAssistant::recognisesKeys_data()
{
    QTest::addColumn<QString>("key");
    QTest::addColumn<QString>("type");
    const auto row = [](const char *key, const char *type) {
        QTest::newRow(key) << QString::fromLatin1(key) << QString::fromLatin1(type);
    };
    row("sk-ant-api03-abc", "anthropic");
    row("sk-or-v1-abc", "openrouter");
    row("gsk_abc", "groq");
    row("AIzaSyabc", "gemini");
    row("sk-proj-abc", "openai");
    row(" sk-abc ", "openai");
    row("hello", "");
}

void TestSetupAssistant::recognisesKeys()
{
    QFETCH(QString, key);
    QFETCH(QString, type);
    QCOMPARE(SetupAssistant::recognise(key).value(QStringLiteral("type")).toString(), type);
}

void TestSetupAssistant::snippetsHaveUrlAndKey()
{
    const QVariantList snippets =
        SetupAssistant::makeSnippets(QStringLiteral("http://127.0.0.1:8080/v1"),
                                     QStringLiteral("tg-abc"), QStringLiteral("fast"));
    QStringList ids;
    for (const QVariant &value : snippets) {
        const QVariantMap snippet = value.toMap();
        const QString text = snippet.value(QStringLiteral("text")).toString();
        ids << snippet.value(QStringLiteral("id")).toString();
        QVERIFY2(text.contains(QStringLiteral("http://127.0.0.1:8080/v1")), qPrintable(text));
        QVERIFY2(text.contains(QStringLiteral("tg-abc")), qPrintable(text));
        QVERIFY2(!text.contains(u'%'), qPrintable(text));
    }
    QCOMPARE(ids.join(u' '), QStringLiteral("curl python javascript environment langchain"));
}

void TestSetupAssistant::snippetsWithoutAKey()
{
    const QVariantList snippets = SetupAssistant::makeSnippets(
        QStringLiteral("http://127.0.0.1:8080/v1"), QString(), QStringLiteral("fast"));
    for (const QVariant &value : snippets) {
        const QString text = value.toMap().value(QStringLiteral("text")).toString();
        QVERIFY2(text.contains(QStringLiteral("TIDEGATE_API_KEY")), qPrintable(text));
        QVERIFY2(!text.contains(QStringLiteral("\"$TIDEGATE_API_KEY\", model")), qPrintable(text));
    }
}

void TestSetupAssistant::snippetsAreValidCode_data()
{
    QTest::addColumn<QString>("id");
    QTest::addColumn<QString>("checker");
    QTest::addColumn<QStringList>("arguments");
    QTest::newRow("python") << QStringLiteral("python") << QStringLiteral("python3")
                            << QStringList{
                                   QStringLiteral("-c"),
                                   QStringLiteral("import ast,sys;ast.parse(sys.stdin.read())")};
    QTest::newRow("langchain") << QStringLiteral("langchain") << QStringLiteral("python3")
                               << QStringList{
                                      QStringLiteral("-c"),
                                      QStringLiteral("import ast,sys;ast.parse(sys.stdin.read())")};
    QTest::newRow("javascript") << QStringLiteral("javascript") << QStringLiteral("node")
                                << QStringList{QStringLiteral("--input-type=module"),
                                               QStringLiteral("--check"), QStringLiteral("-")};
    QTest::newRow("curl") << QStringLiteral("curl") << QStringLiteral("sh")
                          << QStringList{QStringLiteral("-n")};
    QTest::newRow("environment") << QStringLiteral("environment") << QStringLiteral("sh")
                                 << QStringList{QStringLiteral("-n")};
}

void TestSetupAssistant::snippetsAreValidCode()
{
    QFETCH(QString, id);
    QFETCH(QString, checker);
    QFETCH(QStringList, arguments);
    const QString program = QStandardPaths::findExecutable(checker);
    if (program.isEmpty()) {
        QSKIP("its interpreter is not installed");
    }
    for (const QString &key : {QStringLiteral("tg-abc"), QString()}) {
        const QVariantList snippets = SetupAssistant::makeSnippets(
            QStringLiteral("http://127.0.0.1:8080/v1"), key, QStringLiteral("a \"model\"\\"));
        for (const QVariant &snippet : snippets) {
            if (snippet.toMap().value(QStringLiteral("id")).toString() != id) {
                continue;
            }
            QProcess process;
            process.start(program, arguments);
            process.write(snippet.toMap().value(QStringLiteral("text")).toString().toUtf8());
            process.closeWriteChannel();
            QVERIFY(process.waitForFinished(20'000));
            QVERIFY2(process.exitCode() == 0, process.readAllStandardError().constData());
        }
    }
}

void TestSetupAssistant::contentSplitAnywhere()
{
    const QByteArray stream =
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\r\n\r\n"
        ": ping\n\n"
        "data: {\"choices\":[{\"delta\":{\"content\":\"Grüß\"}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"content\":\" Gott\"}}]}\n\n"
        "data: {\"choices\":[],\"usage\":{}}\n\n"
        "data: [DONE]\n\n";
    for (qsizetype at = 0; at <= stream.size(); ++at) {
        QByteArray buffer = stream.left(at);
        QString text = SetupAssistant::takeContent(buffer);
        buffer += stream.mid(at);
        text += SetupAssistant::takeContent(buffer);
        QCOMPARE(text, QStringLiteral("Grüß Gott"));
        QVERIFY(buffer.isEmpty());
    }
}

void TestSetupAssistant::testRequestMakesAKeyAndStreams()
{
    HttpLink link("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
                  "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\ndata: [DONE]\n\n");
    link.start();
    SessionSecrets secrets(nullptr);
    BackendsModel backends(link, secrets);
    SetupAssistant setup(link, backends);
    setup.sendTestRequest(QStringLiteral("fast"));
    QVERIFY(setup.isTestRunning());
    QTRY_VERIFY(!setup.isTestRunning());
    QVERIFY2(setup.isTestPassed(), qPrintable(setup.testText()));
    QCOMPARE(setup.testText(), QStringLiteral("Hello"));
    QVERIFY(!setup.clientKey().isEmpty());
    QVERIFY(link.request.contains("POST /v1/chat/completions HTTP/1.1"));
    // Qt 6.8 writes the names of fields in lower case.
    QVERIFY(link.request.contains(
        QByteArray("uthorization: Bearer " + setup.clientKey().toLatin1() + "\r\n")));
    QVERIFY(link.request.contains("\"stream\": true"));
}

void TestSetupAssistant::testRequestExplainsAnError()
{
    const QByteArray body = "{\"error\":{\"message\":\"No backend serves fast.\"}}";
    HttpLink link("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: " +
                  QByteArray::number(body.size()) + "\r\n\r\n" + body);
    link.start();
    SessionSecrets secrets(nullptr);
    BackendsModel backends(link, secrets);
    SetupAssistant setup(link, backends);
    setup.setClientKey(QStringLiteral("tg-x"));
    setup.sendTestRequest(QStringLiteral("fast"));
    QTRY_VERIFY(!setup.isTestRunning());
    QVERIFY(!setup.isTestPassed());
    QVERIFY2(setup.testText().contains(QStringLiteral("404")) &&
                 setup.testText().contains(QStringLiteral("No backend serves fast.")),
             qPrintable(setup.testText()));
}

void TestSetupAssistant::finishForgetsTheKey()
{
    PanelFixture panel(true);
    SetupAssistant &setup = *panel.app.setup();
    setup.makeClientKey();
    setup.makeClientKey();
    QTRY_VERIFY(!setup.clientKey().isEmpty());
    QCOMPARE(panel.app.keys()->count(), 1);
    panel.app.finishSetup();
    QVERIFY(setup.clientKey().isEmpty());
    QVERIFY(!panel.app.firstRunNeeded());
}

QTEST_MAIN(TestSetupAssistant)
#include "tst_setupassistant.moc"
