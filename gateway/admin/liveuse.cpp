// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/liveuse.h"

#include "gateway/admin/adminjson.h"
#include "gateway/engine/gateway.h"

#include <limits>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

constexpr qint64 kEndless = std::numeric_limits<qint64>::max();

QJsonObject limitJson(const LimitUsage &use)
{
    return {
        {u"requests_this_minute"_s, use.requests},
        {u"tokens_this_minute"_s, use.tokens},
        {u"tokens_today"_s, use.tokensToday},
        {u"in_flight"_s, use.inFlight},
    };
}

QJsonObject budgetJson(const BudgetUsage &use)
{
    return {
        {u"limit_usd"_s, adminjson::money(use.rule.amount)},
        {u"spent_usd"_s, use.loaded ? adminjson::money(use.settled) : QJsonValue::Null},
        {u"held_usd"_s, adminjson::money(use.held)},
        {u"period_start"_s, use.window.startUs > 0
                                ? QJsonValue(adminjson::timeOfUs(use.window.startUs))
                                : QJsonValue(QJsonValue::Null)},
        {u"period_end"_s, use.window.endUs < kEndless
                              ? QJsonValue(adminjson::timeOfUs(use.window.endUs))
                              : QJsonValue(QJsonValue::Null)},
    };
}

} // namespace

LiveUse::LiveUse(const Gateway &gateway)
{
    for (const LimitUsage &use : gateway.limitUsage()) {
        if (use.kind == ScopeKind::Key) {
            m_keys.limits.insert(use.id, limitJson(use));
        } else if (use.kind == ScopeKind::Team) {
            m_teams.limits.insert(use.id, limitJson(use));
        }
    }
    for (const BudgetUsage &use : gateway.budgetUsage()) {
        (use.account.team ? m_teams : m_keys).budgets.insert(use.account.id, budgetJson(use));
    }
}

QJsonObject LiveUse::of(const Uses &uses, qint64 id)
{
    // A scope that uses nothing is not in the limiter's list.
    QJsonObject use = uses.limits.value(id, limitJson({}));
    const auto budget = uses.budgets.constFind(id);
    use.insert(u"budget"_s,
               budget == uses.budgets.cend() ? QJsonValue(QJsonValue::Null) : QJsonValue(*budget));
    return use;
}

QJsonObject LiveUse::ofKey(qint64 id) const
{
    return of(m_keys, id);
}

QJsonObject LiveUse::ofTeam(qint64 id) const
{
    return of(m_teams, id);
}

} // namespace tidegate
