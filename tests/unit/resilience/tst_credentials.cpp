// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/circuitbreaker.h"
#include "gateway/resilience/credentials.h"
#include "gateway/resilience/settleattempt.h"

#include <QTest>

#include <atomic>
#include <map>
#include <random>
#include <thread>

using namespace tidegate;

namespace {

constexpr qint64 kMs = 1'000'000;
constexpr qint64 kSecond = 1000 * kMs;
constexpr qint64 kStart = 1'000'000 * kSecond;
constexpr qint64 kDeadNs = Credentials::kDeadMs * kMs;
constexpr qint64 kDayMs = 86'400'000;

constexpr Verdict kSuccess{Disposition::Success, Fault::None, 200};
constexpr Verdict kRefused{Disposition::CredentialsDead, Fault::Key, 401};
constexpr Verdict kLimited{Disposition::RateLimited, Fault::RateLimit, 429};
constexpr Verdict kBroken{Disposition::Transient, Fault::ServerError, 500};

std::vector<Secret> keys(int count)
{
    std::vector<Secret> made;
    for (int i = 0; i < count; ++i) {
        made.emplace_back("sk-test-0123456789-" + QByteArray::number(1000 + i));
    }
    return made;
}

QByteArray lentKey(Credentials &credentials, qint64 nowNs)
{
    const auto lent = credentials.lend(nowNs);
    return lent ? lent->key.reveal().right(4) : QByteArray("none");
}

} // namespace

/// Credentials and settleAttempt(), over hours of a clock that the test moves and by eight threads.
class TestCredentials : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void turns();
    void noKeyNeeded();
    void refusedKeyIsOutAtOnce();
    void theOnlyKeyStays();
    void comesBackOnTrial();
    void coolsForRetryAfter();
    void allOut();
    void lateSuccessRevivesNothing();
    void otherOutcomesTouchNothing();
    void editsKeepState();
    void byHand();
    void snapshotTellsNoSecret();
    void rateLimitIsTheKeys();
    void lastKeyClosesTheLane();
    void laneWithoutKeys();
    void threads();
    void neverLendsWhatIsOut();
    void lendAndSettle();
};

void TestCredentials::turns()
{
    Credentials credentials(keys(3));
    QByteArrayList seen;
    for (int i = 0; i < 7; ++i) {
        seen.append(lentKey(credentials, kStart));
    }
    QCOMPARE(seen.join(' '), QByteArray("1000 1001 1002 1000 1001 1002 1000"));
}

void TestCredentials::noKeyNeeded()
{
    Credentials credentials;
    const auto lent = credentials.lend(kStart);
    QVERIFY(lent && lent->key.isEmpty());
    QCOMPARE(lent->id, 0U);
    credentials.settle(lent->id, kRefused, std::nullopt, kStart);
    QVERIFY(credentials.lend(kStart));
    QVERIFY(credentials.anyReady(kStart));
    QCOMPARE(credentials.readyAtNs(kStart), kStart);
    QVERIFY(!credentials.allCooling(kStart));
    QVERIFY(credentials.snapshot(kStart).empty());
}

void TestCredentials::refusedKeyIsOutAtOnce()
{
    Credentials credentials(keys(2));
    const auto first = credentials.lend(kStart);
    credentials.settle(first->id, kRefused, std::nullopt, kStart);
    for (int i = 0; i < 10; ++i) {
        QCOMPARE(lentKey(credentials, kStart + i), QByteArray("1001"));
    }
    const CredentialInfo info = credentials.snapshot(kStart)[0];
    QCOMPARE(info.state, CredentialState::Dead);
    QCOMPARE(info.fault, Fault::Key);
    QCOMPARE(info.untilNs, kStart + kDeadNs);
    QCOMPARE(info.lent, 1);
}

void TestCredentials::theOnlyKeyStays()
{
    Credentials credentials(keys(1));
    const quint64 id = credentials.lend(kStart)->id;
    credentials.settle(id, kRefused, std::nullopt, kStart);
    QVERIFY(credentials.lend(kStart)); // the client hears what the backend says
    credentials.settle(id, kLimited, std::nullopt, kStart);
    QVERIFY(credentials.lend(kStart));
    QCOMPARE(credentials.snapshot(kStart)[0].state, CredentialState::Ready);
}

