// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/admission.h"

#include "gateway/policy/pricetable.h"
#include "gateway/protocol/promptsize.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace tidegate {

namespace {

std::string_view view(const QByteArray &bytes)
{
    return {bytes.constData(), size_t(bytes.size())};
}

bool countsTokens(const Limits &limits)
{
    return limits.tokensPerMinute > 0 || limits.tokensPerDay > 0;
}

qint64 product(qint64 a, qint64 b)
{
    qint64 result = 0;
    return __builtin_mul_overflow(a, b, &result) ? std::numeric_limits<qint64>::max() / 4 : result;
}

// Seconds to the millisecond, as "1.250s": a duration in the notation of OpenAI's own fields.
void addDuration(ResponseHead &head, std::string_view name, qint64 ms)
{
    std::array<char, 32> text{};
    char *to = std::to_chars(text.data(), text.data() + 24, ms / 1000).ptr;
    if (const qint64 rest = ms % 1000; rest != 0) {
        *to++ = '.';
        for (const qint64 unit : {100, 10, 1}) {
            *to++ = char('0' + rest / unit % 10);
        }
    }
    *to++ = 's';
    head.add(name, std::string_view(text.data(), size_t(to - text.data())));
}

void addRate(ResponseHead &head, const RateStatus &rate, std::string_view limit,
             std::string_view remaining, std::string_view reset)
{
    if (rate.limit > 0) {
        head.add(limit, rate.limit);
        head.add(remaining, rate.remaining);
        addDuration(head, reset, rate.resetMs);
    }
}

} // namespace

std::optional<Refusal> Admission::admit(const Policies &policies, const AdmissionRequest &request)
{
    m_policies = policies;
    m_prices = request.config.prices.get();
    use(request.plan.lanes.front());
    PolicyTime now = PolicyTime::now();
    if (auto refusal = takeLimits(request, now)) {
        return refusal;
    }
    now.wallUs = request.startedAtUs; // so that budget and ledger agree on the window
    if (auto refusal = takeMoney(request, now)) {
        if (m_grant.isActive()) {
            m_policies.limiter->cancel(m_grant, now);
            m_grant = {};
        }
        return refusal;
    }
    return std::nullopt;
}

const RequestSize &Admission::sizeOf(const AdmissionRequest &request)
{
    if (!m_size) {
        m_size = PromptSize::of(request.body);
        if (!request.hasOutput) {
            m_size->maxOutputTokens = 0;
        }
    }
    return *m_size;
}

std::optional<Refusal> Admission::takeLimits(const AdmissionRequest &request, PolicyTime now)
{
    std::array<LimitScope, kScopeKinds> scopes;
    size_t count = 0;
    bool tokens = false;
    qint64 tightest = std::numeric_limits<qint64>::max();
    const auto add = [&](const LimitScope &scope) {
        if (scope.limits.isEmpty()) {
            return;
        }
        scopes[count++] = scope;
        tokens |= countsTokens(scope.limits);
        for (const qint64 limit : {scope.limits.tokensPerMinute, scope.limits.tokensPerDay}) {
            tightest = limit > 0 ? std::min(tightest, limit) : tightest;
        }
    };
    if (request.key) {
        add(LimitScope::key(request.key->id, request.key->limits));
        if (const Team *team = request.config.keys.team(request.key->teamId)) {
            add(LimitScope::team(team->id, team->limits));
        }
    } else {
        add(LimitScope::clientIp(request.client, request.config.rateLimits.perIp));
    }
    if (const Limits *limits = request.config.rateLimits.forModel(view(request.requestedModel))) {
        add(LimitScope::model(view(request.requestedModel), *limits));
    }
    if (count == 0) {
        return std::nullopt;
    }
    const std::span<const LimitScope> applying(scopes.data(), count);
    qint64 reserved = 0;
    bool openEnded = false;
    if (tokens) {
        const RequestSize &size = sizeOf(request);
        openEnded = size.maxOutputTokens < 0;
        const qint64 assumed =
            m_price && m_price->maxOutput > 0 ? m_price->maxOutput : ModelPrice::kAssumedMaxOutput;
        const qint64 output = product(openEnded ? assumed : size.maxOutputTokens, size.choices);
        reserved = size.inputTokens + output;
        if (openEnded) {
            reserved = std::max(size.inputTokens, std::min(reserved, tightest));
        }
    }
    auto verdict = m_policies.limiter->admit(applying, reserved, now);
    if (Refusal *refusal = std::get_if<Refusal>(&verdict)) {
        // A request that says no maximum may have what is left, if that is room for any answer at
        // all: else those that never say one could use no more than a part of a small limit. Where
        // it is not, the wait is until there is as much.
        const qint64 left = refusal->limits.tokens.remaining;
        if (!openEnded || left >= reserved || refusal->limits.tokens.limit == 0) {
            return std::move(*refusal);
        }
        const qint64 least = std::min(reserved, sizeOf(request).inputTokens + 1);
        verdict = m_policies.limiter->admit(applying, std::max(left, least), now);
        if (Refusal *again = std::get_if<Refusal>(&verdict)) {
            return std::move(*again);
        }
    }
    m_grant = std::move(std::get<LimiterGrant>(verdict));
    return std::nullopt;
}

