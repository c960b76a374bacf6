// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/budgetbook.h"
#include "gateway/policy/holdjournal.h"
#include "tests/unit/policy/policytestclock.h"

#include <QDateTime>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <deque>
#include <map>
#include <thread>

using namespace tidegate;

namespace {

constexpr qint64 kSecondNs = 1'000'000'000;
constexpr qint64 kDayNs = 86'400 * kSecondNs;
constexpr BudgetAccount kKey{false, 1};
constexpr BudgetAccount kTeam{true, 7};

Money usd(const char *text)
{
    return *Money::parse(text);
}

BudgetRule rule(const char *amount, BudgetPeriod period = BudgetPeriod::Day,
                const char *zone = "UTC")
{
    BudgetRule rule;
    rule.amount = usd(amount);
    rule.period = period;
    rule.timeZone = zone;
    return rule;
}

HoldRequest request(const BudgetRule *keyRule, Money amount, const BudgetRule *teamRule = nullptr)
{
    HoldRequest request;
    request.keyId = kKey.id;
    request.keyRule = keyRule;
    request.teamId = teamRule ? kTeam.id : 0;
    request.teamRule = teamRule;
    request.amount = amount;
    request.requestId = "r-1";
    request.model = "gpt-4o-mini";
    request.backend = "openai";
    return request;
}

// As the Gateway does before it uses a configuration; the ledger says `spent` for everyone.
size_t load(BudgetBook &book, std::vector<BudgetSubject> subjects, PolicyTime now, Money spent = {})
{
    const std::vector<SpendWanted> wanted = book.prepare(subjects, [now] { return now; });
    for (const SpendWanted &each : wanted) {
        book.provide(each, spent);
    }
    return wanted.size();
}

BudgetHold held(std::variant<BudgetHold, Refusal> &&result)
{
    if (const Refusal *refusal = std::get_if<Refusal>(&result)) {
        qWarning("refused: %s", refusal->message.constData());
        return {};
    }
    return std::move(std::get<BudgetHold>(result));
}

Refusal refused(std::variant<BudgetHold, Refusal> &&result)
{
    const Refusal *refusal = std::get_if<Refusal>(&result);
    return refusal ? *refusal : Refusal{0, "held", {}, {}, {}, {}};
}

BudgetUsage usageOf(BudgetBook &book, BudgetAccount account, PolicyTime now)
{
    for (const BudgetUsage &usage : book.usage(now)) {
        if (usage.account == account) {
            return usage;
        }
    }
    return {};
}

qint64 wall(const char *iso)
{
    return QDateTime::fromString(QString::fromLatin1(iso), Qt::ISODate).toMSecsSinceEpoch() * 1000;
}

} // namespace

/// BudgetBook, with its journal where that matters.
class TestBudgetBook : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void tenOfAThousandInParallel_data();
    void tenOfAThousandInParallel();
    void equalsItsOracle_data();
    void equalsItsOracle();
    void resetsExactlyOnce_data();
    void resetsExactlyOnce();

    void keyAndTeamOrNone();
    void refusalsSayWhatHelps();
    void lateSettlementStaysInItsWindow();
    void moreThanHeldIsBooked();
    void growsWhereThereIsRoom();
    void endsExactlyOnce();
    void eventsComeOnce();
    void shadowOnlyReports();
    void notLoadedIsTransient();
    void amountCanBeEdited();
    void periodCanBeEdited();
    void budgetForRunningRequests();
    void oldRulesStayForOneChange();
    void clockSetBackDoesNotReset();
    void wrongClockIsNotForEver();
    void journalFollows();
    void fullJournalRefuses();
    void manyAccounts();
    void holdAndSettle();
};

void TestBudgetBook::tenOfAThousandInParallel_data()
{
    QTest::addColumn<int>("abortPercent");
    QTest::newRow("all succeed") << 0;
    QTest::newRow("half are aborted") << 50;
}

