// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/base/money.h"

#include <QTest>

#include <limits>

using namespace tidegate;

namespace {

constexpr qint64 kLargest = std::numeric_limits<qint64>::max();

} // namespace

class TestMoney : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void readsDecimals_data();
    void readsDecimals();
    void refusesEverythingElse_data();
    void refusesEverythingElse();
    void writesNineDecimals_data();
    void writesNineDecimals();
    void readsWhatItWrites();
    void staysAtItsBounds();
    void compares();
};

void TestMoney::readsDecimals_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<qint64>("nano");
    QTest::newRow("zero") << QByteArray("0") << qint64(0);
    QTest::newRow("whole") << QByteArray("12") << qint64(12'000'000'000);
    QTest::newRow("leading zeros") << QByteArray("0012.50") << qint64(12'500'000'000);
    QTest::newRow("a cent") << QByteArray("0.01") << qint64(10'000'000);
    QTest::newRow("what floats get wrong") << QByteArray("0.1") << qint64(100'000'000);
    QTest::newRow("smallest") << QByteArray("0.000000001") << qint64(1);
    QTest::newRow("negative") << QByteArray("-0.5") << qint64(-500'000'000);
    QTest::newRow("minus zero") << QByteArray("-0") << qint64(0);
    QTest::newRow("largest") << QByteArray("9223372036.854775807") << kLargest;
    QTest::newRow("smallest of all") << QByteArray("-9223372036.854775807") << -kLargest;
}

void TestMoney::readsDecimals()
{
    QFETCH(QByteArray, text);
    QFETCH(qint64, nano);
    const auto money = Money::parse(text);
    QVERIFY(money);
    QCOMPARE(money->nano(), nano);
}

void TestMoney::refusesEverythingElse_data()
{
    QTest::addColumn<QByteArray>("text");
    for (const char *text : {"",
                             "-",
                             ".",
                             ".5",
                             "5.",
                             "-.5",
                             "+1",
                             " 1",
                             "1 ",
                             "1,5",
                             "1e3",
                             "1E-9",
                             "0x10",
                             "1.5.0",
                             "--1",
                             "1-",
                             "nan",
                             "inf",
                             "1.0000000000",
                             "0.0000000001",
                             "9223372036.854775808",
                             "9223372037",
                             "99999999999999999999999999",
                             "-9223372036.854775808",
                             "1_000",
                             "$1",
                             "\xd9\xa1"}) {
        QTest::addRow("\"%s\"", text) << QByteArray(text);
    }
    QTest::newRow("zero byte") << QByteArray("1\0002", 3);
}

void TestMoney::refusesEverythingElse()
{
    QFETCH(QByteArray, text);
    QVERIFY(!Money::parse(text));
}

void TestMoney::writesNineDecimals_data()
{
    QTest::addColumn<qint64>("nano");
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("zero") << qint64(0) << QByteArray("0.000000000");
    QTest::newRow("one") << qint64(1'000'000'000) << QByteArray("1.000000000");
    QTest::newRow("smallest") << qint64(1) << QByteArray("0.000000001");
    QTest::newRow("negative") << qint64(-1) << QByteArray("-0.000000001");
    QTest::newRow("largest") << kLargest << QByteArray("9223372036.854775807");
    QTest::newRow("lowest number there is")
        << std::numeric_limits<qint64>::min() << QByteArray("-9223372036.854775808");
}

void TestMoney::writesNineDecimals()
{
    QFETCH(qint64, nano);
    QFETCH(QByteArray, text);
    QCOMPARE(Money::fromNano(nano).toString(), text);
}

void TestMoney::readsWhatItWrites()
{
    // Steps over the whole range, none of them a round number.
    for (qint64 nano = -kLargest; nano < kLargest - 92'233'720'368'547'757;
         nano += 92'233'720'368'547'757) {
        const Money money = Money::fromNano(nano);
        QCOMPARE(Money::parse(money.toString()), money);
    }
}

void TestMoney::staysAtItsBounds()
{
    const Money largest = Money::fromNano(kLargest);
    const Money lowest = Money::fromNano(-kLargest);
    const Money one = Money::fromNano(1);
    QCOMPARE(largest + one, largest);
    QCOMPARE(lowest - one - one, lowest);
    QCOMPARE(largest - lowest, largest);
    QCOMPARE(lowest + lowest, lowest);
    Money doubled = largest;
    doubled += doubled;
    QCOMPARE(doubled, largest);
    QCOMPARE(largest - largest, Money());
    QVERIFY((one - one).isZero());
}

void TestMoney::compares()
{
    QVERIFY(Money::fromNano(-1) < Money());
    QVERIFY(Money::fromNano(2) > Money::fromNano(1));
    QCOMPARE(Money(), Money::fromNano(0));
}

QTEST_APPLESS_MAIN(TestMoney)
#include "tst_money.moc"
