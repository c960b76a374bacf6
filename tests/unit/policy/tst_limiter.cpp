// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/limiter.h"
#include "gateway/policy/slidingwindow.h"
#include "gateway/policy/tokenbucket.h"
#include "tests/unit/policy/policytestclock.h"

#include <QHostAddress>
#include <QTest>

#include <atomic>
#include <deque>
#include <thread>

using namespace tidegate;

namespace {

constexpr qint64 kSecondNs = 1'000'000'000;
constexpr qint64 kMinuteNs = 60 * kSecondNs;
constexpr qint64 kYearNs = qint64(365) * 86400 * kSecondNs;

struct Use
{
    qint64 atNs;
    qint64 amount;
};

// In [from, to], by adding up.
qint64 used(const std::vector<Use> &uses, qint64 fromNs, qint64 toNs)
{
    qint64 sum = 0;
    for (const Use &use : uses) {
        sum += use.atNs >= fromNs && use.atNs <= toNs ? use.amount : 0;
    }
    return sum;
}

// A request that has been admitted and not yet settled.
struct Running
{
    LimiterGrant grant;
    size_t use; ///< its index
};

LimiterGrant granted(std::variant<LimiterGrant, Refusal> &&result)
{
    if (Refusal *refusal = std::get_if<Refusal>(&result)) {
        qWarning("refused: %s", refusal->message.constData());
        return {};
    }
    return std::move(std::get<LimiterGrant>(result));
}

Refusal refused(std::variant<LimiterGrant, Refusal> &&result)
{
    Refusal *refusal = std::get_if<Refusal>(&result);
    return refusal ? *refusal : Refusal{0, "admitted", {}, {}, {}, {}};
}

LimitScope key(const Limits &limits, qint64 id = 1)
{
    return LimitScope::key(id, limits);
}

std::variant<LimiterGrant, Refusal> admit(Limiter &limiter, const LimitScope &scope, qint64 tokens,
                                          PolicyTime now)
{
    return limiter.admit({&scope, 1}, tokens, now);
}

void seeds()
{
    QTest::addColumn<quint32>("seed");
    for (quint32 seed = 1; seed <= 12; ++seed) {
        QTest::addRow("seed %u", seed) << seed;
    }
}

} // namespace

/// Limiter, against oracles that keep the whole history and add up.
class TestLimiter : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void bucketNeverPassesItsBound_data() { seeds(); }
    void bucketNeverPassesItsBound();
    void bucketEqualsItsOracle_data() { seeds(); }
    void bucketEqualsItsOracle();
    void windowNeverPassesItsLimit_data() { seeds(); }
    void windowNeverPassesItsLimit();
    void windowEqualsItsOracle_data() { seeds(); }
    void windowEqualsItsOracle();
    void daysNeverPassTheirLimit_data() { seeds(); }
    void daysNeverPassTheirLimit();
    void waitsAreExact_data() { seeds(); }
    void waitsAreExact();

    void allScopesOrNone();
    void tooLargeIsForEver();
    void concurrencyIsGivenBackOnce();
    void cancelLeavesNoTrace();
    void lateRefundLiftsNothing();
    void whatManyReservedComesBack();
    void overrunDelaysTheNext();
    void editsKeepWhatIsUsed();
    void dayIsNotRepeatedByTheClock();
    void dayIsRestored();
    void statusIsTheTightest();
    void addressesAreBounded();
    void evictionGivesNobodyMore();
    void networksOfIpv6AreOne();
    void usageIsShown();

    void streamsOfFiftyOnAHundred();
    void threadsNeverPassALimit();
    void admitAndSettle();
};