void TestBudgetBook::tenOfAThousandInParallel()
{
    QFETCH(int, abortPercent);
    PolicyTestClock clock(1);
    const PolicyTime now = clock.now;
    BudgetBook book;
    const BudgetRule dollar = rule("1");
    load(book, {{kKey, dollar}}, now);
    std::atomic<int> paid = 0;
    std::atomic<int> exceeded = 0;
    std::atomic<int> inFlight = 0;
    std::atomic<bool> wrong = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&book, &dollar, &paid, &exceeded, &inFlight, &wrong, now, i,
                              abortPercent] {
            std::mt19937 random(quint32(i + 1));
            std::deque<BudgetHold> running;
            const auto end = [&] {
                if (int(random() % 100) < abortPercent) {
                    book.release(running.front());
                } else {
                    book.settle(running.front(), usd("0.1"));
                    ++paid;
                }
                running.pop_front();
            };
            for (int n = 0; n < 1000; ++n) {
                auto result = book.hold(request(&dollar, usd("0.10")), now);
                if (auto *hold = std::get_if<BudgetHold>(&result)) {
                    running.push_back(std::move(*hold));
                } else {
                    const Refusal &refusal = std::get<Refusal>(result);
                    ++(refusal.status == 402 ? exceeded : inFlight);
                    wrong = wrong || refusal.code != (refusal.status == 402 ? "budget_exceeded"
                                                                            : "budget_in_flight");
                    if (!running.empty() && random() % 4 == 0) {
                        end();
                    }
                }
                std::this_thread::yield();
            }
            while (!running.empty()) {
                end();
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    // Aborted ones may have left something to spend when no thread was asking any more.
    for (int i = 0; i < 10; ++i) {
        auto result = book.hold(request(&dollar, usd("0.10")), now);
        if (auto *hold = std::get_if<BudgetHold>(&result)) {
            book.settle(*hold, usd("0.1"));
            ++paid;
        }
    }
    QVERIFY(!wrong);
    QCOMPARE(paid, 10);
    const BudgetUsage usage = usageOf(book, kKey, now);
    QCOMPARE(usage.settled.toString(), "1.000000000");
    QVERIFY(usage.held.isZero());
    QCOMPARE(refused(book.hold(request(&dollar, usd("0.10")), now)).status, 402);
}

void TestBudgetBook::equalsItsOracle_data()
{
    QTest::addColumn<quint32>("seed");
    QTest::addColumn<BudgetPeriod>("period");
    QTest::addColumn<QByteArray>("zone");
    const QList<QByteArray> zones = {"UTC", "Europe/Berlin", "America/Havana",
                                     "Australia/Lord_Howe", "Asia/Kathmandu"};
    quint32 seed = 1;
    for (const QByteArray &zone : zones) {
        for (int period = 0; period <= int(BudgetPeriod::Total); ++period) {
            QTest::addRow("%s, period %d, seed %u", zone.constData(), period, seed)
                << seed << BudgetPeriod(period) << zone;
            ++seed;
        }
    }
}

// An oracle that keeps every hold and adds up those of the present window. The clock runs for years
// and is stepped back and forth.
void TestBudgetBook::equalsItsOracle()
{
    QFETCH(quint32, seed);
    QFETCH(BudgetPeriod, period);
    QFETCH(QByteArray, zone);
    struct Entry
    {
        BudgetHold hold;
        BudgetWindow windows[2];
        qint64 amount = 0;
        qint64 settled = 0;
        bool running = true;
    };
    PolicyTestClock clock(seed);
    BudgetBook book;
    BudgetRule rules[2] = {rule("10", period, zone), rule("15", BudgetPeriod::Week, zone)};
    load(book, {{kKey, rules[0]}, {kTeam, rules[1]}}, clock.now);
    const QTimeZone timeZone(zone);
    BudgetWindow windows[2] = {Calendar::window(period, timeZone, clock.now.wallUs),
                               Calendar::window(BudgetPeriod::Week, timeZone, clock.now.wallUs)};
    std::vector<Entry> entries;
    size_t firstRunning = 0;
    int refusals = 0;
    const qint64 dollar = 1'000'000'000;
    const qint64 step = period == BudgetPeriod::Hour ? kSecondNs * 3600 : kDayNs;
    for (int i = 0; i < 1200; ++i) {
        clock.advanceNs(clock.anyScale(kSecondNs, step));
        if (clock.number(0, 30) == 0) {
            // Not further back than a window is long, after which the clock would be believed.
            clock.now.wallUs += clock.number(-1800, 1800) * 1'000'000;
        }
        if (clock.number(0, 40) == 0) {
            rules[0].amount = Money::fromNano(clock.number(1, 20) * dollar);
        }
        for (int k = 0; k < 2; ++k) {
            if (clock.now.wallUs >= windows[k].endUs) {
                windows[k] = Calendar::window(rules[k].period, timeZone, clock.now.wallUs);
            }
        }
        const auto sum = [&](int k, bool withHeld) {
            qint64 nano = 0;
            for (const Entry &entry : entries) {
                if (entry.windows[k] == windows[k]) {
                    nano += entry.settled + (withHeld && entry.running ? entry.amount : 0);
                }
            }
            return nano;
        };
        if (clock.number(0, 1) == 0) {
            const qint64 amount = clock.anyScale(dollar / 100, 4 * dollar);
            bool fits = true;
            bool spent = false;
            for (int k = 0; k < 2; ++k) {
                fits = fits && sum(k, true) + amount <= rules[k].amount.nano();
                spent = spent || sum(k, false) + amount > rules[k].amount.nano();
            }
            auto result =
                book.hold(request(&rules[0], Money::fromNano(amount), &rules[1]), clock.now);
            QCOMPARE(std::holds_alternative<BudgetHold>(result), fits);
            if (fits) {
                Entry entry;
                entry.hold = std::move(std::get<BudgetHold>(result));
                entry.windows[0] = windows[0];
                entry.windows[1] = windows[1];
                entry.amount = amount;
                entries.push_back(std::move(entry));
            } else {
                ++refusals;
                QCOMPARE(std::get<Refusal>(result).code,
                         spent ? "budget_exceeded" : "budget_in_flight");
            }
        } else if (firstRunning < entries.size()) {
            Entry &entry = entries[firstRunning++];
            entry.running = false;
            if (clock.number(0, 9) == 0) {
                book.release(entry.hold);
            } else {
                entry.settled = clock.number(0, entry.amount);
                book.settle(entry.hold, Money::fromNano(entry.settled));
            }
        }
        for (int k = 0; k < 2; ++k) {
            const BudgetUsage usage = usageOf(book, k == 0 ? kKey : kTeam, clock.now);
            QCOMPARE(usage.window, windows[k]);
            QCOMPARE(usage.settled.nano(), sum(k, false));
            QCOMPARE((usage.settled + usage.held).nano(), sum(k, true));
        }
        if (period != BudgetPeriod::Total && i % 200 == 0) {
            std::erase_if(entries, [&](const Entry &entry) {
                return !entry.running && entry.windows[0] != windows[0] &&
                       entry.windows[1] != windows[1];
            });
            firstRunning = 0;
            while (firstRunning < entries.size() && !entries[firstRunning].running) {
                ++firstRunning;
            }
        }
    }
    QVERIFY(refusals > 20);
}

void TestBudgetBook::resetsExactlyOnce_data()
{
    QTest::addColumn<QByteArray>("zone");
    QTest::addColumn<BudgetPeriod>("period");
    QTest::addColumn<int>("windows");
    const auto row = [](const char *zone, BudgetPeriod period, int windows) {
        QTest::addRow("%s %d", zone, int(period)) << QByteArray(zone) << period << windows;
    };
    // 2026 to 2029: 1461 days, 48 months. Four changes back and four forth leave the days alone.
    for (const char *zone : {"UTC", "Europe/Berlin", "America/New_York", "America/Havana",
                             "Africa/Cairo", "Asia/Kathmandu", "Australia/Lord_Howe"}) {
        row(zone, BudgetPeriod::Day, 1461);
        row(zone, BudgetPeriod::Month, 48);
    }
}

// Asks every 20 minutes for four years, with a clock that is set back by up to an hour every day.
void TestBudgetBook::resetsExactlyOnce()
{
    QFETCH(QByteArray, zone);
    QFETCH(BudgetPeriod, period);
    QFETCH(int, windows);
    PolicyTestClock clock(9);
    const QTimeZone timeZone(zone);
    clock.now.wallUs =
        QDateTime(QDate(2026, 1, 1), QTime(0, 0), timeZone).toMSecsSinceEpoch() * 1000;
    const qint64 endUs =
        QDateTime(QDate(2030, 1, 1), QTime(0, 0), timeZone).toMSecsSinceEpoch() * 1000;
    BudgetBook book;
    const BudgetRule once = rule("1", period, zone);
    load(book, {{kKey, once}}, clock.now);
    int spent = 0;
    qint64 wrongUs = 0;
    while (clock.now.wallUs - wrongUs < endUs) {
        if (clock.number(0, 60) == 0) {
            const qint64 nowWrongUs = -clock.number(0, 3600) * 1'000'000;
            clock.now.wallUs += nowWrongUs - wrongUs;
            wrongUs = nowWrongUs;
        }
        auto result = book.hold(request(&once, usd("1")), clock.now);
        if (auto *hold = std::get_if<BudgetHold>(&result)) {
            ++spent;
            book.settle(*hold, usd("1"));
        }
        clock.advanceNs(1200 * kSecondNs);
    }
    QCOMPARE(spent, windows);
}

void TestBudgetBook::keyAndTeamOrNone()
{
    PolicyTestClock clock(1);
    BudgetBook book;
    const BudgetRule wide = rule("100");
    const BudgetRule narrow = rule("1", BudgetPeriod::Month);
    load(book, {{kKey, wide}, {kTeam, narrow}}, clock.now);
    BudgetHold first = held(book.hold(request(&wide, usd("0.6"), &narrow), clock.now));
    for (int i = 0; i < 5; ++i) {
        const Refusal refusal = refused(book.hold(request(&wide, usd("0.6"), &narrow), clock.now));
        QCOMPARE(refusal.code, "budget_in_flight");
        QCOMPARE(refusal.scope, ScopeKind::Team);
        QVERIFY(refusal.message.contains("team"));
    }
    QCOMPARE(usageOf(book, kKey, clock.now).held, usd("0.6"));
    QCOMPARE(usageOf(book, kTeam, clock.now).held, usd("0.6"));
    book.settle(first, usd("0.5"));
    QCOMPARE(usageOf(book, kKey, clock.now).settled, usd("0.5"));
    QCOMPARE(usageOf(book, kTeam, clock.now).settled, usd("0.5"));
    QVERIFY(usageOf(book, kTeam, clock.now).held.isZero());
}

void TestBudgetBook::refusalsSayWhatHelps()
{
    PolicyTestClock clock(1, wall("2026-03-28T22:59:59Z")); // a second before midnight in Berlin
    BudgetBook book;
    const BudgetRule day = rule("1", BudgetPeriod::Day, "Europe/Berlin");
    load(book, {{kKey, day}}, clock.now);
    clock.advanceMs(1000); // the day of 23 hours begins
    BudgetHold hold = held(book.hold(request(&day, usd("1")), clock.now));

    Refusal refusal = refused(book.hold(request(&day, usd("0.000000001")), clock.now));
    QCOMPARE(refusal.status, 429);
    QCOMPARE(refusal.code, "budget_in_flight");
    QVERIFY(refusal.retryAfterMs.has_value());

    refusal = refused(book.hold(request(&day, usd("1.000000001")), clock.now));
    QCOMPARE(refusal.status, 402);
    QCOMPARE(refusal.code, "budget_exceeded");
    QVERIFY(!refusal.retryAfterMs);
    QVERIFY(refusal.message.contains("$1.000000001"));

    book.settle(hold, usd("1"));
    refusal = refused(book.hold(request(&day, usd("0.01")), clock.now));
    QCOMPARE(refusal.status, 402);
    QCOMPARE(refusal.code, "budget_exceeded");
    QCOMPARE(*refusal.retryAfterMs, 23 * 3'600'000);
    QVERIFY(refusal.message.contains("2026-03-29T22:00:00Z"));
    clock.advanceMs(*refusal.retryAfterMs - 1);
    QCOMPARE(refused(book.hold(request(&day, usd("0.01")), clock.now)).status, 402);
    clock.advanceMs(1);
    hold = held(book.hold(request(&day, usd("0.01")), clock.now));
    QVERIFY(hold.isActive());

    // A total has no reset.
    const BudgetRule total = rule("1", BudgetPeriod::Total);
    load(book, {{kKey, total}}, clock.now, usd("1"));
    refusal = refused(book.hold(request(&total, usd("0.01")), clock.now));
    QCOMPARE(refusal.status, 402);
    QVERIFY(!refusal.retryAfterMs);
}

void TestBudgetBook::lateSettlementStaysInItsWindow()
{
    PolicyTestClock clock(1);
    BudgetBook book;
    const BudgetRule day = rule("1");
    load(book, {{kKey, day}}, clock.now);
    BudgetHold late = held(book.hold(request(&day, usd("0.9")), clock.now));
    clock.advanceNs(kDayNs);
    BudgetHold hold = held(book.hold(request(&day, usd("1")), clock.now));
    QVERIFY(hold.isActive()); // yesterday's hold is not today's
    book.settle(late, usd("0.9"));
    const BudgetUsage usage = usageOf(book, kKey, clock.now);
    QVERIFY(usage.settled.isZero());
    QCOMPARE(usage.held, usd("1"));
    book.release(hold);
    QVERIFY(usageOf(book, kKey, clock.now).held.isZero());
}

void TestBudgetBook::moreThanHeldIsBooked()
{
    PolicyTestClock clock(1);
    BudgetBook book;
    const BudgetRule day = rule("1");
    load(book, {{kKey, day}}, clock.now);
    BudgetHold hold = held(book.hold(request(&day, usd("0.1")), clock.now));
    book.settle(hold, usd("1.5"));
    QCOMPARE(usageOf(book, kKey, clock.now).settled, usd("1.5"));
    QCOMPARE(refused(book.hold(request(&day, usd("0.1")), clock.now)).status, 402);
}

void TestBudgetBook::growsWhereThereIsRoom()
{
    const QTemporaryDir dir;
    const QString path = dir.filePath(QStringLiteral("holds"));
    auto opened = HoldJournal::open(path, 2);
    QVERIFY(opened);
    const auto journal = std::move(opened).value().journal;
    const PolicyTestClock clock(1);
    BudgetBook book(journal.get());
    const BudgetRule keyRule = rule("1.00");
    const BudgetRule teamRule = rule("0.70");
    load(book, {{kKey, keyRule}, {kTeam, teamRule}}, clock.now);
    BudgetHold hold = held(book.hold(request(&keyRule, usd("0.40"), &teamRule), clock.now));
    const quint64 firstId = hold.id();

    QVERIFY(book.extend(hold, usd("0.30"), clock.now));
    QCOMPARE(hold.amount(), usd("0.70"));
    QCOMPARE(usageOf(book, kKey, clock.now).held, usd("0.70"));
    QCOMPARE(usageOf(book, kTeam, clock.now).held, usd("0.70"));
    QVERIFY(hold.id() != firstId);
    QCOMPARE(journal->usedSlots(), 1);

    // The team's budget is all held, so the key's is not touched either.
    QVERIFY(!book.extend(hold, usd("0.000000001"), clock.now));
    QCOMPARE(hold.amount(), usd("0.70"));
    QCOMPARE(usageOf(book, kKey, clock.now).held, usd("0.70"));

    book.settle(hold, usd("0.55"));
    QCOMPARE(usageOf(book, kKey, clock.now).held, Money());
    QCOMPARE(usageOf(book, kTeam, clock.now).settled, usd("0.55"));
    QVERIFY(book.extend(hold, usd("5"), clock.now)); // it has ended: nothing to do

    // Without room in the journal a crash would forget it.
    BudgetHold next = held(book.hold(request(&keyRule, usd("0.10")), clock.now));
    const quint64 nextId = next.id();
    QCOMPARE(journal->usedSlots(), 2);
    QVERIFY(!book.extend(next, usd("0.10"), clock.now));
    QCOMPARE(next.id(), nextId);
    QCOMPARE(usageOf(book, kKey, clock.now).held, usd("0.10"));

    // A shadow budget only counts, and without any there is nothing to hold.
    BudgetRule shadow = rule("0.01");
    shadow.shadow = true;
    BudgetBook other;
    load(other, {{kKey, shadow}}, clock.now);
    BudgetHold counted = held(other.hold(request(&shadow, usd("0.10")), clock.now));
    QVERIFY(other.extend(counted, usd("0.10"), clock.now));
    QCOMPARE(usageOf(other, kKey, clock.now).held, usd("0.20"));
    BudgetHold none = held(other.hold(request(nullptr, usd("0.10")), clock.now));
    QVERIFY(!none.setsAside());
    QVERIFY(other.extend(none, usd("5"), clock.now));
}

void TestBudgetBook::endsExactlyOnce()
{
    PolicyTestClock clock(1);
    BudgetBook book;
    const BudgetRule day = rule("1");
    load(book, {{kKey, day}}, clock.now);
    BudgetHold hold = held(book.hold(request(&day, usd("0.4")), clock.now));
    BudgetHold moved = std::move(hold);
    book.settle(hold, usd("0.4")); // empty
    QVERIFY(usageOf(book, kKey, clock.now).settled.isZero());
    book.settle(moved, usd("0.1"));
    book.settle(moved, usd("0.1"));
    book.release(moved);
    QCOMPARE(usageOf(book, kKey, clock.now).settled, usd("0.1"));
    QVERIFY(usageOf(book, kKey, clock.now).held.isZero());
    {
        const BudgetHold dropped = held(book.hold(request(&day, usd("0.4")), clock.now));
    }
    QCOMPARE(usageOf(book, kKey, clock.now).settled, usd("0.5"));
}

void TestBudgetBook::eventsComeOnce()
{
    PolicyTestClock clock(1);
    std::vector<BudgetEvent> events;
    BudgetBook book(nullptr, [&events](const BudgetEvent &event) { events.push_back(event); });
    BudgetRule day = rule("1");
    load(book, {{kKey, day}}, clock.now);
    const auto spend = [&](const char *amount) {
        BudgetHold hold = held(book.hold(request(&day, usd(amount)), clock.now));
        book.settle(hold, usd(amount));
    };
    for (int window = 0; window < 2; ++window) {
        events.clear();
        spend("0.79");
        QVERIFY(events.empty());
        spend("0.01");
        QCOMPARE(events.size(), size_t(1));
        QCOMPARE(events[0].kind, BudgetEvent::Kind::SoftLimit);
        QCOMPARE(events[0].account, kKey);
        QCOMPARE(events[0].settled, usd("0.8"));
        spend("0.1");
        QCOMPARE(events.size(), size_t(1));
        (void)refused(book.hold(request(&day, usd("0.2")), clock.now));
        (void)refused(book.hold(request(&day, usd("0.2")), clock.now));
        spend("0.1");
        QCOMPARE(events.size(), size_t(2));
        QCOMPARE(events[1].kind, BudgetEvent::Kind::Exhausted);
        clock.advanceNs(kDayNs);
    }
    // A higher amount that is reached as well is worth another word.
    spend("0.9");
    events.clear();
    day.amount = usd("2");
    spend("0.1");
    QVERIFY(events.empty());
    spend("0.6");
    QCOMPARE(events.size(), size_t(1));
    QCOMPARE(events[0].kind, BudgetEvent::Kind::SoftLimit);
}

void TestBudgetBook::shadowOnlyReports()
{
    PolicyTestClock clock(1);
    std::vector<BudgetEvent> events;
    BudgetBook book(nullptr, [&events](const BudgetEvent &event) { events.push_back(event); });
    BudgetRule shadow = rule("1");
    shadow.shadow = true;
    // Also while it is not loaded.
    BudgetHold hold = held(book.hold(request(&shadow, usd("5")), clock.now));
    QVERIFY(hold.isActive());
    book.settle(hold, usd("5"));
    load(book, {{kKey, shadow}}, clock.now);
    events.clear();
    for (int i = 0; i < 30; ++i) {
        hold = held(book.hold(request(&shadow, usd("0.1")), clock.now));
        QVERIFY(hold.isActive());
        book.settle(hold, usd("0.1"));
    }
    QCOMPARE(events.size(), size_t(2));
    QVERIFY(events[1].rule.shadow);
    QCOMPARE(usageOf(book, kKey, clock.now).settled, usd("3"));
}

void TestBudgetBook::notLoadedIsTransient()
{
    PolicyTestClock clock(1, wall("2026-05-05T12:00:00Z"));
    std::vector<BudgetEvent> events;
    BudgetBook book(nullptr, [&events](const BudgetEvent &event) { events.push_back(event); });
    const BudgetRule month = rule("10", BudgetPeriod::Month);
    for (int i = 0; i < 3; ++i) {
        const Refusal refusal = refused(book.hold(request(&month, usd("1")), clock.now));
        QCOMPARE(refusal.status, 429);
        QCOMPARE(refusal.code, "budget_in_flight");
        QVERIFY(refusal.retryAfterMs.has_value());
    }
    QCOMPARE(events.size(), size_t(1));
    QCOMPARE(events[0].kind, BudgetEvent::Kind::NotLoaded);

    const std::array subjects = {BudgetSubject{kKey, month}};
    std::vector<SpendWanted> wanted = book.prepare(subjects, [&] { return clock.now; });
    QCOMPARE(wanted.size(), size_t(1));
    QCOMPARE(wanted[0].fromUs, wall("2026-05-01T00:00:00Z"));
    QCOMPARE(wanted[0].finishedUpToUs, clock.now.wallUs);
    QCOMPARE(refused(book.hold(request(&month, usd("1")), clock.now)).code, "budget_in_flight");
    // Asked for again, because the answer never came: the same question.
    clock.advanceMs(5000);
    const std::vector<SpendWanted> again = book.prepare(subjects, [&] { return clock.now; });
    QCOMPARE(again.size(), size_t(1));
    QCOMPARE(again[0].finishedUpToUs, wanted[0].finishedUpToUs);
    book.provide(again[0], usd("9.5"));
    book.provide(wanted[0], usd("9.5")); // counts once
    QCOMPARE(usageOf(book, kKey, clock.now).settled, usd("9.5"));
    QCOMPARE(refused(book.hold(request(&month, usd("1")), clock.now)).code, "budget_exceeded");
    BudgetHold hold = held(book.hold(request(&month, usd("0.5")), clock.now));
    QVERIFY(hold.isActive());
    QVERIFY(book.prepare(subjects, [&] { return clock.now; }).empty());
}

void TestBudgetBook::amountCanBeEdited()
{
    PolicyTestClock clock(1);
    BudgetBook book;
    BudgetRule day = rule("1");
    load(book, {{kKey, day}}, clock.now);
    BudgetHold hold = held(book.hold(request(&day, usd("1")), clock.now));
    book.settle(hold, usd("1"));
    QCOMPARE(refused(book.hold(request(&day, usd("1")), clock.now)).status, 402);
    day.amount = usd("2");
    QCOMPARE(load(book, {{kKey, day}}, clock.now), size_t(0));
    hold = held(book.hold(request(&day, usd("1")), clock.now));
    QVERIFY(hold.isActive());
    book.release(hold);
    day.amount = usd("0.5");
    QCOMPARE(refused(book.hold(request(&day, usd("0.1")), clock.now)).status, 402);
}

// From day to month while requests run: what they hold and cost counts in the month at once.
void TestBudgetBook::periodCanBeEdited()
{
    PolicyTestClock clock(1, wall("2026-05-05T12:00:00Z"));
    BudgetBook book;
    const BudgetRule day = rule("10");
    const BudgetRule month = rule("20", BudgetPeriod::Month);
    load(book, {{kKey, day}}, clock.now);
    BudgetHold before = held(book.hold(request(&day, usd("4")), clock.now));
    const std::array subjects = {BudgetSubject{kKey, month}};
    const std::vector<SpendWanted> wanted = book.prepare(subjects, [&] { return clock.now; });
    QCOMPARE(wanted.size(), size_t(1));
    clock.advanceMs(10);
    // The old configuration is still in use until the ledger has answered.
    BudgetHold between = held(book.hold(request(&day, usd("3")), clock.now));
    book.settle(between, usd("3"));
    book.provide(wanted[0], usd("11"));
    BudgetUsage usage = usageOf(book, kKey, clock.now);
    QCOMPARE(usage.rule, month);
    QCOMPARE(usage.settled, usd("14"));
    QCOMPARE(usage.held, usd("4"));
    QCOMPARE(refused(book.hold(request(&month, usd("3")), clock.now)).code, "budget_in_flight");
    book.settle(before, usd("1"));
    usage = usageOf(book, kKey, clock.now);
    QCOMPARE(usage.settled, usd("15"));
    QVERIFY(usage.held.isZero());
    BudgetHold after = held(book.hold(request(&month, usd("5")), clock.now));
    QVERIFY(after.isActive());
}

void TestBudgetBook::budgetForRunningRequests()
{
    PolicyTestClock clock(1);
    BudgetBook book;
    BudgetHold running = held(book.hold(request(nullptr, usd("5")), clock.now));
    QVERIFY(running.isActive());
    QCOMPARE(running.id(), 0U);
    const BudgetRule day = rule("10");
    load(book, {{kKey, day}}, clock.now, usd("2"));
    book.settle(running, usd("5"));
    QCOMPARE(usageOf(book, kKey, clock.now).settled, usd("7"));
}

void TestBudgetBook::oldRulesStayForOneChange()
{
    PolicyTestClock clock(1);
    BudgetBook book;
    const BudgetRule day = rule("1");
    const BudgetRule hour = rule("1", BudgetPeriod::Hour);
    load(book, {{kKey, day}}, clock.now);
    load(book, {{kKey, hour}}, clock.now);
    BudgetHold hold = held(book.hold(request(&day, usd("1")), clock.now));
    QVERIFY(hold.isActive());
    load(book, {}, clock.now);
    load(book, {}, clock.now);
    // Nobody has a budget any more; the running request still ends well.
    book.settle(hold, usd("1"));
    QCOMPARE(book.usage(clock.now).size(), size_t(0));
    QCOMPARE(refused(book.hold(request(&day, usd("1")), clock.now)).code, "budget_in_flight");
    QCOMPARE(load(book, {{kKey, day}}, clock.now, usd("1")), size_t(1));
    QCOMPARE(refused(book.hold(request(&day, usd("1")), clock.now)).code, "budget_exceeded");
}

void TestBudgetBook::clockSetBackDoesNotReset()
{
    PolicyTestClock clock(1, wall("2026-05-05T23:00:00Z"));
    BudgetBook book;
    const BudgetRule day = rule("1");
    load(book, {{kKey, day}}, clock.now);
    const auto fits = [&] {
        auto result = book.hold(request(&day, usd("1")), clock.now);
        if (auto *hold = std::get_if<BudgetHold>(&result)) {
            book.settle(*hold, usd("1"));
            return true;
        }
        return false;
    };
    QVERIFY(fits());
    clock.advanceMs(3'600'000);
    QVERIFY(fits());
    clock.now.wallUs -= 7'200'000'000; // 22:00 of the day before
    QVERIFY(!fits());
    clock.advanceMs(7'200'000); // midnight once more
    QVERIFY(!fits());
    clock.advanceMs(86'400'000);
    QVERIFY(fits());
    // A hold made while the clock is behind belongs to the present window.
    clock.advanceMs(86'400'000);
    QVERIFY(usageOf(book, kKey, clock.now).settled.isZero());
    clock.now.wallUs -= 3'600'000'000;
    BudgetHold hold = held(book.hold(request(&day, usd("1")), clock.now));
    QVERIFY(hold.isActive());
    book.settle(hold, usd("1"));
    QVERIFY(!fits());
}

void TestBudgetBook::wrongClockIsNotForEver()
{
    PolicyTestClock clock(1, wall("2026-05-05T00:00:00Z"));
    BudgetBook book;
    const BudgetRule day = rule("1");
    load(book, {{kKey, day}}, clock.now);
    const qint64 tenYearsUs = qint64(3650) * 86'400'000'000;
    clock.now.wallUs += tenYearsUs;
    BudgetHold hold = held(book.hold(request(&day, usd("1")), clock.now));
    book.settle(hold, usd("1"));
    clock.now.wallUs -= tenYearsUs;
    QCOMPARE(refused(book.hold(request(&day, usd("1")), clock.now)).status, 402);
    clock.advanceMs(86'400'000);
    hold = held(book.hold(request(&day, usd("1")), clock.now));
    QVERIFY(hold.isActive());
    QCOMPARE(usageOf(book, kKey, clock.now).window.startUs, wall("2026-05-06T00:00:00Z"));

    // Once more, and this time it is put right a day too far: the window that comes again has the
    // hold that is still running.
    clock.now.wallUs += tenYearsUs;
    QVERIFY(usageOf(book, kKey, clock.now).held.isZero());
    clock.now.wallUs -= tenYearsUs + 86'400'000'000;
    clock.advanceMs(86'400'000);
    QCOMPARE(usageOf(book, kKey, clock.now).held, usd("1"));
    book.settle(hold, usd("1"));
    QVERIFY(usageOf(book, kKey, clock.now).held.isZero());
    QCOMPARE(usageOf(book, kKey, clock.now).settled, usd("1"));
}

void TestBudgetBook::journalFollows()
{
    QTemporaryDir dir;
    const QString path = dir.filePath(QStringLiteral("holds"));
    const QString left = dir.filePath(QStringLiteral("left"));
    PolicyTestClock clock(1);
    const BudgetRule day = rule("10");
    quint64 settledId = 0;
    quint64 runningId = 0;
    {
        auto opened = HoldJournal::open(path, 16);
        QVERIFY2(opened, qPrintable(opened ? QString() : opened.error()));
        HoldJournal &journal = *opened.value().journal;
        BudgetBook book(&journal);
        load(book, {{kKey, day}}, clock.now);
        QCOMPARE(refused(book.hold(request(&day, usd("11")), clock.now)).status, 402);
        QCOMPARE(journal.usedSlots(), 0);
        BudgetHold released = held(book.hold(request(&day, usd("1")), clock.now));
        book.release(released);
        QCOMPARE(journal.usedSlots(), 0);
        BudgetHold settled = held(book.hold(request(&day, usd("2")), clock.now));
        settledId = settled.id();
        QVERIFY(settledId > 0);
        book.settle(settled, usd("1.25"));
        BudgetHold written = held(book.hold(request(&day, usd("2")), clock.now));
        const quint64 writtenId = written.id();
        book.settle(written, usd("2"));
        journal.free(writtenId);
        QCOMPARE(journal.usedSlots(), 1);
        BudgetHold running = held(book.hold(request(&day, usd("3")), clock.now));
        runningId = running.id();
        // What a kill at this moment would leave.
        QVERIFY(QFile::copy(path, left));
        book.release(running);
    }
    auto opened = HoldJournal::open(left, 16);
    QVERIFY(opened);
    QVERIFY(opened.value().warning.isEmpty());
    std::map<quint64, JournaledHold> orphans;
    for (const JournaledHold &orphan : opened.value().orphans) {
        orphans[orphan.id] = orphan;
    }
    QCOMPARE(orphans.size(), size_t(2));
    QCOMPARE(*orphans[settledId].settled, usd("1.25"));
    QVERIFY(!orphans[runningId].settled);
    QCOMPARE(orphans[runningId].amount, usd("3"));
    QCOMPARE(orphans[runningId].keyId, kKey.id);
    QCOMPARE(orphans[runningId].startedUs, clock.now.wallUs);
    QCOMPARE(orphans[runningId].requestId, "r-1");
    QCOMPARE(orphans[runningId].model, "gpt-4o-mini");
    QCOMPARE(orphans[runningId].backend, "openai");
}

void TestBudgetBook::fullJournalRefuses()
{
    QTemporaryDir dir;
    PolicyTestClock clock(1);
    auto opened = HoldJournal::open(dir.filePath(QStringLiteral("holds")), 2);
    QVERIFY(opened);
    HoldJournal &journal = *opened.value().journal;
    BudgetBook book(&journal);
    BudgetRule day = rule("10");
    load(book, {{kKey, day}}, clock.now);
    BudgetHold first = held(book.hold(request(&day, usd("1")), clock.now));
    BudgetHold second = held(book.hold(request(&day, usd("1")), clock.now));
    QCOMPARE(refused(book.hold(request(&day, usd("1")), clock.now)).code, "budget_in_flight");
    QCOMPARE(usageOf(book, kKey, clock.now).held, usd("2"));
    // Whom no budget binds is not refused.
    BudgetHold unbound = held(book.hold(request(nullptr, usd("1")), clock.now));
    QVERIFY(unbound.isActive());
    day.shadow = true;
    BudgetHold shadow = held(book.hold(request(&day, usd("1")), clock.now));
    QVERIFY(shadow.isActive());
    QCOMPARE(shadow.id(), 0U);
    day.shadow = false;
    // Settling does not free the slot, the durable row does.
    const quint64 id = first.id();
    book.settle(first, usd("1"));
    QCOMPARE(refused(book.hold(request(&day, usd("1")), clock.now)).code, "budget_in_flight");
    journal.free(id);
    first = held(book.hold(request(&day, usd("1")), clock.now));
    QVERIFY(first.isActive());
}

void TestBudgetBook::manyAccounts()
{
    PolicyTestClock clock(1);
    BudgetBook book;
    std::vector<BudgetSubject> subjects;
    for (qint64 id = 1; id <= 5000; ++id) {
        subjects.push_back({{id % 2 == 0, id}, rule("1", BudgetPeriod::Day, "Europe/Berlin")});
    }
    QCOMPARE(load(book, subjects, clock.now), size_t(5000));
    QCOMPARE(book.usage(clock.now).size(), size_t(5000));
    QCOMPARE(load(book, subjects, clock.now), size_t(0));
    subjects.resize(10);
    load(book, subjects, clock.now);
    load(book, subjects, clock.now);
    QCOMPARE(book.usage(clock.now).size(), size_t(10));
}

void TestBudgetBook::holdAndSettle()
{
    QTemporaryDir dir;
    PolicyTestClock clock(1);
    auto opened = HoldJournal::open(dir.filePath(QStringLiteral("holds")));
    QVERIFY(opened);
    HoldJournal &journal = *opened.value().journal;
    BudgetBook book(&journal);
    const BudgetRule forKey = rule("1000000000");
    const BudgetRule forTeam = rule("1000000000", BudgetPeriod::Month);
    load(book, {{kKey, forKey}, {kTeam, forTeam}}, clock.now);
    QBENCHMARK
    {
        BudgetHold hold = held(book.hold(request(&forKey, usd("0.000001"), &forTeam), clock.now));
        const quint64 id = hold.id();
        book.settle(hold, usd("0.000001"));
        journal.free(id);
    }
}

QTEST_APPLESS_MAIN(TestBudgetBook)
#include "tst_budgetbook.moc"
