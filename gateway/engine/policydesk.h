// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"
#include "gateway/pipeline/admission.h"
#include "gateway/policy/holdjournal.h"

#include <QObject>
#include <QSet>

#include <functional>
#include <memory>
#include <vector>

namespace tidegate {

class Store;

/// What counts limits and budgets for all engine threads, and what connects it with the ledger.
///
/// Lives in the main thread, owned by the Gateway; outlives the engines. Its Policies are used by
/// every engine thread.
class PolicyDesk final : public QObject
{
    Q_OBJECT

public:
    explicit PolicyDesk(Store &store, QObject *parent = nullptr);
    ~PolicyDesk() override;

    /// Opens the journal of holds in @p dataDir, once the store is open, and writes ledger rows for
    /// the requests that an earlier process was killed in. @p done comes in the main thread, with a
    /// warning for people or an empty text; an error when there can be no journal.
    void open(const QString &dataDir, std::function<void(const Result<QString> &)> done);
    /// No engine runs any more, and the store is closed.
    void close();

    [[nodiscard]] Policies policies();
    /// Makes the engines hand over their ledger rows, and calls @p done in the main thread.
    using FlushRows = std::function<void(std::function<void()> done)>;
    /// Sees to it that every budget of @p config knows what is spent, and every limit per day that
    /// the configuration before did not have what is used. @p ready comes in the main thread, now
    /// or later.
    void prepare(const ConfigPtr &config, const FlushRows &flush, std::function<void()> ready);

    [[nodiscard]] std::vector<LimitUsage> limitUsage() const;
    [[nodiscard]] std::vector<BudgetUsage> budgetUsage() const;

Q_SIGNALS:
    /// Once for each kind, account and window.
    void budgetEvent(const tidegate::BudgetEvent &event);

private:
    void recover(std::vector<JournaledHold> orphans, std::function<void()> done);
    [[nodiscard]] bool takeDayLimits(const ConfigSnapshot &config);
    void restoreDay(const ConfigSnapshot &config);
    void report(const BudgetEvent &event) const;
    void read(std::vector<SpendWanted> wanted, std::function<void()> ready, int tries);

    Store &m_store;
    Limiter m_limiter;
    std::shared_ptr<HoldJournal> m_journal; ///< null when closed
    std::unique_ptr<BudgetBook> m_budgets;
    ConfigPtr m_config;           ///< the last that was prepared; null before
    QSet<QByteArray> m_dayLimits; ///< of whom m_config limits the tokens per day
};

} // namespace tidegate
