// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/policy/budgethold.h"
#include "gateway/policy/calendar.h"
#include "gateway/policy/limits.h"
#include "gateway/policy/policytime.h"
#include "gateway/policy/refusal.h"

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace tidegate {

class HoldJournal;

/// Whose money: a key's or a team's.
struct BudgetAccount
{
    bool team = false;
    qint64 id = 0;

    friend auto operator<=>(const BudgetAccount &, const BudgetAccount &) = default;
};

/// An account and the rule that the configuration has for it.
struct BudgetSubject
{
    BudgetAccount account;
    BudgetRule rule;
};

/// What the book must be told before it can judge an account: what the ledger's rows that started
/// in [fromUs, …) and finished up to finishedUpToUs cost. The book counts what settles later.
struct SpendWanted
{
    BudgetAccount account;
    qint64 fromUs = 0;
    qint64 finishedUpToUs = 0;
};

/// One request that wants to spend.
struct HoldRequest
{
    qint64 keyId = 0;                    ///< 0: none
    const BudgetRule *keyRule = nullptr; ///< null: no budget
    qint64 teamId = 0;                   ///< 0: none
    const BudgetRule *teamRule = nullptr;
    Money amount; ///< the most it can cost, as far as that is known
    // For the row that a crash would leave to be written; shortened to 186 bytes together.
    std::string_view requestId;
    std::string_view model;
    std::string_view backend;
};

/// Something to tell people. Each kind at most once per account and window.
struct BudgetEvent
{
    enum class Kind : quint8
    {
        SoftLimit, ///< settled money reached BudgetRule::softPercent
        Exhausted, ///< a request was refused, or would have been by a shadow rule, or all is spent
        NotLoaded, ///< a rule that prepare() was never told is in use
    };
    Kind kind = Kind::SoftLimit;
    BudgetAccount account;
    BudgetRule rule;
    BudgetWindow window;
    Money settled;
    Money held;
};

/// How an account stands, for the panel and the metrics.
struct BudgetUsage
{
    BudgetAccount account;
    BudgetRule rule;
    BudgetWindow window;
    Money settled;
    Money held;
    bool loaded = false;
};

/// Sees to it that keys and teams never spend more than their budgets: what is settled and held in
/// a window stays within the amount.
///
/// One per process, owned by the Gateway; every function from any thread. One mutex, never held
/// while anything else is locked. Rules come with each request, so that an edit of the amount holds
/// at once. The one way past the amount is a request that costs more than it held; that is booked
/// in full.
class BudgetBook
{
public:
    /// Called in the thread that caused the event, without a lock; must be quick and thread-safe.
    using EventHandler = std::function<void(const BudgetEvent &)>;

    /// @p journal, which may be null (then a crash forgets what is held), must outlive the book.
    explicit BudgetBook(HoldJournal *journal = nullptr, EventHandler onEvent = {});
    ~BudgetBook();
    BudgetBook(const BudgetBook &) = delete;
    BudgetBook &operator=(const BudgetBook &) = delete;

    /// Tells all rules of a configuration that is about to be used, before it is. Answers what has
    /// to be read from the ledger and given to provide() first: nothing for accounts whose period
    /// and zone are known already. The rules of the configuration before it stay usable. Reads time
    /// zones from disk, so not for engine threads; from one thread at a time.
    [[nodiscard]] std::vector<SpendWanted>
    prepare(std::span<const BudgetSubject> subjects,
            const std::function<PolicyTime()> &clock = &PolicyTime::now);
    /// Answers one SpendWanted. Without effect when it was answered or has become pointless.
    void provide(const SpendWanted &wanted, Money spent);

    /// Sets the amount aside in the accounts of key and team, in both or in none. With neither rule
    /// the hold is empty and nearly free, but settle() it all the same: a budget may be set
    /// meanwhile. @p now.wallUs decides the window; make it LedgerRow::startedAtUs where the two
    /// must agree to the microsecond.
    [[nodiscard]] std::variant<BudgetHold, Refusal> hold(const HoldRequest &request,
                                                         PolicyTime now);
    /// Sets @p more aside for the same request, in all its accounts or in none: it turned out that
    /// it may cost more. False when a budget has no room for it. Without effect, and true, on a
    /// hold that sets nothing aside.
    [[nodiscard]] bool extend(BudgetHold &hold, Money more, PolicyTime now);
    /// Books @p actual, also when it is more than was held, in the window of the hold. Call it
    /// right after the ledger row was handed over: then no spend is missed when a budget is set
    /// meanwhile. Without effect when the hold is no longer active.
    void settle(BudgetHold &hold, Money actual);
    /// For a request that cost nothing and whose ledger row, if any, carries no hold.
    void release(BudgetHold &hold);

    [[nodiscard]] std::vector<BudgetUsage> usage(PolicyTime now);

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace tidegate
