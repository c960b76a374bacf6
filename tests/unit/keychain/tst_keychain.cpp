// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/common/keychainsecretsource.h"

#include <QElapsedTimer>
#include <QScopeGuard>
#include <QSignalSpy>
#include <QTest>

#include <array>
#include <csignal>
#include <optional>

using namespace tidegate;
using namespace std::chrono_literals;

namespace {

using Slot = std::optional<SecretSource::Answer>;

SecretSource::Reply into(Slot &slot)
{
    return [&slot](SecretSource::Answer answer) { slot = std::move(answer); };
}

const QString kName = QStringLiteral("tidegate-test");

} // namespace

/// KeychainSecretSource; each function in the surroundings that run-keychain-test makes for it.
class TestKeychain : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void unlocked();
    void locked();
    void silent();
    void withoutSession();
    void withoutGlib();

private:
    static void answersUnavailableAtOnce();
};

void TestKeychain::unlocked()
{
    KeychainSecretSource source(5s);
    const Secret first(QByteArray("sk-first"));
    const Secret second(QByteArray("sk-zweiter-Schlüssel"));

    Slot missing;
    source.read(kName, into(missing));
    QVERIFY(!missing); // never from within the call
    QTRY_VERIFY(missing);
    QCOMPARE(missing->state, KeyState::Missing);
    QVERIFY(missing->secret.isEmpty());

    // All at once: they are asked in order.
    Slot wrote;
    Slot read;
    Slot overwrote;
    Slot readAgain;
    source.write(kName, first, into(wrote));
    source.read(kName, into(read));
    source.write(kName, second, into(overwrote));
    source.read(kName, into(readAgain));
    QTRY_VERIFY(wrote && read && overwrote && readAgain);
    QVERIFY2(wrote->state == KeyState::Ready, qPrintable(wrote->message));
    QVERIFY2(read->state == KeyState::Ready, qPrintable(read->message));
    QCOMPARE(read->secret.reveal(), first.reveal());
    QCOMPARE(readAgain->secret.reveal(), second.reveal());

    // Another program run finds it too.
    KeychainSecretSource other(5s);
    Slot found;
    other.read(kName, into(found));
    QTRY_VERIFY(found);
    QCOMPARE(found->secret.reveal(), second.reveal());

    Slot removed;
    Slot gone;
    Slot removedAgain;
    source.remove(kName, into(removed));
    source.read(kName, into(gone));
    source.remove(kName, into(removedAgain));
    QTRY_VERIFY(removed && gone && removedAgain);
    QCOMPARE(removed->state, KeyState::Ready);
    QCOMPARE(gone->state, KeyState::Missing);
    QCOMPARE(removedAgain->state, KeyState::Ready);
}

void TestKeychain::locked()
{
    KeychainSecretSource source(5s);
    Slot read;
    Slot wrote;
    source.write(kName, Secret(QByteArray("sk-1")), into(wrote));
    source.read(kName, into(read));
    QTRY_VERIFY_WITH_TIMEOUT(read && wrote, 7'000);
    QVERIFY2(wrote->state == KeyState::Locked, qPrintable(wrote->message));
    QVERIFY2(wrote->message.contains(QStringLiteral("Unlock")), qPrintable(wrote->message));
    // A prompt that is refused looks like a missing entry, so the message names both.
    QVERIFY2(read->state == KeyState::Locked || read->state == KeyState::Missing,
             qPrintable(read->message));
    QVERIFY2(read->message.contains(QStringLiteral("locked")), qPrintable(read->message));
    QVERIFY(read->secret.isEmpty());
}

void TestKeychain::silent()
{
    const pid_t keyring = qEnvironmentVariableIntValue("TIDEGATE_TEST_KEYRING_PID");
    QVERIFY(keyring > 0);
    KeychainSecretSource source(700ms);
    Slot wrote;
    source.write(kName, Secret(QByteArray("sk-1")), into(wrote));
    QTRY_VERIFY(wrote);
    QCOMPARE(wrote->state, KeyState::Ready);

    QVERIFY(::kill(keyring, SIGSTOP) == 0);
    const auto wakeUp = qScopeGuard([keyring] { ::kill(keyring, SIGCONT); });
    QElapsedTimer timer;
    timer.start();
    std::array<Slot, 3> slots;
    for (Slot &slot : slots) {
        source.read(kName, into(slot));
    }
    for (const Slot &slot : slots) {
        QTRY_VERIFY(slot);
        QVERIFY2(slot->state == KeyState::Locked, qPrintable(slot->message));
        QVERIFY2(slot->message.contains(QStringLiteral("did not answer")),
                 qPrintable(slot->message));
        QVERIFY(slot->secret.isEmpty());
    }
    // Nobody waits for the time-outs of those before.
    QVERIFY2(timer.elapsed() < 2'000, qPrintable(QString::number(timer.elapsed())));

    QSignalSpy again(&source, &KeychainSecretSource::answersAgain);
    ::kill(keyring, SIGCONT);
    QTRY_COMPARE(again.count(), 1);
    Slot read;
    source.read(kName, into(read));
    QTRY_VERIFY(read);
    QCOMPARE(read->secret.reveal(), QByteArray("sk-1"));

    // A source that goes while its question is open: the answer comes to nobody.
    ::kill(keyring, SIGSTOP);
    auto leaving = std::make_unique<KeychainSecretSource>(100ms);
    Slot unanswered;
    leaving->read(kName, into(unanswered));
    QTRY_VERIFY(unanswered);
    leaving.reset();
    ::kill(keyring, SIGCONT);
    Slot last;
    source.read(kName, into(last));
    QTRY_VERIFY(last);
    QCOMPARE(last->state, KeyState::Ready);
}

void TestKeychain::answersUnavailableAtOnce()
{
    QElapsedTimer timer;
    timer.start();
    KeychainSecretSource source;
    Slot read;
    Slot wrote;
    source.read(kName, into(read));
    source.write(kName, Secret(QByteArray("sk-1")), into(wrote));
    QVERIFY(!read);
    QTRY_VERIFY(read && wrote);
    QVERIFY2(timer.elapsed() < 2'000, qPrintable(QString::number(timer.elapsed())));
    QCOMPARE(read->state, KeyState::Unavailable);
    QCOMPARE(wrote->state, KeyState::Unavailable);
    QVERIFY2(read->message.contains(QStringLiteral("No keychain can be used here")),
             qPrintable(read->message));
    qInfo("%s", qPrintable(read->message));
}

void TestKeychain::withoutSession()
{
    answersUnavailableAtOnce();
}

void TestKeychain::withoutGlib()
{
    answersUnavailableAtOnce();
}

QTEST_GUILESS_MAIN(TestKeychain)
#include "tst_keychain.moc"
