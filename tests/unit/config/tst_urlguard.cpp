// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/urlguard.h"

#include <QTest>

using namespace Qt::StringLiterals;
using tidegate::UrlGuard;

class TestUrlGuard : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void classifies_data()
    {
        using Kind = UrlGuard::AddressKind;
        QTest::addColumn<QString>("address");
        QTest::addColumn<int>("kind");
        const auto row = [](const char *address, Kind kind) {
            QTest::newRow(address) << QString::fromLatin1(address) << int(kind);
        };
        row("8.8.8.8", Kind::Public);
        row("2606:4700::1111", Kind::Public);
        row("127.0.0.1", Kind::Loopback);
        row("127.255.0.9", Kind::Loopback);
        row("::1", Kind::Loopback);
        row("::ffff:127.0.0.1", Kind::Loopback);
        row("10.1.2.3", Kind::Private);
        row("172.16.0.1", Kind::Private);
        row("172.31.255.255", Kind::Private);
        row("172.32.0.1", Kind::Public);
        row("192.168.1.1", Kind::Private);
        row("100.64.0.1", Kind::Private);
        row("100.127.0.1", Kind::Private);
        row("100.128.0.1", Kind::Public);
        row("fd12::1", Kind::Private);
        row("::ffff:10.0.0.1", Kind::Private);
        row("169.254.1.1", Kind::LinkLocal);
        row("fe80::1", Kind::LinkLocal);
        row("febf::1", Kind::LinkLocal);
        row("::ffff:169.254.9.9", Kind::LinkLocal);
        row("169.254.169.254", Kind::Metadata);
        row("::ffff:a9fe:a9fe", Kind::Metadata);
        row("64:ff9b::a9fe:a9fe", Kind::Metadata);
        row("2002:a9fe:a9fe::1", Kind::Metadata);
        row("::a9fe:a9fe", Kind::Metadata);
        row("fd00:ec2::254", Kind::Metadata);
        row("fd20:ce::254", Kind::Metadata);
        row("100.100.100.200", Kind::Metadata);
        row("168.63.129.16", Kind::Metadata);
        row("0.0.0.0", Kind::Unusable);
        row("::", Kind::Unusable);
        row("224.0.0.1", Kind::Unusable);
        row("255.255.255.255", Kind::Unusable);
        row("ff02::1", Kind::Unusable);
    }
    void classifies()
    {
        QFETCH(QString, address);
        QFETCH(int, kind);
        QCOMPARE(int(UrlGuard::classify(QHostAddress(address))), kind);
    }

    void readsEverySpelling_data()
    {
        QTest::addColumn<QString>("host");
        QTest::addColumn<QString>("address");
        const auto row = [](const char *host, const char *address) {
            QTest::newRow(host) << QString::fromLatin1(host) << QString::fromLatin1(address);
        };
        row("169.254.169.254", "169.254.169.254");
        row("2852039166", "169.254.169.254");
        row("0xA9FEA9FE", "169.254.169.254");
        row("0xa9.0xfe.0xa9.0xfe", "169.254.169.254");
        row("0251.0376.0251.0376", "169.254.169.254");
        row("025177524776", "169.254.169.254");
        row("169.254.43518", "169.254.169.254");
        row("169.16689662", "169.254.169.254");
        row("169.254.169.254.", "169.254.169.254");
        row("127.1", "127.0.0.1");
        row("[::1]", "::1");
        row("[::ffff:169.254.169.254]", "::ffff:169.254.169.254");
        row("example.com", "");
        row("1.2.3.4.5", "");
        row("256.1.1.1", "");
        row("4294967296", "");
        row("08.1.1.1", "");
        row("1..2", "");
        row("", "");
        row("-1", "");
    }
    void readsEverySpelling()
    {
        QFETCH(QString, host);
        QFETCH(QString, address);
        const auto found = UrlGuard::literalAddress(host);
        QCOMPARE(found ? found->toString() : QString(), address);
    }

    void refusesHosts_data()
    {
        QTest::addColumn<QString>("host");
        QTest::addColumn<bool>("allowed");
        const auto row = [](const char *host, bool allowed) {
            QTest::newRow(host) << QString::fromLatin1(host) << allowed;
        };
        row("api.openai.com", true);
        row("localhost", true);
        row("127.0.0.1", true);
        row("192.168.1.20", true);
        row("gpu-box", true);
        row("metadata.google.internal", false);
        row("METADATA.google.internal.", false);
        row("metadata", false);
        row("instance-data", false);
        row("2852039166", false);
        row("[fe80::1%eth0]", false);
        row("[::ffff:a9fe:a9fe]", false);
        row("100.100.100.200", false);
        row("0.0.0.0", false);
    }
    void refusesHosts()
    {
        QFETCH(QString, host);
        QFETCH(bool, allowed);
        const auto result = UrlGuard::checkHost(host);
        QCOMPARE(bool(result), allowed);
        QVERIFY(allowed || !result.error().isEmpty());
    }

    void judgesResolvedAddresses()
    {
        const auto judge = [](const QString &host, const char *address, bool allow) {
            return bool(
                UrlGuard::checkResolved(host, QHostAddress(QString::fromLatin1(address)), allow));
        };
        QVERIFY(judge(u"api.example.com"_s, "8.8.8.8", false));
        QVERIFY(!judge(u"api.example.com"_s, "127.0.0.1", false));
        QVERIFY(!judge(u"api.example.com"_s, "10.0.0.1", false));
        QVERIFY(!judge(u"api.example.com"_s, "::ffff:10.0.0.1", false));
        QVERIFY(judge(u"api.example.com"_s, "10.0.0.1", true));
        QVERIFY(!judge(u"api.example.com"_s, "169.254.169.254", true));
        QVERIFY(!judge(u"api.example.com"_s, "fe80::1", true));
        QVERIFY(judge(u"localhost"_s, "127.0.0.1", false));
        QVERIFY(judge(u"localhost"_s, "::1", false));
        QVERIFY(judge(u"192.168.1.4"_s, "192.168.1.4", false));
    }
};

QTEST_GUILESS_MAIN(TestUrlGuard)
#include "tst_urlguard.moc"
