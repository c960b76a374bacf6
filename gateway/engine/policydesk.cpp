// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/policydesk.h"

#include "gateway/store/store.h"
#include "gateway/store/usagereader.h"

#include <QDir>
#include <QLoggingCategory>
#include <QTimer>

#include <algorithm>
#include <chrono>
#include <utility>

namespace tidegate {

namespace {

Q_LOGGING_CATEGORY(lcPolicy, "tidegate.policy")

// The ledger of an older Tidegate is being added up; see Store::spend().
constexpr std::chrono::milliseconds kRetryDelay{200};
constexpr int kRetries = 150;
constexpr qint64 kUsPerDay = 86'400'000'000;

// A request that the process before was killed in. It may have cost all that was held for it.
LedgerRow rowOf(const JournaledHold &hold)
{
    LedgerRow row;
    row.requestId = hold.requestId;
    row.startedAtUs = hold.startedUs;
    row.keyId = hold.keyId;
    row.teamId = hold.teamId;
    row.outcome = Outcome::UpstreamError;
    row.attempts = 1;
    row.requestedModel = hold.model;
    row.servedModel = hold.model;
    row.backend = hold.backend;
    row.errorCode = "gateway_killed";
    row.usage.estimated = !hold.settled.has_value();
    row.cost = hold.settled.value_or(hold.amount);
    row.holdId = hold.id;
    return row;
}

} // namespace

PolicyDesk::PolicyDesk(Store &store, QObject *parent)
    : QObject(parent)
    , m_store(store)
{
}

PolicyDesk::~PolicyDesk() = default;

void PolicyDesk::open(const QString &dataDir, std::function<void(const Result<QString> &)> done)
{
    auto opened = HoldJournal::open(QDir(dataDir).filePath(QStringLiteral("holds")));
    if (!opened) {
        done(Error{opened.error()});
        return;
    }
    m_journal = std::move(opened.value().journal);
    m_budgets = std::make_unique<BudgetBook>(m_journal.get(), [this](const BudgetEvent &event) {
        QMetaObject::invokeMethod(
            this,
            [this, event] {
                report(event);
                Q_EMIT budgetEvent(event);
            },
            Qt::QueuedConnection);
    });
    // The store thread may be in the middle of it when the desk closes, so it has a share.
    m_store.setRowsWritten([journal = m_journal](const std::vector<quint64> &holdIds) {
        for (const quint64 id : holdIds) {
            journal->free(id);
        }
    });
    recover(std::move(opened.value().orphans),
            [done = std::move(done), warning = opened.value().warning] { done(warning); });
}

void PolicyDesk::recover(std::vector<JournaledHold> orphans, std::function<void()> done)
{
    if (orphans.empty()) {
        done();
        return;
    }
    std::vector<quint64> ids;
    qint64 since = orphans.front().startedUs;
    for (const JournaledHold &orphan : orphans) {
        ids.push_back(orphan.id);
        since = std::min(since, orphan.startedUs);
    }
    m_store.findHolds(std::move(ids), since,
                      [this, orphans = std::move(orphans),
                       done = std::move(done)](const Result<std::vector<quint64>> &found) {
                          std::vector<LedgerRow> rows;
                          for (const JournaledHold &orphan : orphans) {
                              const bool written = found && std::find(found->begin(), found->end(),
                                                                      orphan.id) != found->end();
                              if (written) {
                                  m_journal->free(orphan.id);
                              } else {
                                  rows.push_back(rowOf(orphan));
                              }
                          }
                          if (!rows.empty()) {
                              qCWarning(lcPolicy,
                                        "Tidegate was killed while requests were running. %zu of "
                                        "them are booked at what was held for them.",
                                        rows.size());
                              m_store.append(std::move(rows));
                          }
                          done();
                      });
}

// A server has nobody who looks at a panel.
void PolicyDesk::report(const BudgetEvent &event) const
{
    const bool isTeam = event.account.team;
    QString name;
    if (isTeam) {
        const Team *team = m_config ? m_config->keys.team(event.account.id) : nullptr;
        name = team ? team->name : QString();
    } else if (m_config) {
        for (const auto &key : m_config->keys.all()) {
            name = key->id == event.account.id ? key->name : name;
        }
    }
    const QString account =
        QStringLiteral("%1 '%2'").arg(isTeam ? QStringLiteral("team") : QStringLiteral("key"),
                                      name.isEmpty() ? QString::number(event.account.id) : name);
    const QString shadow = event.rule.shadow
                               ? QStringLiteral(" It is a shadow budget: nothing is refused.")
                               : QString();
    switch (event.kind) {
    case BudgetEvent::Kind::SoftLimit:
        qCWarning(lcPolicy, "The %ls has spent %s of its budget of %s USD, %d %% or more.%ls",
                  qUtf16Printable(account), event.settled.toString().constData(),
                  event.rule.amount.toString().constData(), event.rule.softPercent,
                  qUtf16Printable(shadow));
        break;
    case BudgetEvent::Kind::Exhausted:
        qCWarning(lcPolicy, "The budget of the %ls is used up: %s of %s USD are spent.%ls",
                  qUtf16Printable(account), event.settled.toString().constData(),
                  event.rule.amount.toString().constData(), qUtf16Printable(shadow));
        break;
    case BudgetEvent::Kind::NotLoaded:
        qCWarning(lcPolicy,
                  "What the %ls has spent is not known yet; until it is, its requests wait.",
                  qUtf16Printable(account));
        break;
    }
}

// Remembers of whom @p config limits the tokens per day. True when one is new: it may have used
// some today, in an earlier process or before it was limited.
bool PolicyDesk::takeDayLimits(const ConfigSnapshot &config)
{
    QSet<QByteArray> limited;
    for (const auto &key : config.keys.all()) {
        if (key->limits.tokensPerDay > 0) {
            limited.insert("key " + QByteArray::number(key->id));
        }
    }
    for (const Team &team : config.keys.teams()) {
        if (team.limits.tokensPerDay > 0) {
            limited.insert("team " + QByteArray::number(team.id));
        }
    }
    for (const ModelLimits &model : config.rateLimits.perModel) {
        if (model.limits.tokensPerDay > 0) {
            limited.insert("model " + model.pattern.pattern());
        }
    }
    const bool hasNew = !m_dayLimits.contains(limited);
    m_dayLimits = std::move(limited);
    return hasNew;
}

void PolicyDesk::restoreDay(const ConfigSnapshot &config)
{
    std::vector<LimitScope> keys;
    std::vector<LimitScope> teams;
    for (const auto &key : config.keys.all()) {
        if (key->limits.tokensPerDay > 0) {
            keys.push_back(LimitScope::key(key->id, key->limits));
        }
    }
    for (const Team &team : config.keys.teams()) {
        if (team.limits.tokensPerDay > 0) {
            teams.push_back(LimitScope::team(team.id, team.limits));
        }
    }
    const bool models =
        std::any_of(config.rateLimits.perModel.begin(), config.rateLimits.perModel.end(),
                    [](const ModelLimits &each) { return each.limits.tokensPerDay > 0; });
    const PolicyTime now = PolicyTime::now();
    UsageQuery query;
    query.fromUs = now.wallUs - now.wallUs % kUsPerDay;
    query.toUs = now.wallUs + 1;
    const auto restore = [&](UsageQuery::By by, const auto &scopeOf) {
        UsageReader reader;
        query.groupBy = by;
        auto opened = reader.open(m_store.databasePath());
        const auto used = opened ? reader.usage(query) : Error{opened.error()};
        if (!used) {
            qCWarning(lcPolicy, "What was used of the limits per day cannot be read: %ls",
                      qUtf16Printable(used.error()));
            return;
        }
        for (size_t i = 0; i < used->groups.size(); ++i) {
            const UsageTotals &totals = used->groupTotals[i];
            scopeOf(used->groups[i], totals.inputTokens + totals.outputTokens);
        }
    };
    const auto restoreById = [&](UsageQuery::By by, const std::vector<LimitScope> &scopes) {
        if (scopes.empty()) {
            return;
        }
        restore(by, [&](const UsageResult::Label &label, qint64 tokens) {
            for (const LimitScope &scope : scopes) {
                if (scope.id == label.id) {
                    m_limiter.restoreDay(scope, tokens, now);
                }
            }
        });
    };
    restoreById(UsageQuery::By::Key, keys);
    restoreById(UsageQuery::By::Team, teams);
    if (models) {
        restore(UsageQuery::By::Model, [&](const UsageResult::Label &label, qint64 tokens) {
            const QByteArray name = label.name.toUtf8();
            const std::string_view text(name.constData(), size_t(name.size()));
            const Limits *limits = config.rateLimits.forModel(text);
            if (limits && limits->tokensPerDay > 0) {
                m_limiter.restoreDay(LimitScope::model(text, *limits), tokens, now);
            }
        });
    }
}

void PolicyDesk::close()
{
    m_budgets.reset();
    m_journal.reset();
}

Policies PolicyDesk::policies()
{
    return {&m_limiter, m_budgets.get()};
}

void PolicyDesk::prepare(const ConfigPtr &config, const FlushRows &flush,
                         std::function<void()> ready)
{
    m_config = config;
    const bool hasNewDayLimits = takeDayLimits(*config);
    std::vector<BudgetSubject> subjects;
    for (const auto &key : config->keys.all()) {
        if (key->budget) {
            subjects.push_back({{false, key->id}, *key->budget});
        }
    }
    for (const Team &team : config->keys.teams()) {
        if (team.budget) {
            subjects.push_back({{true, team.id}, *team.budget});
        }
    }
    std::vector<SpendWanted> wanted = m_budgets->prepare(subjects);
    if (wanted.empty() && !hasNewDayLimits) {
        ready();
        return;
    }
    if (hasNewDayLimits) {
        ready = [this, config, ready = std::move(ready)] {
            restoreDay(*config); // by now all that has finished is in the ledger
            ready();
        };
    }
    flush([this, wanted = std::move(wanted), ready = std::move(ready)] {
        read(wanted, ready, kRetries);
    });
}

void PolicyDesk::read(std::vector<SpendWanted> wanted, std::function<void()> ready, int tries)
{
    std::vector<SpendQuery> queries;
    queries.reserve(wanted.size());
    for (const SpendWanted &each : wanted) {
        queries.push_back({each.account.team, each.account.id, each.fromUs, each.finishedUpToUs});
    }
    m_store.spend(std::move(queries), [this, wanted = std::move(wanted), ready = std::move(ready),
                                       tries](const Result<std::vector<Money>> &spent) {
        if (!m_budgets) {
            return;
        }
        if (spent) {
            for (size_t i = 0; i < wanted.size(); ++i) {
                m_budgets->provide(wanted[i], (*spent)[i]);
            }
        } else if (tries > 0) {
            QTimer::singleShot(kRetryDelay, this,
                               [this, wanted, ready, tries] { read(wanted, ready, tries - 1); });
            return;
        } else {
            // Until it is known, requests on these budgets get budget_in_flight.
            qCCritical(lcPolicy, "What the budgets have spent cannot be read: %ls",
                       qUtf16Printable(spent.error()));
        }
        ready();
    });
}

std::vector<LimitUsage> PolicyDesk::limitUsage() const
{
    return m_limiter.usage(PolicyTime::now());
}

std::vector<BudgetUsage> PolicyDesk::budgetUsage() const
{
    return m_budgets ? m_budgets->usage(PolicyTime::now()) : std::vector<BudgetUsage>();
}

} // namespace tidegate
