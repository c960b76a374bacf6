// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/requestid.h"

#include <QSet>
#include <QTest>
#include <QUuid>

using namespace tidegate;

class RequestIdTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void keepsGoodOnes();
    void makesUuids();
};

void RequestIdTest::keepsGoodOnes()
{
    QCOMPARE(requestIdFor("my-id_1"), "my-id_1");
    QCOMPARE(requestIdFor(std::string(128, 'x')).size(), 128);
    for (const std::string &bad :
         {std::string(), std::string(129, 'x'), std::string("a b"), std::string("a\x7f"),
          std::string("\xc3\xa9"), std::string("a\tb")}) {
        QCOMPARE(requestIdFor(bad).size(), 36);
    }
}

void RequestIdTest::makesUuids()
{
    QSet<QByteArray> seen;
    for (int i = 0; i < 1000; ++i) {
        const QByteArray id = requestIdFor({});
        const QUuid uuid = QUuid::fromString(QLatin1StringView(id));
        QCOMPARE(uuid.version(), QUuid::Random);
        QCOMPARE(uuid.variant(), QUuid::DCE);
        QVERIFY(!seen.contains(id));
        seen.insert(id);
    }
}

QTEST_APPLESS_MAIN(RequestIdTest)
#include "tst_requestid.moc"
