// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/forwardedfields.h"

#include <QTest>

using namespace tidegate;

class ForwardedFieldsTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void request();
    void answer();
};

void ForwardedFieldsTest::request()
{
    HttpRequest request;
    request.fields = {{"Host", "x"},
                      {"Authorization", "Bearer tg-secret"},
                      {"X-Api-Key", "tg-secret"},
                      {"Cookie", "a=b"},
                      {"Content-Type", "application/json"},
                      {"OpenAI-Beta", "v2"},
                      {"Connection", "keep-alive, X-Hop"},
                      {"x-hop", "1"},
                      {"Accept-Encoding", "gzip"},
                      {"X-Tidegate-Backend", "b"},
                      {"x-stainless-os", "Linux"},
                      {"Idempotency-Key", "k"},
                      {"Sec-Fetch-Mode", "cors"},
                      {"X-Vendor", "kept"}};
    const std::vector<QByteArray> expected{"Content-Type: application/json", "OpenAI-Beta: v2",
                                           "Idempotency-Key: k", "X-Vendor: kept"};
    QCOMPARE(forwardedRequestFields(request), expected);
}

void ForwardedFieldsTest::answer()
{
    UpstreamHead upstream;
    upstream.fields = {{"content-type", "text/plain"},
                       {"set-cookie", "a=b"},
                       {"x-vendor", "kept"},
                       {"connection", "x-hop"},
                       {"x-hop", "1"},
                       {"content-length", "3"},
                       {"access-control-allow-origin", "*"},
                       {"x-ratelimit-limit-requests", "9"},
                       {"x-request-id", "theirs"},
                       {"retry-after", "7"},
                       {"content-encoding", "gzip"}};
    ResponseHead head(200);
    addForwardedAnswerFields(upstream, head, AnswerBody::Relayed);
    QCOMPARE(head.fields, "content-type: text/plain\r\nx-vendor: kept\r\nretry-after: 7\r\n"
                          "content-encoding: gzip\r\n");
    ResponseHead replaced(502);
    addForwardedAnswerFields(upstream, replaced, AnswerBody::Replaced);
    QCOMPARE(replaced.fields, "x-vendor: kept\r\nretry-after: 7\r\n");
}

QTEST_APPLESS_MAIN(ForwardedFieldsTest)
#include "tst_forwardedfields.moc"