std::optional<Refusal> Admission::takeMoney(const AdmissionRequest &request, PolicyTime now)
{
    HoldRequest wanted;
    if (request.key) {
        wanted.keyId = request.key->id;
        wanted.keyRule = request.key->budget ? &*request.key->budget : nullptr;
        if (const Team *team = request.config.keys.team(request.key->teamId)) {
            wanted.teamId = team->id;
            wanted.teamRule = team->budget ? &*team->budget : nullptr;
        }
    }
    LanePlan &plan = request.plan;
    if (wanted.keyRule || wanted.teamRule) {
        const bool enforced = (wanted.keyRule && !wanted.keyRule->shadow) ||
                              (wanted.teamRule && !wanted.teamRule->shadow);
        if (enforced && request.config.unknownPrice == UnknownPrice::Deny) {
            if (auto refusal = dropUnpriced(plan)) {
                return refusal;
            }
        }
        const RequestSize &size = sizeOf(request); // here, because more may be held later
        // The dearest lane that the request may come to.
        for (const PlannedLane &lane : plan.lanes) {
            if (const ModelPrice *price = m_prices->find(view(lane.model))) {
                wanted.amount = std::max(wanted.amount, price->holdFor(size));
            }
        }
    }
    const PlannedLane &first = plan.lanes.front();
    wanted.requestId = view(request.requestId);
    wanted.model = view(first.model);
    wanted.backend = view(first.backend().name);
    auto verdict = m_policies.budgets->hold(wanted, now);
    if (Refusal *refusal = std::get_if<Refusal>(&verdict)) {
        return std::move(*refusal);
    }
    m_hold = std::move(std::get<BudgetHold>(verdict));
    return std::nullopt;
}

// Whoever has a budget must not come to a model whose price nobody knows.
std::optional<Refusal> Admission::dropUnpriced(LanePlan &plan) const
{
    const QByteArray model = plan.lanes.front().model;
    const auto unpriced = [this](const PlannedLane &lane) {
        return !lane.isLocal() && !m_prices->find(view(lane.model));
    };
    for (const PlannedLane &lane : plan.lanes) {
        if (unpriced(lane)) {
            plan.trace.skipped(lane.backend().name, lane.model, RouteStep::Reason::NotAllowed, 0);
        }
    }
    plan.lanes.erase(std::remove_if(plan.lanes.begin(), plan.lanes.end(), unpriced),
                     plan.lanes.end());
    if (!plan.lanes.isEmpty()) {
        return std::nullopt;
    }
    Refusal refusal;
    refusal.status = 403;
    refusal.code = "model_not_allowed";
    refusal.message = "The price of the model '" + model +
                      "' is not known, so a key with a budget may not use it. Add a price, or set "
                      "prices.unknown to allow.";
    return refusal;
}

void Admission::use(const PlannedLane &lane)
{
    if (m_pricedModel != lane.model) {
        m_pricedModel = lane.model;
        m_price = m_prices->find(view(lane.model));
    }
    m_free = lane.isLocal();
}

std::optional<Money> Admission::cost(const TokenUsage &usage) const
{
    if (m_price) {
        return m_price->cost(usage);
    }
    return m_free ? std::optional(Money()) : std::nullopt;
}

std::optional<Money> Admission::costAt(const PlannedLane &lane, const TokenUsage &usage) const
{
    if (!usage.isKnown() || lane.isLocal()) {
        return Money();
    }
    const ModelPrice *price = m_prices->find(view(lane.model));
    return price ? price->cost(usage) : std::nullopt;
}

bool Admission::holdAlso(const PlannedLane &lane)
{
    if (!m_hold.setsAside() || lane.isLocal()) {
        return true;
    }
    const ModelPrice *price = m_prices->find(view(lane.model));
    return !price || m_policies.budgets->extend(m_hold, price->holdFor(*m_size), PolicyTime::now());
}

bool Admission::holdAlso(const PlannedLane &lane, const TokenUsage &usage)
{
    if (!m_hold.setsAside()) {
        return true;
    }
    const Money cost = costAt(lane, usage).value_or(Money());
    return cost.isZero() || m_policies.budgets->extend(m_hold, cost, PolicyTime::now());
}

void Admission::addBesides(const PlannedLane &lane, const TokenUsage &usage)
{
    if (!usage.isKnown()) {
        return;
    }
    TokenUsage &sum = m_besides.usage;
    sum.input = std::max<qint64>(sum.input, 0) + std::max<qint64>(usage.input, 0);
    sum.output = std::max<qint64>(sum.output, 0) + std::max<qint64>(usage.output, 0);
    const auto cost = costAt(lane, usage);
    m_besides.cost = cost && m_besides.cost ? std::optional(*m_besides.cost + *cost) : std::nullopt;
}

Admission::Used Admission::total(const TokenUsage &usage) const
{
    Used all{usage, usage.isKnown() ? cost(usage) : Money()};
    if (m_besides.usage.isKnown()) {
        all.usage.input = std::max<qint64>(usage.input, 0) + m_besides.usage.input;
        all.usage.output = std::max<qint64>(usage.output, 0) + m_besides.usage.output;
        all.usage.estimated = true;
        all.cost =
            all.cost && m_besides.cost ? std::optional(*all.cost + *m_besides.cost) : std::nullopt;
    }
    return all;
}

void Admission::settle(const TokenUsage &usage, std::optional<Money> cost, bool left)
{
    if (m_grant.isActive()) {
        const PolicyTime now = PolicyTime::now();
        if (left) {
            m_policies.limiter->settle(
                m_grant, std::max<qint64>(usage.input, 0) + std::max<qint64>(usage.output, 0), now);
        } else {
            m_policies.limiter->cancel(m_grant, now);
        }
    }
    if (m_hold.isActive()) {
        // What cannot be told is booked as it was held: too much is put right by a person, too
        // little is spent again.
        m_policies.budgets->settle(m_hold, cost.value_or(m_hold.amount()));
    }
}

void Admission::addLimitFields(ResponseHead &head, const LimitStatus &status)
{
    addRate(head, status.requests, "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests",
            "x-ratelimit-reset-requests");
    addRate(head, status.tokens, "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens",
            "x-ratelimit-reset-tokens");
}

} // namespace tidegate