void TestCredentials::comesBackOnTrial()
{
    Credentials credentials(keys(2));
    credentials.settle(credentials.lend(kStart)->id, kRefused, std::nullopt, kStart);
    credentials.settle(credentials.lend(kStart)->id, kLimited, kDayMs, kStart);
    QVERIFY(!credentials.lend(kStart + kDeadNs - 1));
    const qint64 now = kStart + kDeadNs;
    QCOMPARE(credentials.snapshot(now)[0].state, CredentialState::OnTrial);
    // One request at a time finds out; the next only when that one may be lost.
    const auto trial = credentials.lend(now);
    QVERIFY(trial);
    QVERIFY(!credentials.lend(now));
    QCOMPARE(credentials.readyAtNs(now), now + Credentials::kTrialMs * kMs);
    QVERIFY(credentials.lend(now + Credentials::kTrialMs * kMs));
    credentials.settle(trial->id, kSuccess, std::nullopt, now);
    QVERIFY(credentials.lend(now));
    QCOMPARE(credentials.snapshot(now)[0].state, CredentialState::Ready);
    QCOMPARE(credentials.snapshot(now)[0].fault, Fault::None);

    // Refused again: out again for as long.
    Credentials still(keys(2));
    still.settle(still.lend(kStart)->id, kRefused, std::nullopt, kStart);
    still.settle(still.lend(kStart)->id, kLimited, kDayMs, kStart);
    still.settle(still.lend(now)->id, kRefused, std::nullopt, now);
    QCOMPARE(still.readyAtNs(now), now + kDeadNs);
}

