// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/keygenerator.h"
#include "gateway/policy/keyring.h"

#include <QElapsedTimer>
#include <QRegularExpression>
#include <QSet>
#include <QTest>

using namespace tidegate;

namespace {

std::string_view view(const QByteArray &bytes)
{
    return {bytes.constData(), size_t(bytes.size())};
}

ClientKey record(const GeneratedKey &key, const QString &name)
{
    ClientKey result;
    result.name = name;
    result.sha256 = key.sha256;
    result.prefix = key.prefix;
    return result;
}

} // namespace

/// KeyRing and KeyGenerator.
class TestKeyRing : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void hashIsSha256();
    void keysAreLongDistinctAndPlain();
    void prefixHidesShortKeys();
    void findsOnlyWhatWasAdded();
    void laterKeyOfTheSameHashCounts();
    void saysHowLongAMatchHolds();
    void findsTeamsByTheirId();
    void lookUpIsFast();
};

void TestKeyRing::hashIsSha256()
{
    QCOMPARE(KeyGenerator::hash("abc").toHex(),
             QByteArray("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    QCOMPARE(KeyGenerator::hash({}).toHex(),
             QByteArray("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
}

void TestKeyRing::keysAreLongDistinctAndPlain()
{
    static const QRegularExpression form(QStringLiteral("^tg-[A-Za-z0-9_-]{43}$"));
    QSet<QByteArray> seen;
    for (int i = 0; i < 1000; ++i) {
        const GeneratedKey key = KeyGenerator::generate();
        QVERIFY2(form.match(QString::fromLatin1(key.plaintext)).hasMatch(), key.plaintext);
        QCOMPARE(key.sha256, KeyGenerator::hash(view(key.plaintext)));
        QCOMPARE(key.prefix, QStringLiteral("tg-…") + QString::fromLatin1(key.plaintext.right(4)));
        seen.insert(key.plaintext);
    }
    QCOMPARE(seen.size(), 1000);
}

void TestKeyRing::prefixHidesShortKeys()
{
    QCOMPARE(KeyGenerator::prefix("sk-0123456789abcdef-9f3a1"), QStringLiteral("sk-…f3a1"));
    QCOMPARE(KeyGenerator::prefix("short"), QStringLiteral("…"));
    QCOMPARE(KeyGenerator::prefix({}), QStringLiteral("…"));
}

void TestKeyRing::findsOnlyWhatWasAdded()
{
    KeyRing ring;
    const GeneratedKey a = KeyGenerator::generate();
    const GeneratedKey b = KeyGenerator::generate();
    ring.add(record(a, QStringLiteral("a")));
    ring.add(record(b, QStringLiteral("b")));

    QCOMPARE(ring.all().size(), size_t(2));
    QVERIFY(ring.find(view(a.plaintext)));
    QCOMPARE(ring.find(view(a.plaintext))->name, QStringLiteral("a"));
    QCOMPARE(ring.find(view(b.plaintext))->name, QStringLiteral("b"));
    QVERIFY(!ring.find({}));
    QVERIFY(!ring.find(view(a.plaintext.chopped(1))));
    QVERIFY(!ring.find(view(a.plaintext + 'x')));
    QVERIFY(!ring.find(view(a.sha256))); // the hash itself opens nothing
    QVERIFY(!ring.find(view(a.sha256.toHex())));
}

void TestKeyRing::laterKeyOfTheSameHashCounts()
{
    KeyRing ring;
    const GeneratedKey key = KeyGenerator::generate();
    ring.add(record(key, QStringLiteral("stored")));
    ring.add(record(key, QStringLiteral("file")));
    QCOMPARE(ring.find(view(key.plaintext))->name, QStringLiteral("file"));
}

void TestKeyRing::saysHowLongAMatchHolds()
{
    const QDateTime soon = QDateTime::fromMSecsSinceEpoch(2'000'000).toUTC();
    const QDateTime later = QDateTime::fromMSecsSinceEpoch(3'000'000).toUTC();
    const GeneratedKey now = KeyGenerator::generate();
    const GeneratedKey before = KeyGenerator::generate();
    ClientKey key = record(now, QStringLiteral("rotated"));
    key.previousSha256 = before.sha256;
    key.previousUntil = soon;
    {
        KeyRing ring;
        ring.add(key);
        QCOMPARE(ring.find(view(now.plaintext)).validUntilMs, qint64(0));
        const KeyRing::Match old = ring.find(view(before.plaintext));
        QCOMPARE(old.key, ring.find(view(now.plaintext)).key);
        QCOMPARE(old.validUntilMs, qint64(2'000'000));
    }
    key.expiresAt = later;
    {
        KeyRing ring;
        ring.add(key);
        QCOMPARE(ring.find(view(now.plaintext)).validUntilMs, qint64(3'000'000));
        QCOMPARE(ring.find(view(before.plaintext)).validUntilMs, qint64(2'000'000));
    }
    std::swap(key.expiresAt, key.previousUntil);
    {
        KeyRing ring;
        ring.add(key);
        QCOMPARE(ring.find(view(before.plaintext)).validUntilMs, qint64(2'000'000));
    }
    key.revokedAt = soon;
    KeyRing ring;
    ring.add(key);
    QVERIFY(!ring.find(view(now.plaintext)));
    QVERIFY(!ring.find(view(before.plaintext)));
}

void TestKeyRing::findsTeamsByTheirId()
{
    KeyRing ring;
    for (const qint64 id : {qint64(3), qint64(-7)}) {
        Team team;
        team.id = id;
        team.name = QString::number(id);
        ring.add(std::move(team));
    }
    QCOMPARE(ring.team(3)->name, QStringLiteral("3"));
    QCOMPARE(ring.team(-7)->name, QStringLiteral("-7"));
    QVERIFY(!ring.team(0));
    QVERIFY(!ring.team(4));
}

void TestKeyRing::lookUpIsFast()
{
    KeyRing ring;
    std::vector<QByteArray> keys;
    for (int i = 0; i < 1000; ++i) {
        const GeneratedKey key = KeyGenerator::generate();
        keys.push_back(key.plaintext);
        ring.add(record(key, QString::number(i)));
    }
    constexpr int kRounds = 100'000;
    QElapsedTimer timer;
    timer.start();
    int found = 0;
    for (int i = 0; i < kRounds; ++i) {
        found += ring.find(view(keys[size_t(i) % keys.size()])) ? 1 : 0;
    }
    qInfo("%.0f ns for each look-up", double(timer.nsecsElapsed()) / kRounds);
    QCOMPARE(found, kRounds);
}

QTEST_APPLESS_MAIN(TestKeyRing)
#include "tst_keyring.moc"
