// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/budgetbook.h"

#include "gateway/policy/holdjournal.h"

#include <QDateTime>
#include <QHash>
#include <QTimeZone>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <unordered_map>

namespace tidegate {

namespace {

// Holds end when other requests do, which nobody can foresee.
constexpr qint64 kInFlightHintMs = 1000;
// So many accounts are looked at in one go when all are, so that no request waits long.
constexpr size_t kPiece = 64;

struct AccountHash
{
    size_t operator()(const BudgetAccount &account) const
    {
        return qHashMulti(0, account.team, account.id);
    }
};

enum class Verdict : quint8
{
    Fits,
    InFlight,  ///< would fit if some holds were released
    NotLoaded, ///< what was spent before is not known yet
    Exceeded,  ///< does not fit in this window any more
    TooLarge   ///< fits in no window
};

QByteArray usd(Money money)
{
    QByteArray text = money.toString();
    const qsizetype cents = text.indexOf('.') + 3;
    while (text.size() > cents && text.endsWith('0')) {
        text.chop(1);
    }
    return '$' + text;
}

QByteArray describe(const BudgetRule &rule, bool team)
{
    static constexpr const char *kPeriods[] = {" per hour", " per day", " per week", " per month",
                                               ""};
    return QByteArray("the budget of ")
        .append(usd(rule.amount))
        .append(kPeriods[size_t(rule.period)])
        .append(team ? " of this API key's team" : " of this API key");
}

Refusal refusalFor(Verdict verdict, const BudgetRule &rule, bool team, const BudgetWindow &window,
                   Money amount, PolicyTime now)
{
    Refusal refusal;
    refusal.scope = team ? ScopeKind::Team : ScopeKind::Key;
    const QByteArray budget = describe(rule, team);
    switch (verdict) {
    case Verdict::TooLarge:
        refusal.status = 402;
        refusal.code = "budget_exceeded";
        refusal.message = "This request may cost up to " + usd(amount) + ", more than " + budget +
                          ". Set a smaller maximum of output tokens.";
        break;
    case Verdict::Exceeded:
        refusal.status = 402;
        refusal.code = "budget_exceeded";
        refusal.message = "What is left of " + budget + " is less than the " + usd(amount) +
                          " that this request may cost.";
        if (rule.period != BudgetPeriod::Total) {
            refusal.retryAfterMs = std::max<qint64>(1, (window.endUs - now.wallUs + 999) / 1000);
            const QDateTime renewed =
                QDateTime::fromMSecsSinceEpoch(window.endUs / 1000, QTimeZone::utc());
            refusal.message +=
                " It is renewed at " +
                renewed.toString(QStringLiteral("yyyy-MM-dd'T'HH:mm:ss'Z'")).toLatin1() + '.';
        }
        break;
    case Verdict::InFlight:
        refusal.code = "budget_in_flight";
        refusal.message = "What is left of " + budget +
                          " is set aside for requests that are still running. Try again shortly.";
        refusal.retryAfterMs = kInFlightHintMs;
        break;
    case Verdict::NotLoaded:
    case Verdict::Fits:
        refusal.code = "budget_in_flight";
        refusal.message =
            "What was spent of " + budget + " is still being added up. Try again shortly.";
        refusal.retryAfterMs = kInFlightHintMs;
        break;
    }
    return refusal;
}

// An amount spent in the present window of one period and zone.
struct Tracker
{
    BudgetRule rule; ///< as last used; its period and zone never change
    QTimeZone zone;
    BudgetWindow window;
    qint64 enteredNs = 0; ///< when the window became the present one
    Money settled;
    Money held;
    qint64 markerUs = 0;  ///< what finished up to here comes from the ledger
    quint64 wantedBy = 0; ///< the last generation of rules that has it
    bool loaded = false;
    bool softSaid = false;
    bool exhaustedSaid = false;

    [[nodiscard]] bool counts(const BudgetRule &other) const
    {
        return rule.period == other.period && rule.timeZone == other.timeZone;
    }
    [[nodiscard]] bool isSoftReached() const
    {
        return rule.softPercent > 0 && !settled.isZero() &&
               settled.nano() >= rule.amount.nano() / 100 * rule.softPercent;
    }
    [[nodiscard]] bool isExhausted() const { return !settled.isZero() && settled >= rule.amount; }