void TestLimiter::bucketNeverPassesItsBound()
{
    QFETCH(quint32, seed);
    PolicyTestClock clock(seed);
    Limits limits;
    limits.tokensPerMinute = clock.anyScale(1, 5000);
    Limiter limiter;
    std::vector<Use> uses;
    std::deque<Running> running;
    int refusals = 0;
    const qint64 startNs = clock.now.monotonicNs;
    for (int step = 0; step < 6000; ++step) {
        // Bursts, with a rest of up to weeks now and then: years in all.
        clock.advanceNs(clock.number(0, 400) == 0 ? clock.anyScale(kMinuteNs, kYearNs / 2)
                                                  : clock.anyScale(1, 5 * kSecondNs));
        if (clock.number(0, 2) > 0) {
            const qint64 tokens = clock.anyScale(1, limits.tokensPerMinute);
            auto result = admit(limiter, key(limits), tokens, clock.now);
            if (auto *grant = std::get_if<LimiterGrant>(&result)) {
                running.push_back({std::move(*grant), uses.size()});
                uses.push_back({clock.now.monotonicNs, tokens});
            } else {
                ++refusals;
            }
        } else if (!running.empty()) {
            const size_t which = size_t(clock.number(0, qint64(running.size()) - 1));
            Running &one = running[which];
            qint64 &actual = uses[one.use].amount;
            actual = clock.number(0, 3) == 0 ? actual : clock.number(0, actual);
            if (actual == 0 && clock.number(0, 1) == 0) {
                limiter.cancel(one.grant, clock.now);
            } else {
                limiter.settle(one.grant, actual, clock.now);
            }
            running.erase(running.begin() + qptrdiff(which));
        }
    }
    QVERIFY(refusals > 50);
    QVERIFY(clock.now.monotonicNs - startNs > kYearNs / 100);
    for (size_t from = 0; from < uses.size(); ++from) {
        qint64 sum = 0;
        for (size_t to = from; to < uses.size(); ++to) {
            const qint64 spanNs = uses[to].atNs - uses[from].atNs;
            if (spanNs > 10 * kMinuteNs) {
                break;
            }
            sum += uses[to].amount;
            // One microsecond for the clock's floor.
            const long double bound = (long double)limits.tokensPerMinute *
                                      (kMinuteNs + spanNs + 1000) / (long double)kMinuteNs;
            QVERIFY2((long double)sum <= bound,
                     qPrintable(QStringLiteral("%1 tokens in %2 ns of a limit of %3")
                                    .arg(sum)
                                    .arg(spanNs)
                                    .arg(limits.tokensPerMinute)));
        }
    }
}