void TestCredentials::coolsForRetryAfter()
{
    Credentials credentials(keys(1));
    const quint64 id = credentials.lend(kStart)->id;
    credentials.settle(id, kLimited, 2000, kStart);
    QVERIFY(credentials.allCooling(kStart));
    QVERIFY(!credentials.lend(kStart + 2 * kSecond - 1));
    QCOMPARE(credentials.readyAtNs(kStart), kStart + 2 * kSecond);
    const auto again = credentials.lend(kStart + 2 * kSecond);
    QVERIFY(again);
    QCOMPARE(credentials.snapshot(kStart + 2 * kSecond)[0].state, CredentialState::Ready);
    // Several that were on their way: the latest counts.
    credentials.settle(id, kLimited, 60'000, kStart);
    credentials.settle(id, kLimited, 1000, kStart);
    QCOMPARE(credentials.readyAtNs(kStart), kStart + 60 * kSecond);
    // Without a word, a little; with an absurd one, a day.
    Credentials silent(keys(2));
    silent.settle(silent.lend(kStart)->id, kLimited, std::nullopt, kStart);
    silent.settle(silent.lend(kStart)->id, kLimited, std::nullopt, kStart);
    QCOMPARE(silent.readyAtNs(kStart), kStart + Credentials::kCoolMs * kMs);
    Credentials absurd(keys(1));
    absurd.settle(absurd.lend(kStart)->id, kLimited, std::numeric_limits<qint64>::max(), kStart);
    QCOMPARE(absurd.readyAtNs(kStart), kStart + 86'400 * kSecond);
}

void TestCredentials::allOut()
{
    Credentials credentials(keys(3));
    std::vector<quint64> ids;
    for (int i = 0; i < 3; ++i) {
        ids.push_back(credentials.lend(kStart)->id);
    }
    credentials.settle(ids[0], kRefused, std::nullopt, kStart);
    credentials.settle(ids[1], kLimited, 90'000, kStart);
    credentials.settle(ids[2], kLimited, 30'000, kStart);
    QVERIFY(!credentials.lend(kStart));
    QVERIFY(!credentials.anyReady(kStart));
    QVERIFY(!credentials.allCooling(kStart)); // one of them is dead
    QCOMPARE(credentials.readyAtNs(kStart), kStart + 30 * kSecond);
    QCOMPARE(lentKey(credentials, kStart + 30 * kSecond), QByteArray("1002"));
}

void TestCredentials::lateSuccessRevivesNothing()
{
    Credentials credentials(keys(2));
    const quint64 id = credentials.lend(kStart)->id;
    credentials.settle(credentials.lend(kStart)->id, kLimited, kDayMs, kStart);
    credentials.settle(id, kRefused, std::nullopt, kStart);
    credentials.settle(id, kSuccess, std::nullopt, kStart + kSecond); // a stream from before
    credentials.settle(id, kLimited, 1000, kStart + kSecond);
    QCOMPARE(credentials.snapshot(kStart + 5 * kSecond)[0].state, CredentialState::Dead);
    QCOMPARE(credentials.readyAtNs(kStart), kStart + kDeadNs);
}

void TestCredentials::otherOutcomesTouchNothing()
{
    Credentials credentials(keys(1));
    const quint64 id = credentials.lend(kStart)->id;
    for (const Disposition disposition :
         {Disposition::Success, Disposition::Transient, Disposition::ContextTooLong,
          Disposition::ClientFault, Disposition::Cancelled}) {
        credentials.settle(id, {disposition, Fault::Request, 400}, 120'000, kStart);
        QVERIFY(credentials.anyReady(kStart));
    }
}

void TestCredentials::editsKeepState()
{
    Credentials credentials(keys(3));
    const quint64 dead = credentials.lend(kStart)->id;
    const quint64 removed = credentials.lend(kStart)->id;
    credentials.settle(dead, kRefused, std::nullopt, kStart);
    // The second one goes, a new one comes, the first and one of them twice.
    const std::vector<Secret> all = keys(4);
    credentials.setKeys({all[3], all[2], all[3], all[0]});
    const std::vector<CredentialInfo> infos = credentials.snapshot(kStart);
    QCOMPARE(infos.size(), 3U);
    QCOMPARE(infos[0].tail, QByteArray("1003"));
    QCOMPARE(infos[0].state, CredentialState::Ready);
    QCOMPARE(infos[2].tail, QByteArray("1000"));
    QCOMPARE(infos[2].state, CredentialState::Dead);
    // A report on a key that is gone harms none of those that came.
    credentials.settle(removed, kRefused, std::nullopt, kStart);
    QCOMPARE(lentKey(credentials, kStart), QByteArray("1003"));
    QCOMPARE(lentKey(credentials, kStart), QByteArray("1002"));
    QCOMPARE(lentKey(credentials, kStart), QByteArray("1003"));
}

void TestCredentials::byHand()
{
    Credentials credentials(keys(1));
    credentials.settle(credentials.lend(kStart)->id, kRefused, std::nullopt, kStart);
    credentials.reset();
    QVERIFY(credentials.lend(kStart) && credentials.lend(kStart));
}

void TestCredentials::snapshotTellsNoSecret()
{
    Credentials credentials({Secret("sk-0123456789abcdef"), Secret("short"), Secret("elevenchars"),
                             Secret("twelve-chars")});
    QByteArrayList tails;
    for (const CredentialInfo &info : credentials.snapshot(kStart)) {
        tails.append(info.tail);
    }
    QCOMPARE(tails, QByteArrayList({"cdef", "", "", "hars"}));
}

void TestCredentials::rateLimitIsTheKeys()
{
    CircuitBreaker breaker({}, 1);
    Credentials credentials(keys(2));
    const auto limited = credentials.lend(kStart);
    for (int i = 0; i < 20; ++i) {
        BreakerPermit permit = breaker.acquire(kStart);
        settleAttempt(permit, credentials, limited->id, kLimited, 60'000, kStart);
        QVERIFY(!permit);
    }
    // The lane is as it was: the other key serves it.
    QCOMPARE(breaker.snapshot(kStart).requests, 0);
    QVERIFY(breaker.wouldAllow(kStart));
    QCOMPARE(lentKey(credentials, kStart), QByteArray("1001"));
    // A refused key is no failure of the lane either, also when it is the last.
    BreakerPermit permit = breaker.acquire(kStart);
    settleAttempt(permit, credentials, credentials.lend(kStart)->id, kRefused, std::nullopt,
                  kStart);
    QCOMPARE(breaker.snapshot(kStart).requests, 0);
    // The backend's own failures are.
    permit = breaker.acquire(kStart);
    settleAttempt(permit, credentials, limited->id, kBroken, std::nullopt, kStart);
    QCOMPARE(breaker.snapshot(kStart).failures, 1);
}

void TestCredentials::lastKeyClosesTheLane()
{
    CircuitBreaker breaker({}, 1);
    Credentials credentials(keys(2));
    const auto first = credentials.lend(kStart);
    const auto second = credentials.lend(kStart);
    BreakerPermit one = breaker.acquire(kStart);
    BreakerPermit two = breaker.acquire(kStart);
    settleAttempt(one, credentials, first->id, kLimited, 30'000, kStart);
    settleAttempt(two, credentials, second->id, kLimited, 120'000, kStart);
    const BreakerSnapshot snapshot = breaker.snapshot(kStart);
    QCOMPARE(snapshot.state, BreakerState::Open);
    QCOMPARE(snapshot.reason, BreakerReason::RetryAfter);
    QCOMPARE(snapshot.fault, Fault::RateLimit);
    QCOMPARE(snapshot.openUntilNs, kStart + 30 * kSecond); // when the first is ready again
    QVERIFY(breaker.acquire(kStart + 30 * kSecond));
    QVERIFY(credentials.lend(kStart + 30 * kSecond));
}

void TestCredentials::laneWithoutKeys()
{
    CircuitBreaker breaker({}, 1);
    Credentials credentials;
    BreakerPermit permit = breaker.acquire(kStart);
    settleAttempt(permit, credentials, 0, kLimited, 2000, kStart);
    QCOMPARE(breaker.snapshot(kStart).openUntilNs, kStart + 2 * kSecond);
    QCOMPARE(breaker.snapshot(kStart).failures, 1);
}

void TestCredentials::threads()
{
    // Keys come, go and fail while eight threads use them; the count of what was lent is exact.
    Credentials credentials(keys(4));
    std::atomic<qint64> lent = 0;
    std::atomic<int> running = 8;
    std::vector<std::thread> threads;
    for (quint32 t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            std::mt19937 random(t);
            for (int i = 0; i < 20'000; ++i) {
                const qint64 now = kStart + i * kMs;
                if (const auto credential = credentials.lend(now)) {
                    ++lent;
                    credentials.settle(credential->id, random() % 50 == 0 ? kLimited : kSuccess, 5,
                                       now);
                }
            }
            --running;
        });
    }
    while (running > 0) {
        std::vector<Secret> turned = keys(4);
        std::rotate(turned.begin(), turned.begin() + 1, turned.end());
        credentials.setKeys(turned);
        credentials.setKeys(keys(4));
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    qint64 counted = 0;
    for (const CredentialInfo &info : credentials.snapshot(kStart)) {
        counted += info.lent;
    }
    QCOMPARE(counted, lent.load());
    QVERIFY(lent > 1000);
}

void TestCredentials::neverLendsWhatIsOut()
{
    std::mt19937_64 random(11);
    Credentials credentials(keys(5));
    std::map<quint64, qint64> outUntil;
    qint64 now = kStart;
    int none = 0;
    for (int i = 0; i < 200'000; ++i) {
        now += qint64(random() % quint64(2 * kSecond));
        const qint64 readyAt = credentials.readyAtNs(now);
        const auto lent = credentials.lend(now);
        QCOMPARE(bool(lent), readyAt <= now);
        if (!lent) {
            ++none;
            now = readyAt;
            continue;
        }
        QVERIFY(now >= outUntil[lent->id]);
        switch (random() % 4) {
        case 0:
            credentials.settle(lent->id, kRefused, std::nullopt, now);
            outUntil[lent->id] = now + kDeadNs;
            break;
        case 1: {
            const qint64 ms = qint64(1 + random() % 600'000);
            credentials.settle(lent->id, kLimited, ms, now);
            outUntil[lent->id] = now + ms * kMs;
            break;
        }
        default:
            credentials.settle(lent->id, kSuccess, std::nullopt, now);
        }
    }
    QVERIFY(none > 100);
}

void TestCredentials::lendAndSettle()
{
    Credentials credentials(keys(3));
    QBENCHMARK
    {
        const auto lent = credentials.lend(kStart);
        credentials.settle(lent->id, kSuccess, std::nullopt, kStart);
    }
}

QTEST_APPLESS_MAIN(TestCredentials)
#include "tst_credentials.moc"