    void useRule(const BudgetRule &newRule)
    {
        if (rule == newRule) {
            return;
        }
        rule = newRule;
        softSaid = softSaid && isSoftReached();
        exhaustedSaid = exhaustedSaid && isExhausted();
    }

    [[nodiscard]] Verdict judge(Money amount) const
    {
        if (!loaded) {
            return Verdict::NotLoaded;
        }
        if (amount > rule.amount) {
            return Verdict::TooLarge;
        }
        if (settled + amount > rule.amount) {
            return Verdict::Exceeded;
        }
        return settled + held + amount > rule.amount ? Verdict::InFlight : Verdict::Fits;
    }

    // The window is over. A clock that was stepped back does not start it anew; only when as much
    // time as it is long has really passed, because the clock had been wrong before, the earlier
    // date is believed.
    [[nodiscard]] bool isOver(PolicyTime now) const
    {
        return now.wallUs >= window.endUs ||
               (now.wallUs < window.startUs &&
                (now.monotonicNs - enteredNs) / 1000 >= window.endUs - window.startUs);
    }
};

// A key or a team that has a budget.
struct Account
{
    BudgetAccount name;
    std::vector<Tracker> trackers; ///< one, but while its period or zone changes
    int holds = 0;

    Tracker *find(const BudgetRule &rule)
    {
        const auto found = std::find_if(trackers.begin(), trackers.end(),
                                        [&](const Tracker &each) { return each.counts(rule); });
        return found == trackers.end() ? nullptr : &*found;
    }
};

struct Share
{
    Account *account = nullptr;
    qint64 admittedUs = 0; ///< lies in the window that was the present one then
};

// An active hold that sets money aside.
struct Record
{
    Money amount;
    std::array<Share, 2> shares; ///< key and team
};

using Events = std::vector<BudgetEvent>;

BudgetEvent eventOf(BudgetEvent::Kind kind, const BudgetAccount &account, const Tracker &tracker)
{
    return {kind, account, tracker.rule, tracker.window, tracker.settled, tracker.held};
}

void sayExhausted(const BudgetAccount &account, Tracker &tracker, Events &events)
{
    if (!tracker.exhaustedSaid) {
        tracker.exhaustedSaid = true;
        events.push_back(eventOf(BudgetEvent::Kind::Exhausted, account, tracker));
    }
}

void sayWhatIsReached(const BudgetAccount &account, Tracker &tracker, Events &events)
{
    if (!tracker.softSaid && tracker.isSoftReached()) {
        tracker.softSaid = true;
        events.push_back(eventOf(BudgetEvent::Kind::SoftLimit, account, tracker));
    }
    if (tracker.isExhausted()) {
        sayExhausted(account, tracker, events);
    }
}

} // namespace

struct BudgetBook::Private
{
    Account *find(const BudgetAccount &name)
    {
        const auto found = accounts.find(name);
        return found == accounts.end() ? nullptr : &found->second;
    }
    Money heldIn(const Account &account, const BudgetWindow &window) const;
    void advance(Account &account, PolicyTime now);
    static void hold(Record &record, Money more);
    [[nodiscard]] bool hasRoom(const Record &record, Money more, PolicyTime now);
    void end(BudgetHold &hold, std::optional<Money> actual, Events &events);
    void emitAll(const Events &events) const
    {
        for (const BudgetEvent &event : events) {
            if (onEvent) {
                onEvent(event);
            }
        }
    }