// Everything is settled at once, so that the level is that of the plain textbook.
void TestLimiter::bucketEqualsItsOracle()
{
    QFETCH(quint32, seed);
    PolicyTestClock clock(seed);
    const qint64 limit = clock.anyScale(1, 100'000);
    Limits limits;
    limits.tokensPerMinute = limit;
    Limiter limiter;
    long double level = limit; // 64 bits of mantissa: exact here to far below a token
    qint64 atUs = clock.now.monotonicNs / 1000;
    for (int step = 0; step < 5000; ++step) {
        clock.advanceNs(clock.anyScale(1, clock.number(0, 9) == 0 ? kYearNs / 100 : kSecondNs * 9));
        const qint64 nowUs = clock.now.monotonicNs / 1000;
        level = std::min<long double>(limit, level + (long double)limit * (nowUs - atUs) / 60e6L);
        atUs = nowUs;
        const qint64 tokens = clock.anyScale(1, limit);
        const qint64 actual = clock.number(0, tokens + tokens / 4);
        auto result = admit(limiter, key(limits), tokens, clock.now);
        const bool expected = level + 1e-6L >= tokens;
        QCOMPARE(std::holds_alternative<LimiterGrant>(result), expected);
        if (auto *grant = std::get_if<LimiterGrant>(&result)) {
            level -= tokens;
            QCOMPARE(grant->status().tokens.remaining, qint64(std::floor(level + 1e-6L)));
            const qint64 resetMs = qint64(std::ceil((limit - level) * 60e3L / limit - 1e-4L));
            QVERIFY(std::abs(grant->status().tokens.resetMs - resetMs) <= 1);
            limiter.settle(*grant, actual, clock.now);
            level = std::min<long double>(limit, level + tokens - actual);
        } else {
            const Refusal &refusal = std::get<Refusal>(result);
            QCOMPARE(refusal.code, "token_limit_exceeded");
            QCOMPARE(refusal.limits.tokens.remaining,
                     std::max<qint64>(0, qint64(std::floor(level + 1e-6L))));
        }
    }
}

void TestLimiter::windowNeverPassesItsLimit()
{
    QFETCH(quint32, seed);
    PolicyTestClock clock(seed);
    Limits limits;
    limits.algorithm = LimitAlgorithm::SlidingWindow;
    limits.tokensPerMinute = clock.anyScale(1, 3000);
    limits.requestsPerMinute = clock.anyScale(1, 500);
    Limiter limiter;
    std::vector<Use> tokensUsed;
    std::vector<Use> requests;
    std::deque<Running> running;
    int refusals = 0;
    for (int step = 0; step < 6000; ++step) {
        clock.advanceNs(clock.number(0, 400) == 0 ? clock.anyScale(kMinuteNs, kYearNs / 2)
                                                  : clock.anyScale(1, kSecondNs));
        if (clock.number(0, 2) > 0) {
            const qint64 tokens =
                clock.anyScale(1, std::max<qint64>(1, limits.tokensPerMinute / 9));
            auto result = admit(limiter, key(limits), tokens, clock.now);
            if (auto *grant = std::get_if<LimiterGrant>(&result)) {
                running.push_back({std::move(*grant), tokensUsed.size()});
                tokensUsed.push_back({clock.now.monotonicNs, tokens});
                requests.push_back({clock.now.monotonicNs, 1});
            } else {
                ++refusals;
            }
        } else if (!running.empty()) {
            Running &one = running.front();
            qint64 &actual = tokensUsed[one.use].amount;
            if (clock.number(0, 9) == 0) {
                actual = 0;
                requests[one.use].amount = 0;
                limiter.cancel(one.grant, clock.now);
            } else {
                actual = clock.number(0, actual);
                limiter.settle(one.grant, actual, clock.now);
            }
            running.pop_front();
        }
    }
    QVERIFY(refusals > 50);
    // Every window that ends with a request; half-open, so 60 s later is another window.
    for (const auto &[uses, limit] : {std::pair(&tokensUsed, limits.tokensPerMinute),
                                      std::pair(&requests, limits.requestsPerMinute)}) {
        qint64 sum = 0;
        size_t first = 0;
        for (size_t last = 0; last < uses->size(); ++last) {
            sum += (*uses)[last].amount;
            while ((*uses)[last].atNs - (*uses)[first].atNs >= kMinuteNs) {
                sum -= (*uses)[first].amount;
                ++first;
            }
            QVERIFY2(sum <= limit, qPrintable(QStringLiteral("%1 of %2").arg(sum).arg(limit)));
        }
    }
}

// Up to kExactUses the window is exact: admits whatever adding up says.
void TestLimiter::windowEqualsItsOracle()
{
    QFETCH(quint32, seed);
    PolicyTestClock clock(seed);
    const qint64 limit = clock.number(1, qint64(SlidingWindow::kExactUses));
    Limits limits;
    limits.algorithm = LimitAlgorithm::SlidingWindow;
    limits.requestsPerMinute = limit;
    Limiter limiter;
    std::vector<Use> uses;
    int refusals = 0;
    for (int step = 0; step < 4000; ++step) {
        clock.advanceNs(clock.anyScale(1, clock.number(0, 99) == 0 ? kYearNs / 9 : 9 * kSecondNs));
        const qint64 nowNs = clock.now.monotonicNs;
        const qint64 inWindow = used(uses, nowNs - kMinuteNs + 1, nowNs);
        auto result = admit(limiter, key(limits), 0, clock.now);
        QCOMPARE(std::holds_alternative<LimiterGrant>(result), inWindow < limit);
        if (auto *grant = std::get_if<LimiterGrant>(&result)) {
            uses.push_back({nowNs, 1});
            QCOMPARE(grant->status().requests.remaining, limit - inWindow - 1);
            QCOMPARE(grant->status().requests.resetMs, 60'000);
            limiter.settle(*grant, 0, clock.now);
        } else {
            ++refusals;
            const Use &oldest = uses[uses.size() - size_t(limit)];
            const qint64 waitNs = oldest.atNs + kMinuteNs - nowNs;
            QCOMPARE(*std::get<Refusal>(result).retryAfterMs, (waitNs + 999'999) / 1'000'000);
        }
    }
    QVERIFY(refusals > 100);
}

// Days of UTC with a wall clock that jumps: no stretch of a day between two resets passes the
// limit, and a reset never comes twice for one midnight.
void TestLimiter::daysNeverPassTheirLimit()
{
    QFETCH(quint32, seed);
    PolicyTestClock clock(seed);
    constexpr qint64 kDayUs = 86'400'000'000;
    Limits limits;
    limits.tokensPerDay = 1000;
    Limiter limiter;
    std::map<qint64, qint64> usedByDay;
    qint64 day = 0; // the oracle's: the latest that was ever shown
    qint64 wrongNowUs = 0;
    for (int step = 0; step < 20'000; ++step) {
        clock.advanceNs(clock.anyScale(kSecondNs, 3600 * kSecondNs * 6));
        if (clock.number(0, 50) == 0) {
            // Wrong by up to 11 hours: never 24 behind what it showed, when it would be believed.
            const qint64 wrongUs = clock.number(-11, 11) * 3'600'000'000;
            clock.now.wallUs += wrongUs - wrongNowUs;
            wrongNowUs = wrongUs;
        }
        day = std::max(day, clock.now.wallUs / kDayUs);
        const qint64 tokens = clock.number(1, 600);
        auto result = admit(limiter, key(limits), tokens, clock.now);
        const bool fits = usedByDay[day] + tokens <= 1000;
        QCOMPARE(std::holds_alternative<LimiterGrant>(result), fits);
        if (auto *grant = std::get_if<LimiterGrant>(&result)) {
            const qint64 actual = clock.number(0, tokens);
            limiter.settle(*grant, actual, clock.now);
            usedByDay[day] += actual;
        } else {
            const Refusal &refusal = std::get<Refusal>(result);
            QCOMPARE(refusal.code, "daily_token_limit");
            QVERIFY(*refusal.retryAfterMs <= 44 * 3'600'000);
        }
    }
    QVERIFY(usedByDay.size() > 300);
}

// One millisecond before Retry-After the same request is refused, at it admitted, whatever mixture
// of scopes and limits stood in its way.
void TestLimiter::waitsAreExact()
{
    QFETCH(quint32, seed);
    PolicyTestClock clock(seed);
    Limiter limiter;
    int waits = 0;
    for (int step = 0; step < 5000; ++step) {
        if (step % 100 == 0) {
            clock.advanceNs(clock.anyScale(kSecondNs, kYearNs / 100));
        }
        clock.advanceNs(clock.anyScale(1, kSecondNs));
        std::vector<LimitScope> scopes;
        for (int i = 0; i < 3; ++i) {
            Limits limits;
            limits.algorithm = i == 1 ? LimitAlgorithm::SlidingWindow : LimitAlgorithm::TokenBucket;
            limits.requestsPerMinute = 7 + seed * 13 * quint32(i);
            limits.tokensPerMinute = 1000 + seed * 97 * quint32(i);
            limits.tokensPerDay = i == 2 ? 400'000 : 0;
            scopes.push_back({ScopeKind(i), i == 2 ? 0 : 5, i == 2 ? "m" : "", limits});
        }
        const qint64 tokens = clock.anyScale(1, 1000);
        auto result = limiter.admit(scopes, tokens, clock.now);
        if (Refusal *refusal = std::get_if<Refusal>(&result)) {
            ++waits;
            QVERIFY(refusal->retryAfterMs.has_value());
            QVERIFY(*refusal->retryAfterMs >= 1);
            clock.advanceMs(*refusal->retryAfterMs - 1);
            QVERIFY(std::holds_alternative<Refusal>(limiter.admit(scopes, tokens, clock.now)));
            clock.advanceMs(1);
            result = limiter.admit(scopes, tokens, clock.now);
        }
        LimiterGrant grant = granted(std::move(result));
        QVERIFY(grant.isActive());
        limiter.settle(grant, clock.number(0, tokens + 100), clock.now);
    }
    QVERIFY(waits > 500);
}

void TestLimiter::allScopesOrNone()
{
    PolicyTestClock clock(1);
    Limiter limiter;
    Limits wide;
    wide.requestsPerMinute = 100;
    wide.tokensPerMinute = 1000;
    wide.tokensPerDay = 5000;
    wide.maxConcurrency = 50;
    Limits narrow;
    narrow.tokensPerMinute = 100;
    const std::array scopes = {LimitScope::key(1, wide), LimitScope::team(1, narrow)};
    LimiterGrant first = granted(limiter.admit(scopes, 80, clock.now));
    QVERIFY(first.isActive());
    for (int i = 0; i < 10; ++i) {
        const Refusal refusal = refused(limiter.admit(scopes, 80, clock.now));
        QCOMPARE(refusal.code, "token_limit_exceeded");
        QCOMPARE(refusal.scope, ScopeKind::Team);
        QCOMPARE(refusal.status, 429);
    }
    for (const LimitUsage &usage : limiter.usage(clock.now)) {
        QCOMPARE(usage.inFlight, 1);
        QCOMPARE(usage.tokens, 80);
        if (usage.kind == ScopeKind::Key) {
            QCOMPARE(usage.requests, 1);
            QCOMPARE(usage.tokensToday, 80);
        }
    }
    limiter.settle(first, 80, clock.now);
}

void TestLimiter::tooLargeIsForEver()
{
    PolicyTestClock clock(1);
    Limiter limiter;
    Limits limits;
    limits.tokensPerMinute = 100;
    limits.requestsPerMinute = 1;
    LimiterGrant grant = granted(admit(limiter, key(limits), 1, clock.now));
    // Waiting would satisfy the limit of requests, but never that of tokens.
    Refusal refusal = refused(admit(limiter, key(limits), 101, clock.now));
    QCOMPARE(refusal.code, "token_limit_exceeded");
    QVERIFY(!refusal.retryAfterMs);
    QVERIFY(refusal.message.contains("101"));

    limits = {};
    limits.tokensPerDay = 100;
    refusal = refused(admit(limiter, key(limits, 2), 101, clock.now));
    QCOMPARE(refusal.code, "daily_token_limit");
    QVERIFY(!refusal.retryAfterMs);
    limiter.settle(grant, 1, clock.now);
}

void TestLimiter::concurrencyIsGivenBackOnce()
{
    PolicyTestClock clock(1);
    Limiter limiter;
    Limits limits;
    limits.maxConcurrency = 2;
    LimiterGrant first = granted(admit(limiter, key(limits), 10, clock.now));
    LimiterGrant second = granted(admit(limiter, key(limits), 10, clock.now));
    const Refusal refusal = refused(admit(limiter, key(limits), 10, clock.now));
    QCOMPARE(refusal.code, "concurrency_limit_exceeded");
    QVERIFY(refusal.retryAfterMs.has_value());

    limiter.settle(first, 5, clock.now);
    limiter.settle(first, 5, clock.now);
    limiter.cancel(first, clock.now);
    LimiterGrant third = granted(admit(limiter, key(limits), 10, clock.now));
    QVERIFY(third.isActive());
    QCOMPARE(refused(admit(limiter, key(limits), 10, clock.now)).code,
             "concurrency_limit_exceeded");

    // Moved from is empty; dropped gives the slot back.
    {
        const LimiterGrant moved = std::move(second);
        QVERIFY(!second.isActive());
        QVERIFY(moved.isActive());
    }
    second = granted(admit(limiter, key(limits), 10, clock.now));
    QVERIFY(second.isActive());
    limiter.cancel(second, clock.now);
    limiter.settle(third, 0, clock.now);
    QCOMPARE(limiter.usage(clock.now).size(), size_t(0));
}

void TestLimiter::cancelLeavesNoTrace()
{
    PolicyTestClock clock(1);
    for (const LimitAlgorithm algorithm :
         {LimitAlgorithm::TokenBucket, LimitAlgorithm::SlidingWindow}) {
        Limiter limiter;
        Limits limits{3, 100, 200, 4, algorithm};
        for (int i = 0; i < 50; ++i) {
            LimiterGrant grant = granted(admit(limiter, key(limits), 100, clock.now));
            QVERIFY(grant.isActive());
            QCOMPARE(grant.status().requests.remaining, 2);
            QCOMPARE(grant.status().tokens.remaining, 0);
            limiter.cancel(grant, clock.now);
        }
        QCOMPARE(limiter.usage(clock.now).size(), size_t(0));
    }
}

void TestLimiter::lateRefundLiftsNothing()
{
    for (const LimitAlgorithm algorithm :
         {LimitAlgorithm::TokenBucket, LimitAlgorithm::SlidingWindow}) {
        PolicyTestClock clock(1);
        Limiter limiter;
        Limits limits{0, 100, 150, 0, algorithm};
        LimiterGrant first = granted(admit(limiter, key(limits), 100, clock.now));
        clock.advanceMs(60'000);
        LimiterGrant second = granted(admit(limiter, key(limits), 50, clock.now));
        QVERIFY(second.isActive());
        QCOMPARE(second.status().tokens.remaining, 0); // of the day's
        limiter.settle(first, 0, clock.now);
        const LimitUsage usage = limiter.usage(clock.now).at(0);
        QCOMPARE(usage.tokens, 50);
        QCOMPARE(usage.tokensToday, 50); // the day is the same, so that is given back
        clock.advanceMs(86'400'000);
        LimiterGrant tomorrow = granted(admit(limiter, key(limits), 100, clock.now));
        limiter.settle(second, 0, clock.now);
        QCOMPARE(limiter.usage(clock.now).at(0).tokensToday, 100);
        limiter.settle(tomorrow, 0, clock.now);
        QCOMPARE(limiter.usage(clock.now).size(), size_t(0));
    }
}

// Ten streams at once that reserve much and use little: the refill that they kept the bucket from
// missing is taken from their refunds once, not from each.
void TestLimiter::whatManyReservedComesBack()
{
    constexpr qint64 kLimit = 60'000;
    constexpr qint64 kUsed = 500;
    PolicyTestClock clock(1);
    Limiter limiter;
    const Limits limits{0, kLimit, 0, 0, LimitAlgorithm::TokenBucket};
    std::vector<LimiterGrant> streams;
    for (int i = 0; i < 10; ++i) {
        streams.push_back(granted(admit(limiter, key(limits), 4096, clock.now)));
    }
    clock.advanceMs(10'000);
    for (LimiterGrant &stream : streams) {
        limiter.settle(stream, kUsed, clock.now);
    }
    const LimitUsage usage = limiter.usage(clock.now).at(0);
    QVERIFY2(usage.tokens <= 10 * kUsed, qPrintable(QString::number(usage.tokens)));
}

void TestLimiter::overrunDelaysTheNext()
{
    for (const LimitAlgorithm algorithm :
         {LimitAlgorithm::TokenBucket, LimitAlgorithm::SlidingWindow}) {
        PolicyTestClock clock(1);
        Limiter limiter;
        Limits limits{0, 100, 0, 0, algorithm};
        LimiterGrant grant = granted(admit(limiter, key(limits), 10, clock.now));
        limiter.settle(grant, 160, clock.now);
        const Refusal refusal = refused(admit(limiter, key(limits), 10, clock.now));
        QCOMPARE(refusal.limits.tokens.remaining, 0);
        QCOMPARE(*refusal.retryAfterMs, algorithm == LimitAlgorithm::TokenBucket ? 42'000 : 60'000);
        // And when its minute is over, what was too much counts from then.
        clock.advanceMs(200'000);
        grant = granted(admit(limiter, key(limits), 10, clock.now));
        clock.advanceMs(100'000);
        limiter.settle(grant, 110, clock.now);
        QCOMPARE(refused(admit(limiter, key(limits), 1, clock.now)).code, "token_limit_exceeded");
    }
}

void TestLimiter::editsKeepWhatIsUsed()
{
    for (const LimitAlgorithm algorithm :
         {LimitAlgorithm::TokenBucket, LimitAlgorithm::SlidingWindow}) {
        PolicyTestClock clock(1);
        Limiter limiter;
        Limits limits{0, 100, 0, 0, algorithm};
        LimiterGrant grant = granted(admit(limiter, key(limits), 80, clock.now));
        limiter.settle(grant, 80, clock.now);
        limits.tokensPerMinute = 200;
        grant = granted(admit(limiter, key(limits), 100, clock.now));
        QCOMPARE(grant.status().tokens.remaining, 20);
        limiter.settle(grant, 100, clock.now);
        limits.tokensPerMinute = 50;
        QVERIFY(*refused(admit(limiter, key(limits), 1, clock.now)).retryAfterMs <= 60'000);
        limits.tokensPerMinute = 200;
        limits.algorithm = algorithm == LimitAlgorithm::TokenBucket ? LimitAlgorithm::SlidingWindow
                                                                    : LimitAlgorithm::TokenBucket;
        const Refusal refusal = refused(admit(limiter, key(limits), 200, clock.now));
        QVERIFY(refusal.limits.tokens.remaining <= 150);
        QVERIFY(refusal.retryAfterMs.has_value());
    }
}

void TestLimiter::dayIsNotRepeatedByTheClock()
{
    PolicyTestClock clock(1, 1'767'225'600'000'000 - 3'600'000'000); // 23:00
    Limiter limiter;
    Limits limits;
    limits.tokensPerDay = 100;
    const auto fits = [&] {
        auto result = admit(limiter, key(limits), 100, clock.now);
        if (auto *grant = std::get_if<LimiterGrant>(&result)) {
            limiter.settle(*grant, 100, clock.now);
            return true;
        }
        return false;
    };
    QVERIFY(fits());
    QVERIFY(!fits());
    clock.advanceMs(3'600'000); // midnight
    QVERIFY(fits());
    clock.now.wallUs -= 1'800'000'000; // 23:30 once more
    QVERIFY(!fits());
    clock.advanceMs(1'800'000); // the same midnight
    QVERIFY(!fits());
    clock.advanceMs(86'400'000); // the next
    QVERIFY(fits());

    // The clock was ten years ahead and is put right: the limit does not wait for ten years.
    clock.now.wallUs += qint64(3650) * 86'400'000'000;
    QVERIFY(fits());
    clock.now.wallUs -= qint64(3650) * 86'400'000'000;
    const Refusal refusal = refused(admit(limiter, key(limits), 100, clock.now));
    QCOMPARE(*refusal.retryAfterMs, 86'400'000);
    clock.advanceMs(86'400'000 - 1);
    QVERIFY(!fits());
    clock.advanceMs(1);
    QVERIFY(fits());
}

void TestLimiter::dayIsRestored()
{
    PolicyTestClock clock(1);
    Limiter limiter;
    Limits limits;
    limits.tokensPerDay = 100;
    limiter.restoreDay(key(limits), 70, clock.now);
    limiter.restoreDay(key(limits), 60, clock.now);
    QCOMPARE(refused(admit(limiter, key(limits), 31, clock.now)).code, "daily_token_limit");
    LimiterGrant grant = granted(admit(limiter, key(limits), 30, clock.now));
    QCOMPARE(grant.status().tokens.remaining, 0);
    limiter.settle(grant, 30, clock.now);
}

void TestLimiter::statusIsTheTightest()
{
    PolicyTestClock clock(1); // midnight
    Limiter limiter;
    Limits forKey;
    forKey.requestsPerMinute = 10;
    forKey.tokensPerDay = 500;
    Limits forTeam;
    forTeam.requestsPerMinute = 5;
    forTeam.tokensPerMinute = 1000;
    const std::array scopes = {LimitScope::key(1, forKey), LimitScope::team(1, forTeam)};
    LimiterGrant grant = granted(limiter.admit(scopes, 100, clock.now));
    QCOMPARE(grant.status().requests, (RateStatus{5, 4, 12'000}));
    QCOMPARE(grant.status().tokens, (RateStatus{500, 400, 86'400'000}));
    limiter.settle(grant, 0, clock.now);

    // No limit of a sort: nothing is said of it.
    Limits concurrencyOnly;
    concurrencyOnly.maxConcurrency = 1;
    grant = granted(admit(limiter, key(concurrencyOnly, 9), 5, clock.now));
    QCOMPARE(grant.status(), LimitStatus());
    limiter.settle(grant, 5, clock.now);
}

void TestLimiter::addressesAreBounded()
{
    PolicyTestClock clock(1);
    constexpr size_t kMax = 1000;
    Limiter limiter(kMax);
    Limits limits;
    limits.requestsPerMinute = 5;
    limits.algorithm = LimitAlgorithm::SlidingWindow;
    int admitted = 0;
    for (quint32 i = 0; i < 20'000; ++i) {
        clock.advanceNs(1000);
        auto result = admit(limiter, LimitScope::clientIp(QHostAddress(0x0a000000U + i), limits), 0,
                            clock.now);
        if (auto *grant = std::get_if<LimiterGrant>(&result)) {
            ++admitted;
            limiter.settle(*grant, 0, clock.now);
        }
    }
    // Beyond the bound all newcomers together get what one may use.
    QCOMPARE(admitted, int(kMax) + 5);
    QVERIFY(limiter.scopeCount() <= kMax + 1);
    // Those who were there first are not harmed, and keys and teams never are.
    LimiterGrant grant = granted(
        admit(limiter, LimitScope::clientIp(QHostAddress(0x0a000000U), limits), 0, clock.now));
    QCOMPARE(grant.status().requests.remaining, 3);
    limiter.settle(grant, 0, clock.now);
    grant = granted(admit(limiter, key(limits), 0, clock.now));
    QCOMPARE(grant.status().requests.remaining, 4);
    limiter.settle(grant, 0, clock.now);

    // A while later nobody uses anything, and the memory is free again.
    for (int i = 0; i < 200; ++i) {
        clock.advanceMs(61'000);
        LimiterGrant one = granted(admit(limiter, key(limits), 0, clock.now));
        limiter.settle(one, 0, clock.now);
    }
    QVERIFY(limiter.scopeCount() <= 2);
}

// With almost no room the decisions are the same as with plenty, as long as the bound is not hit
// by scopes that are in use.
void TestLimiter::evictionGivesNobodyMore()
{
    PolicyTestClock clock(7);
    Limiter tight(3);
    Limiter roomy(1000);
    Limits limits{2, 50, 0, 3, LimitAlgorithm::TokenBucket};
    std::vector<std::pair<LimiterGrant, LimiterGrant>> running;
    int more = 0;
    int refusals = 0;
    for (int step = 0; step < 20'000; ++step) {
        clock.advanceNs(clock.anyScale(1000, 200 * kSecondNs));
        const LimitScope scope =
            LimitScope::clientIp(QHostAddress(quint32(clock.number(1, 8))), limits);
        const qint64 tokens = clock.number(1, 50);
        auto a = admit(tight, scope, tokens, clock.now);
        auto b = admit(roomy, scope, tokens, clock.now);
        const bool inTight = std::holds_alternative<LimiterGrant>(a);
        const bool inRoomy = std::holds_alternative<LimiterGrant>(b);
        more += inTight && !inRoomy ? 1 : 0;
        refusals += inRoomy ? 0 : 1;
        if (inTight && inRoomy) {
            running.emplace_back(std::move(std::get<LimiterGrant>(a)),
                                 std::move(std::get<LimiterGrant>(b)));
        } else if (inTight) {
            tight.cancel(std::get<LimiterGrant>(a), clock.now);
        } else if (inRoomy) {
            roomy.cancel(std::get<LimiterGrant>(b), clock.now);
        }
        if (running.size() > 3) {
            tight.settle(running.front().first, 10, clock.now);
            roomy.settle(running.front().second, 10, clock.now);
            running.erase(running.begin());
        }
        QVERIFY(tight.scopeCount() <= 4);
    }
    QVERIFY(refusals > 1000);
    // The shared scope may serve a newcomer whose own is used up, within what one scope may use.
    QVERIFY2(more < refusals / 10, qPrintable(QString::number(more)));
}

void TestLimiter::networksOfIpv6AreOne()
{
    const auto id = [](const char *address) {
        return LimitScope::clientIp(QHostAddress(QString::fromLatin1(address)), {}).id;
    };
    QCOMPARE(id("2001:db8:1:2::1"), id("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    QVERIFY(id("2001:db8:1:2::1") != id("2001:db8:1:3::1"));
    QCOMPARE(id("::ffff:192.0.2.7"), id("192.0.2.7"));
    QVERIFY(id("192.0.2.7") != id("192.0.2.8"));
}

void TestLimiter::usageIsShown()
{
    PolicyTestClock clock(1);
    Limiter limiter;
    Limits limits{10, 100, 1000, 3, LimitAlgorithm::TokenBucket};
    LimiterGrant grant = granted(admit(limiter, key(limits, 42), 60, clock.now));
    const std::vector<LimitUsage> all = limiter.usage(clock.now);
    QCOMPARE(all.size(), size_t(1));
    QCOMPARE(all[0].id, 42);
    QCOMPARE(all[0].limits, limits);
    QCOMPARE(all[0].requests, 1);
    QCOMPARE(all[0].tokens, 60);
    QCOMPARE(all[0].tokensToday, 60);
    QCOMPARE(all[0].inFlight, 1);
    limiter.settle(grant, 60, clock.now);
}

void TestLimiter::streamsOfFiftyOnAHundred()
{
    PolicyTestClock clock(1);
    Limiter limiter;
    Limits limits;
    limits.tokensPerMinute = 100;
    std::vector<LimiterGrant> running;
    for (int i = 0; i < 20; ++i) {
        auto result = admit(limiter, key(limits), 50, clock.now);
        if (auto *grant = std::get_if<LimiterGrant>(&result)) {
            running.push_back(std::move(*grant));
        } else {
            QCOMPARE(*std::get<Refusal>(result).retryAfterMs, 30'000);
        }
    }
    QCOMPARE(running.size(), size_t(2));
    for (LimiterGrant &grant : running) {
        limiter.settle(grant, 50, clock.now);
    }
}

void TestLimiter::threadsNeverPassALimit()
{
    Limiter limiter;
    Limits limits{0, 0, 1000, 5, LimitAlgorithm::TokenBucket};
    Limits forTeam{0, 0, 0, 3, LimitAlgorithm::TokenBucket};
    std::atomic<int> inFlight = 0;
    std::atomic<int> most = 0;
    std::atomic<qint64> tokens = 0;
    std::vector<std::thread> threads;
    PolicyTestClock clock(1);
    const PolicyTime now = clock.now;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&limiter, &limits, &forTeam, &inFlight, &most, &tokens, now, i] {
            for (int n = 0; n < 1000; ++n) {
                const std::array scopes = {LimitScope::key(i % 2, limits),
                                           LimitScope::team(1, forTeam)};
                auto result = limiter.admit(scopes, 2, now);
                if (auto *grant = std::get_if<LimiterGrant>(&result)) {
                    const int count = ++inFlight;
                    int seen = most;
                    while (seen < count && !most.compare_exchange_weak(seen, count)) {
                    }
                    std::this_thread::yield();
                    --inFlight;
                    tokens += 1;
                    limiter.settle(*grant, 1, now);
                }
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    QVERIFY(most <= 3);
    QVERIFY(tokens <= 2000);
    QVERIFY(tokens > 500);
    qint64 counted = 0;
    for (const LimitUsage &usage : limiter.usage(now)) {
        QCOMPARE(usage.inFlight, 0);
        counted += usage.tokensToday;
    }
    QCOMPARE(counted, tokens.load());
}

void TestLimiter::admitAndSettle()
{
    Limiter limiter;
    Limits limits{1'000'000'000, 1'000'000'000, 1'000'000'000'000, 1000,
                  LimitAlgorithm::TokenBucket};
    const std::array scopes = {LimitScope::key(1, limits), LimitScope::team(1, limits),
                               LimitScope::model("gpt-4o-mini", limits)};
    PolicyTestClock clock(1);
    QBENCHMARK
    {
        clock.now.monotonicNs += 30'000;
        LimiterGrant grant = granted(limiter.admit(scopes, 1000, clock.now));
        limiter.settle(grant, 500, clock.now);
    }
}

QTEST_APPLESS_MAIN(TestLimiter)
#include "tst_limiter.moc"
