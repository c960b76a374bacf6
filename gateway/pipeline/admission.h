// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"
#include "gateway/http/responsewriter.h"
#include "gateway/pipeline/laneplan.h"
#include "gateway/policy/budgetbook.h"
#include "gateway/policy/limiter.h"
#include "gateway/policy/modelprice.h"
#include "gateway/protocol/tokenusage.h"

#include <QByteArray>
#include <QHostAddress>

#include <optional>

namespace tidegate {

/// What counts requests against limits and budgets; shared by all engine threads.
struct Policies
{
    Limiter *limiter = nullptr;
    BudgetBook *budgets = nullptr;
};

/// A request that asks to be admitted. Only valid during the call that it is given to.
struct AdmissionRequest
{
    const ConfigSnapshot &config;
    const ClientKey *key; ///< null: none was asked for
    const QHostAddress &client;
    const QByteArray &body;
    const QByteArray &requestedModel;
    LanePlan &plan; ///< lanes that may not be paid for are taken out; has one at least
    const QByteArray &requestId;
    bool hasOutput;     ///< false for endpoints that generate no tokens
    qint64 startedAtUs; ///< wall clock
};

/// What one request has taken of limits and budgets, from its admission to its settlement.
///
/// Lives in one engine thread, part of its Exchange. Rules and prices are those of the
/// configuration that the request began with; it must outlive this.
class Admission
{
public:
    /// Takes everything, or nothing and says why.
    [[nodiscard]] std::optional<Refusal> admit(const Policies &policies,
                                               const AdmissionRequest &request);

    /// The lane that is called now, by whose price is settled.
    void use(const PlannedLane &lane);
    /// What @p usage costs. Nothing when the price, or a count that it needs, is unknown.
    [[nodiscard]] std::optional<Money> cost(const TokenUsage &usage) const;

    /// What a request has used and what that costs.
    struct Used
    {
        TokenUsage usage;
        std::optional<Money> cost = Money();
    };
    /// Sets aside, besides what is, the most that the request may cost at @p lane, too. False when
    /// a budget has no room for it.
    [[nodiscard]] bool holdAlso(const PlannedLane &lane);
    /// Sets aside, besides what is, what an attempt at @p lane has used.
    [[nodiscard]] bool holdAlso(const PlannedLane &lane, const TokenUsage &usage);
    /// Counts what an attempt at @p lane has used whose answer the client does not get.
    void addBesides(const PlannedLane &lane, const TokenUsage &usage);
    /// What was counted so, and @p usage of the lane in use.
    [[nodiscard]] Used total(const TokenUsage &usage) const;
    /// Corrects everything to what was really used. @p left: the request was sent to a backend.
    void settle(const TokenUsage &usage, std::optional<Money> cost, bool left);

    /// For LedgerRow::holdId.
    [[nodiscard]] quint64 holdId() const { return m_hold.id(); }
    /// Adds the x-ratelimit-* fields of @p status, where limits apply.
    static void addLimitFields(ResponseHead &head, const LimitStatus &status);
    [[nodiscard]] const LimitStatus &limitStatus() const { return m_grant.status(); }

private:
    [[nodiscard]] std::optional<Refusal> takeLimits(const AdmissionRequest &request,
                                                    PolicyTime now);
    [[nodiscard]] std::optional<Refusal> takeMoney(const AdmissionRequest &request, PolicyTime now);
    [[nodiscard]] std::optional<Refusal> dropUnpriced(LanePlan &plan) const;
    [[nodiscard]] const RequestSize &sizeOf(const AdmissionRequest &request);
    [[nodiscard]] std::optional<Money> costAt(const PlannedLane &lane,
                                              const TokenUsage &usage) const;

    Policies m_policies;
    LimiterGrant m_grant;
    BudgetHold m_hold;
    std::optional<RequestSize> m_size; ///< read when a limit or a budget needs it
    Used m_besides;                    ///< of attempts whose answer the client does not get
    const PriceTable *m_prices = nullptr;
    QByteArray m_pricedModel;            ///< of the lane in use
    const ModelPrice *m_price = nullptr; ///< of that model; null: not known
    bool m_free = false;                 ///< answered by Tidegate itself, so no price is missing
};

} // namespace tidegate