    HoldJournal *journal = nullptr;
    EventHandler onEvent;
    std::mutex mutex;
    std::unordered_map<BudgetAccount, Account, AccountHash> accounts;
    std::vector<Account *> order; ///< all accounts; changed by prepare() only
    std::atomic<size_t> accountCount = 0;
    std::vector<Record> records;
    std::vector<quint32> freeRecords;
    std::set<BudgetAccount> notLoadedSaid;
    quint64 generation = 0;
};

Money BudgetBook::Private::heldIn(const Account &account, const BudgetWindow &window) const
{
    Money held;
    if (account.holds > 0) {
        for (const Record &record : records) {
            for (const Share &share : record.shares) {
                if (share.account == &account && window.contains(share.admittedUs)) {
                    held += record.amount;
                }
            }
        }
    }
    return held;
}

void BudgetBook::Private::advance(Account &account, PolicyTime now)
{
    for (Tracker &tracker : account.trackers) {
        if (!tracker.isOver(now)) {
            continue;
        }
        tracker.window = Calendar::window(tracker.rule.period, tracker.zone, now.wallUs);
        tracker.enteredNs = now.monotonicNs;
        tracker.settled = Money();
        tracker.held = heldIn(account, tracker.window);
        tracker.softSaid = false;
        tracker.exhaustedSaid = false;
        tracker.loaded = tracker.loaded || tracker.window.startUs >= tracker.markerUs;
    }
}

BudgetBook::BudgetBook(HoldJournal *journal, EventHandler onEvent)
    : d(std::make_unique<Private>())
{
    d->journal = journal;
    d->onEvent = std::move(onEvent);
}

BudgetBook::~BudgetBook() = default;

std::vector<SpendWanted> BudgetBook::prepare(std::span<const BudgetSubject> subjects,
                                             const std::function<PolicyTime()> &clock)
{
    std::vector<SpendWanted> wanted;
    std::vector<const BudgetSubject *> missing;
    for (size_t next = 0; next < subjects.size() || next == 0; next += kPiece) {
        const std::lock_guard lock(d->mutex);
        if (next == 0) {
            ++d->generation;
            d->notLoadedSaid.clear();
        }
        const PolicyTime now = clock();
        const size_t end = std::min(subjects.size(), next + kPiece);
        for (size_t i = next; i < end; ++i) {
            const BudgetSubject &subject = subjects[i];
            Account *account = d->find(subject.account);
            if (account) {
                d->advance(*account, now);
            }
            Tracker *tracker = account ? account->find(subject.rule) : nullptr;
            if (!tracker) {
                missing.push_back(&subject);
                continue;
            }
            tracker->useRule(subject.rule);
            tracker->wantedBy = d->generation;
            if (!tracker->loaded) {
                wanted.push_back({subject.account, tracker->window.startUs, tracker->markerUs});
            }
        }
    }

    // Zones are read and windows computed without the lock.
    QHash<QByteArray, QTimeZone> zones;
    std::vector<Tracker> trackers;
    for (const BudgetSubject *subject : missing) {
        auto zone = zones.find(subject->rule.timeZone);
        if (zone == zones.end()) {
            zone = zones.insert(subject->rule.timeZone, QTimeZone(subject->rule.timeZone));
        }
        const PolicyTime now = clock();
        Tracker tracker;
        tracker.rule = subject->rule;
        tracker.zone = *zone;
        tracker.window = Calendar::window(subject->rule.period, *zone, now.wallUs);
        tracker.enteredNs = now.monotonicNs;
        tracker.wantedBy = d->generation;
        trackers.push_back(std::move(tracker));
    }
    for (size_t next = 0; next < missing.size(); next += kPiece) {
        const std::lock_guard lock(d->mutex);
        // Under the lock: what settles later is counted here, and so finishes after the marker.
        const PolicyTime now = clock();
        const size_t end = std::min(missing.size(), next + kPiece);
        for (size_t i = next; i < end; ++i) {
            const BudgetAccount &name = missing[i]->account;
            Account &account = d->accounts[name];
            account.name = name;
            if (account.find(missing[i]->rule)) {
                continue; // the same subject twice
            }
            trackers[i].markerUs = now.wallUs;
            trackers[i].held = d->heldIn(account, trackers[i].window);
            account.trackers.push_back(std::move(trackers[i]));
            d->advance(account, now);
            const Tracker &tracker = account.trackers.back();
            if (!tracker.loaded) {
                wanted.push_back({name, tracker.window.startUs, tracker.markerUs});
            }
        }
        d->accountCount = d->accounts.size();
    }

    // What neither this configuration nor the one before it has is forgotten.
    const std::lock_guard lock(d->mutex);
    d->order.clear();
    for (auto it = d->accounts.begin(); it != d->accounts.end();) {
        Account &account = it->second;
        std::erase_if(account.trackers,
                      [&](const Tracker &tracker) { return tracker.wantedBy + 1 < d->generation; });
        if (account.trackers.empty() && account.holds == 0) {
            it = d->accounts.erase(it);
        } else {
            d->order.push_back(&account);
            ++it;
        }
    }
    d->accountCount = d->accounts.size();
    return wanted;
}

void BudgetBook::provide(const SpendWanted &wanted, Money spent)
{
    Events events;
    {
        const std::lock_guard lock(d->mutex);
        Account *account = d->find(wanted.account);
        if (!account) {
            return;
        }
        for (Tracker &tracker : account->trackers) {
            if (!tracker.loaded && tracker.markerUs == wanted.finishedUpToUs &&
                tracker.window.startUs == wanted.fromUs) {
                tracker.settled += spent;
                tracker.loaded = true;
                sayWhatIsReached(account->name, tracker, events);
            }
        }
    }
    d->emitAll(events);
}

std::variant<BudgetHold, Refusal> BudgetBook::hold(const HoldRequest &request, PolicyTime now)
{
    BudgetHold hold;
    hold.m_startedUs = now.wallUs;
    hold.m_ids = {request.keyId, request.teamId};
    if (!request.keyRule && !request.teamRule) {
        hold.m_book = this;
        return hold;
    }
    const std::array<const BudgetRule *, 2> rules = {request.keyRule, request.teamRule};
    const Money amount = std::max(Money(), request.amount);
    hold.m_amount = amount;
    hold.m_id = d->journal ? d->journal->reserve() : 0;
    const bool journalFull = d->journal && hold.m_id == 0;

    Verdict worst = Verdict::Fits;
    size_t worstShare = 0;
    BudgetWindow worstWindow;
    Events events;
    {
        const std::lock_guard lock(d->mutex);
        std::array<Share, 2> shares;
        for (size_t i = 0; i < rules.size(); ++i) {
            if (!rules[i]) {
                continue;
            }
            const BudgetAccount name{i == 1, hold.m_ids[i]};
            Account *account = d->find(name);
            if (account) {
                d->advance(*account, now);
            }
            Tracker *tracker = account ? account->find(*rules[i]) : nullptr;
            Verdict verdict = Verdict::NotLoaded;
            BudgetWindow window;
            if (tracker) {
                tracker->useRule(*rules[i]);
                verdict = tracker->judge(amount);
                window = tracker->window;
                shares[i] = {account, std::clamp(now.wallUs, window.startUs, window.endUs - 1)};
                if (verdict == Verdict::Exceeded) {
                    sayExhausted(name, *tracker, events);
                }
            } else if (d->notLoadedSaid.insert(name).second) {
                events.push_back({BudgetEvent::Kind::NotLoaded, name, *rules[i], {}, {}, {}});
            }
            if (verdict == Verdict::Fits && journalFull) {
                verdict = Verdict::InFlight;
            }
            // Of two that are spent the one that is renewed later is the one to wait for.
            if (!rules[i]->shadow &&
                (verdict > worst || (verdict == worst && verdict != Verdict::Fits &&
                                     window.endUs > worstWindow.endUs))) {
                worst = verdict;
                worstShare = i;
                worstWindow = window;
            }
        }
        if (worst == Verdict::Fits) {
            if (d->freeRecords.empty()) {
                d->freeRecords.push_back(quint32(d->records.size()));
                d->records.emplace_back();
            }
            hold.m_slot = d->freeRecords.back();
            d->freeRecords.pop_back();
            d->records[hold.m_slot] = {amount, shares};
            for (const Share &share : shares) {
                if (!share.account) {
                    continue;
                }
                ++share.account->holds;
                for (Tracker &tracker : share.account->trackers) {
                    if (tracker.window.contains(share.admittedUs)) {
                        tracker.held += amount;
                    }
                }
            }
        }
    }
    d->emitAll(events);
    if (worst != Verdict::Fits) {
        if (hold.m_id != 0) {
            d->journal->free(hold.m_id);
        }
        return refusalFor(worst, *rules[worstShare], worstShare == 1, worstWindow, amount, now);
    }
    if (hold.m_id != 0) {
        d->journal->write(hold.m_id, request.keyId, request.teamId, now.wallUs, amount,
                          request.requestId, request.model, request.backend);
    }
    hold.m_book = this;
    return hold;
}

// Changes what a record holds, and its accounts with it. A window that is over has no room to
// guard.
void BudgetBook::Private::hold(Record &record, Money more)
{
    record.amount += more;
    for (const Share &share : record.shares) {
        if (!share.account) {
            continue;
        }
        for (Tracker &tracker : share.account->trackers) {
            if (tracker.window.contains(share.admittedUs)) {
                tracker.held += more;
            }
        }
    }
}

bool BudgetBook::Private::hasRoom(const Record &record, Money more, PolicyTime now)
{
    bool room = true;
    for (const Share &share : record.shares) {
        if (!share.account) {
            continue;
        }
        advance(*share.account, now);
        for (const Tracker &tracker : share.account->trackers) {
            room = room && (tracker.rule.shadow || !tracker.window.contains(share.admittedUs) ||
                            tracker.settled + tracker.held + more <= tracker.rule.amount);
        }
    }
    return room;
}

bool BudgetBook::extend(BudgetHold &hold, Money more, PolicyTime now)
{
    if (hold.m_book != this || hold.m_slot == BudgetHold::kNoSlot || more <= Money()) {
        return true;
    }
    {
        const std::lock_guard lock(d->mutex);
        if (!d->hasRoom(d->records[hold.m_slot], more, now)) {
            return false;
        }
        d->hold(d->records[hold.m_slot], more);
    }
    if (hold.m_id != 0) {
        const quint64 id = d->journal->rewrite(hold.m_id, hold.m_amount + more);
        if (id == 0) {
            const std::lock_guard lock(d->mutex);
            d->hold(d->records[hold.m_slot], Money() - more);
            return false;
        }
        hold.m_id = id;
    }
    hold.m_amount += more;
    return true;
}

// Nothing for `actual`: the request cost nothing and leaves no trace.
void BudgetBook::Private::end(BudgetHold &hold, std::optional<Money> actual, Events &events)
{
    const std::lock_guard lock(mutex);
    Record record;
    if (hold.m_slot != BudgetHold::kNoSlot) {
        record = std::exchange(records[hold.m_slot], {});
        freeRecords.push_back(hold.m_slot);
    }
    for (size_t i = 0; i < record.shares.size(); ++i) {
        const Share &share = record.shares[i];
        // Without a budget when it began, there may be one now.
        Account *account = share.account ? share.account : find({i == 1, hold.m_ids[i]});
        if (!account) {
            continue;
        }
        account->holds -= share.account ? 1 : 0;
        const qint64 admittedUs = share.account ? share.admittedUs : hold.m_startedUs;
        for (Tracker &tracker : account->trackers) {
            if (!tracker.window.contains(admittedUs)) {
                continue;
            }
            if (share.account) {
                tracker.held -= record.amount;
            }
            if (actual) {
                tracker.settled += *actual;
                sayWhatIsReached(account->name, tracker, events);
            }
        }
    }
}

void BudgetBook::settle(BudgetHold &hold, Money actual)
{
    if (hold.m_book != this) {
        return;
    }
    hold.m_book = nullptr;
    if (hold.m_slot == BudgetHold::kNoSlot && d->accountCount == 0) {
        return;
    }
    const Money spent = std::max(Money(), actual);
    Events events;
    d->end(hold, spent, events);
    d->emitAll(events);
    if (hold.m_id != 0) {
        d->journal->settle(hold.m_id, spent);
    }
}

void BudgetBook::release(BudgetHold &hold)
{
    if (hold.m_book != this) {
        return;
    }
    hold.m_book = nullptr;
    if (hold.m_slot == BudgetHold::kNoSlot) {
        return;
    }
    Events events;
    d->end(hold, {}, events);
    if (hold.m_id != 0) {
        d->journal->free(hold.m_id);
    }
}

std::vector<BudgetUsage> BudgetBook::usage(PolicyTime now)
{
    std::vector<BudgetUsage> all;
    for (size_t next = 0;; next += kPiece) {
        const std::lock_guard lock(d->mutex);
        if (next >= d->order.size()) {
            return all;
        }
        const size_t end = std::min(d->order.size(), next + kPiece);
        for (size_t i = next; i < end; ++i) {
            Account &account = *d->order[i];
            d->advance(account, now);
            for (const Tracker &tracker : account.trackers) {
                if (tracker.wantedBy == d->generation) {
                    all.push_back({account.name, tracker.rule, tracker.window, tracker.settled,
                                   tracker.held, tracker.loaded});
                }
            }
        }
    }
}

BudgetHold::~BudgetHold()
{
    if (m_book) {
        m_book->settle(*this, m_amount);
    }
}

BudgetHold &BudgetHold::operator=(BudgetHold &&other) noexcept
{
    if (this != &other) {
        if (m_book) {
            m_book->settle(*this, m_amount);
        }
        m_book = std::exchange(other.m_book, nullptr);
        m_id = other.m_id;
        m_amount = other.m_amount;
        m_startedUs = other.m_startedUs;
        m_slot = other.m_slot;
        m_ids = other.m_ids;
    }
    return *this;
}

} // namespace tidegate
