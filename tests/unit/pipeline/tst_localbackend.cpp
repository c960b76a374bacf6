// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/localbackend.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace tidegate;

class LocalBackendTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void echoes();
    void streamsWordByWord();
    void noopSaysNothing();
    void embeds();
};

namespace {

const QByteArray kHello =
    R"({"model":"m","messages":[{"role":"user","content":"hello \"big\" world"}]})";

QJsonObject parsed(const QByteArray &json)
{
    return QJsonDocument::fromJson(json).object();
}

// The events' deltas, joined; checks that all are valid JSON but the last, which is [DONE].
QString streamedText(const std::vector<QByteArray> &events)
{
    QString text;
    for (size_t i = 0; i + 1 < events.size(); ++i) {
        const QJsonObject chunk = parsed(events[i].mid(6));
        const QJsonArray choices = chunk.value(QStringLiteral("choices")).toArray();
        text += choices.at(0)
                    .toObject()
                    .value(QStringLiteral("delta"))
                    .toObject()
                    .value(QStringLiteral("content"))
                    .toString();
    }
    return text;
}

} // namespace

void LocalBackendTest::echoes()
{
    const LocalAnswer answer = answerLocally({.requestId = "r-1", .model = "m", .body = kHello});
    const QJsonObject object = parsed(answer.body);
    QCOMPARE(object.value(QStringLiteral("id")).toString(), QStringLiteral("r-1"));
    const QJsonObject choice = object.value(QStringLiteral("choices")).toArray().at(0).toObject();
    QCOMPARE(choice.value(QStringLiteral("message"))
                 .toObject()
                 .value(QStringLiteral("content"))
                 .toString(),
             QStringLiteral("Echo: hello \"big\" world"));
    QCOMPARE(answer.usage.input, 3);
    QCOMPARE(answer.usage.output, 4);
}

void LocalBackendTest::streamsWordByWord()
{
    const LocalAnswer answer = answerLocally(
        {.stream = true, .includeUsage = true, .requestId = "r", .model = "m", .body = kHello});
    // role, four words, finish, usage, [DONE]
    QCOMPARE(answer.events.size(), size_t(8));
    QCOMPARE(answer.events.back(), "data: [DONE]\n\n");
    QCOMPARE(streamedText(answer.events), QStringLiteral("Echo: hello \"big\" world"));
    QVERIFY(answer.events[6].contains(R"("choices":[],"usage":{)"));
    QVERIFY(answer.events[5].contains(R"("finish_reason":"stop")"));
}

void LocalBackendTest::noopSaysNothing()
{
    const LocalAnswer answer = answerLocally(
        {.echo = false, .stream = true, .requestId = "r", .model = "m", .body = kHello});
    QCOMPARE(streamedText(answer.events), QString());
    QCOMPARE(answer.usage.output, 0);
}

void LocalBackendTest::embeds()
{
    const QByteArray body = R"({"model":"m","input":"some text"})";
    LocalRequest request{
        .endpoint = Endpoint::Embeddings, .requestId = "r", .model = "m", .body = body};
    const QJsonArray floats = parsed(answerLocally(request).body)
                                  .value(QStringLiteral("data"))
                                  .toArray()
                                  .at(0)
                                  .toObject()
                                  .value(QStringLiteral("embedding"))
                                  .toArray();
    QCOMPARE(floats.size(), 16);
    request.base64 = true;
    const QByteArray raw = QByteArray::fromBase64(parsed(answerLocally(request).body)
                                                      .value(QStringLiteral("data"))
                                                      .toArray()
                                                      .at(0)
                                                      .toObject()
                                                      .value(QStringLiteral("embedding"))
                                                      .toString()
                                                      .toLatin1());
    QCOMPARE(raw.size(), qsizetype(16 * sizeof(float)));
    float first = 0;
    memcpy(&first, raw.constData(), sizeof(first));
    QCOMPARE(double(first), floats.at(0).toDouble());
}

QTEST_APPLESS_MAIN(LocalBackendTest)
#include "tst_localbackend.moc"
