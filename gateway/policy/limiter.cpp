// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/limiter.h"

#include "gateway/policy/limiterday.h"
#include "gateway/policy/limitermeter.h"

#include <QHashFunctions>
#include <QHostAddress>

#include <algorithm>
#include <mutex>
#include <unordered_map>

namespace tidegate {

namespace {

constexpr qint64 kIdleNs = 60'000'000'000;
constexpr qint64 kSweepNs = 1'000'000'000;
constexpr int kSweepSteps = 64;
constexpr int kMakeRoomSteps = 8;
// Nobody knows when the requests in flight end; a client that asks again in a second does no harm.
constexpr qint64 kConcurrencyHintMs = 1000;
// No key, team or IPv4 address has it, and as an IPv6 network it is reserved.
constexpr qint64 kOverflowId = -1;

struct ScopeName
{
    ScopeKind kind;
    qint64 id;
    std::string_view name;
};

struct ScopeKey
{
    ScopeKind kind;
    qint64 id;
    QByteArray name;

    operator ScopeName() const { return {kind, id, {name.constData(), size_t(name.size())}}; }
};

struct ScopeHash
{
    using is_transparent = void;
    size_t operator()(const ScopeName &scope) const
    {
        // Seeded, because clients choose their address within a network and the model they ask for.
        // Names are short; qHashBits() takes several times as long for them.
        size_t hash = qHashMulti(seed, int(scope.kind), scope.id);
        for (const char letter : scope.name) {
            hash = (hash ^ uchar(letter)) * size_t(0x9e3779b97f4a7c15U);
            hash ^= hash >> 29;
        }
        return hash;
    }
    size_t seed = QHashSeed::globalSeed();
};

struct ScopeEqual
{
    using is_transparent = void;
    bool operator()(const ScopeName &a, const ScopeName &b) const
    {
        return a.kind == b.kind && a.id == b.id && a.name == b.name;
    }
};

bool isBounded(ScopeKind kind)
{
    return kind == ScopeKind::Model || kind == ScopeKind::ClientIp;
}

QByteArray describe(const LimitScope &scope)
{
    switch (scope.kind) {
    case ScopeKind::Key:
        return "this API key";
    case ScopeKind::Team:
        return "this API key's team";
    case ScopeKind::Model:
        return "the model '" + QByteArray(scope.name.data(), qsizetype(scope.name.size())) + "'";
    case ScopeKind::ClientIp:
        return "your network address";
    }
    return {};
}

QByteArray waitText(qint64 ms)
{
    if (ms < 1000) {
        return " Try again in " + QByteArray::number(ms) + " ms.";
    }
    return " Try again in " + QByteArray::number((ms + 999) / 1000) + " s.";
}

enum class Dimension : quint8
{
    Requests,
    Tokens,
    Day,
    Concurrency
};

// The limit that stands in the way the longest.
struct Obstacle
{
    const LimitScope *scope = nullptr;
    Dimension dimension = Dimension::Requests;
    qint64 waitMs = 0; // -1: for ever

    void offer(const LimitScope &other, Dimension otherDimension, qint64 otherWaitMs)
    {
        const bool worse = !scope || (waitMs >= 0 && (otherWaitMs < 0 || otherWaitMs > waitMs ||
                                                      dimension == Dimension::Concurrency));
        // A slot may come free at any time, so it never hides a wait that is known.
        if (worse && !(scope && otherDimension == Dimension::Concurrency)) {
            scope = &other;
            dimension = otherDimension;
            waitMs = otherWaitMs;
        }
    }
};

Refusal refusalFor(const Obstacle &obstacle, qint64 tokens, const LimitStatus &status)
{
    const Limits &limits = obstacle.scope->limits;
    const QByteArray who = describe(*obstacle.scope);
    Refusal refusal;
    refusal.scope = obstacle.scope->kind;
    refusal.limits = status;
    if (obstacle.waitMs >= 0) {
        refusal.retryAfterMs = obstacle.waitMs;
    }
    const QByteArray wait = waitText(obstacle.waitMs);
    const auto tokensRefused = [&](qint64 limit, const char *period) {
        if (obstacle.waitMs < 0) {
            refusal.message =
                "This request needs up to " + QByteArray::number(tokens) + " tokens, but " + who +
                " may use only " + QByteArray::number(limit) + " per " + period +
                ". Make the prompt shorter or set a smaller maximum of output tokens.";
        } else {
            refusal.message = "The limit of " + QByteArray::number(limit) + " tokens per " +
                              period + " of " + who + " is reached (this request needs up to " +
                              QByteArray::number(tokens) + ")." + wait;
        }
    };
    switch (obstacle.dimension) {
    case Dimension::Requests:
        refusal.code = "rate_limit_exceeded";
        refusal.message = "The limit of " + QByteArray::number(limits.requestsPerMinute) +
                          " requests per minute of " + who + " is reached." + wait;
        break;
    case Dimension::Tokens:
        refusal.code = "token_limit_exceeded";
        tokensRefused(limits.tokensPerMinute, "minute");
        break;
    case Dimension::Day:
        refusal.code = "daily_token_limit";
        tokensRefused(limits.tokensPerDay, "day");
        break;
    case Dimension::Concurrency:
        refusal.code = "concurrency_limit_exceeded";
        refusal.message = "The limit of " + QByteArray::number(limits.maxConcurrency) +
                          " requests at a time of " + who +
                          " is reached. Try again when one of them has ended.";
        break;
    }
    return refusal;
}

void tighten(RateStatus &tightest, const RateStatus &other)
{
    if (tightest.limit == 0 || other.remaining < tightest.remaining ||
        (other.remaining == tightest.remaining && other.resetMs > tightest.resetMs)) {
        tightest = other;
    }
}

qint64 untilMs(qint64 atNs, qint64 nowNs)
{
    return std::max<qint64>(1, (atNs - nowNs + 999'999) / 1'000'000);
}

} // namespace

struct Limiter::Private
{
    struct Entry
    {
        ScopeKey key;
        Limits limits;
        LimiterMeter requests;
        LimiterMeter tokens;
        LimiterDay day;
        qint64 lastUsedNs = 0;
        int inFlight = 0;
        size_t index = 0; ///< in order

        // Forgetting it gives nobody more than remembering it.
        bool isIdle(PolicyTime now)
        {
            day.advance(now);
            return inFlight == 0 && day.used() == 0 && requests.isFull(now.monotonicNs) &&
                   tokens.isFull(now.monotonicNs);
        }
        void configure(const Limits &wanted, PolicyTime now)
        {
            requests.configure(wanted.requestsPerMinute, wanted.algorithm, now.monotonicNs);
            tokens.configure(wanted.tokensPerMinute, wanted.algorithm, now.monotonicNs);
            limits = wanted;
        }
    };

    Entry &entryFor(const LimitScope &scope, PolicyTime now);
    Entry *find(const ScopeName &name);
    Entry &insert(const ScopeName &name);
    void evictIdle(PolicyTime now, int steps, qint64 idleNs);

    const size_t maxScopes;
    std::mutex mutex;
    std::unordered_map<ScopeKey, Entry, ScopeHash, ScopeEqual> entries;
    std::vector<Entry *> order; ///< all entries; the hand of the clock goes round in it
    size_t hand = 0;
    size_t bounded = 0; ///< entries of models and addresses
    qint64 sweptNs = 0;

    explicit Private(size_t max)
        : maxScopes(max)
    {
    }
};

Limiter::Private::Entry *Limiter::Private::find(const ScopeName &name)
{
    const auto found = entries.find(name);
    return found == entries.end() ? nullptr : &found->second;
}

Limiter::Private::Entry &Limiter::Private::insert(const ScopeName &name)
{
    ScopeKey key{name.kind, name.id, QByteArray(name.name.data(), qsizetype(name.name.size()))};
    Entry &entry = entries[key];
    entry.key = std::move(key);
    entry.index = order.size();
    order.push_back(&entry);
    bounded += isBounded(name.kind) ? 1 : 0;
    return entry;
}

Limiter::Private::Entry &Limiter::Private::entryFor(const LimitScope &scope, PolicyTime now)
{
    const ScopeName name{scope.kind, scope.id, scope.name};
    Entry *entry = find(name);
    if (!entry && isBounded(scope.kind) && bounded >= maxScopes) {
        evictIdle(now, kMakeRoomSteps, 0);
        if (bounded >= maxScopes) {
            // Every scope in memory uses its limits: the newcomers share one, so that many
            // addresses get together what one may use.
            const ScopeName shared{scope.kind, kOverflowId, {}};
            entry = find(shared);
            if (!entry) {
                entry = &insert(shared);
            }
        }
    }
    if (!entry) {
        entry = &insert(name);
    }
    if (entry->limits != scope.limits) {
        entry->configure(scope.limits, now);
    }
    entry->day.advance(now);
    entry->lastUsedNs = now.monotonicNs;
    return *entry;
}

// Looks at up to `steps` scopes, from where it stopped the last time.
void Limiter::Private::evictIdle(PolicyTime now, int steps, qint64 idleNs)
{
    for (; steps > 0 && !order.empty(); --steps) {
        hand = hand < order.size() ? hand : 0;
        Entry *entry = order[hand];
        if (now.monotonicNs - entry->lastUsedNs < idleNs || !entry->isIdle(now)) {
            ++hand;
            continue;
        }
        order[hand] = order.back();
        order[hand]->index = hand;
        order.pop_back();
        bounded -= isBounded(entry->key.kind) ? 1 : 0;
        entries.erase(entries.find(ScopeName(entry->key)));
    }
}

LimitScope LimitScope::key(qint64 id, const Limits &limits)
{
    return {ScopeKind::Key, id, {}, limits};
}

LimitScope LimitScope::team(qint64 id, const Limits &limits)
{
    return {ScopeKind::Team, id, {}, limits};
}

LimitScope LimitScope::model(std::string_view name, const Limits &limits)
{
    return {ScopeKind::Model, 0, name, limits};
}

LimitScope LimitScope::clientIp(const QHostAddress &address, const Limits &limits)
{
    bool isV4 = false;
    qint64 id = address.toIPv4Address(&isV4); // of ::ffff:a.b.c.d too
    if (!isV4) {
        const Q_IPV6ADDR bytes = address.toIPv6Address();
        id = 0;
        for (int i = 0; i < 8; ++i) {
            id = qint64(quint64(id) << 8 | bytes[i]);
        }
    }
    return {ScopeKind::ClientIp, id, {}, limits};
}

Limiter::Limiter(size_t maxScopes)
    : d(std::make_unique<Private>(maxScopes))
{
}

Limiter::~Limiter() = default;

std::variant<LimiterGrant, Refusal> Limiter::admit(std::span<const LimitScope> scopes,
                                                   qint64 tokens, PolicyTime now)
{
    Q_ASSERT(scopes.size() <= kScopeKinds);
    tokens = std::max<qint64>(0, tokens);
    const qint64 nowNs = now.monotonicNs;
    LimiterGrant grant;
    LimitStatus status;
    Obstacle obstacle;
    {
        const std::lock_guard lock(d->mutex);
        if (nowNs - d->sweptNs >= kSweepNs) {
            d->sweptNs = nowNs;
            d->evictIdle(now, kSweepSteps, kIdleNs);
        }
        std::array<Private::Entry *, kScopeKinds> entries = {};
        int count = 0;
        for (const LimitScope &scope : scopes) {
            if (scope.limits.isEmpty()) {
                continue;
            }
            Private::Entry &entry = d->entryFor(scope, now);
            entries[size_t(count)] = &entry;
            ++count;
            ++entry.inFlight; // nothing may evict it while the others are looked up
            const Limits &limits = scope.limits;
            if (entry.requests.isOn()) {
                const qint64 atNs = entry.requests.availableAtNs(1, nowNs);
                if (atNs != 0) {
                    obstacle.offer(scope, Dimension::Requests, untilMs(atNs, nowNs));
                }
            }
            if (tokens > 0 && entry.tokens.isOn()) {
                const qint64 atNs = entry.tokens.availableAtNs(tokens, nowNs);
                if (atNs != 0) {
                    obstacle.offer(scope, Dimension::Tokens, atNs < 0 ? -1 : untilMs(atNs, nowNs));
                }
            }
            if (tokens > 0 && limits.tokensPerDay > 0 &&
                entry.day.used() + tokens > limits.tokensPerDay) {
                obstacle.offer(scope, Dimension::Day,
                               tokens > limits.tokensPerDay ? -1 : entry.day.restMs(now));
            }
            if (limits.maxConcurrency > 0 && entry.inFlight > limits.maxConcurrency) {
                obstacle.offer(scope, Dimension::Concurrency, kConcurrencyHintMs);
            }
        }
        for (int i = 0; i < count; ++i) {
            Private::Entry &entry = *entries[size_t(i)];
            if (obstacle.scope) {
                --entry.inFlight;
            } else {
                LimiterGrant::Share &share = grant.m_shares[size_t(i)];
                share.entry = &entry;
                if (entry.requests.isOn()) {
                    share.requests = {entry.requests.take(1, nowNs), entry.requests.epoch(), true};
                }
                if (tokens > 0 && entry.tokens.isOn()) {
                    share.tokens = {entry.tokens.take(tokens, nowNs), entry.tokens.epoch(), true};
                }
                share.day = entry.day.day();
                share.dayCounted = tokens > 0 && entry.limits.tokensPerDay > 0;
                entry.day.add(share.dayCounted ? tokens : 0);
            }
            if (entry.requests.isOn()) {
                tighten(status.requests, entry.requests.status(nowNs));
            }
            if (entry.tokens.isOn()) {
                tighten(status.tokens, entry.tokens.status(nowNs));
            }
            if (entry.limits.tokensPerDay > 0) {
                tighten(status.tokens,
                        {entry.limits.tokensPerDay,
                         std::max<qint64>(0, entry.limits.tokensPerDay - entry.day.used()),
                         entry.day.used() > 0 ? entry.day.restMs(now) : 0});
            }
        }
        grant.m_count = count;
    }
    if (obstacle.scope) {
        return refusalFor(obstacle, tokens, status);
    }
    grant.m_limiter = this;
    grant.m_status = status;
    grant.m_tokens = tokens;
    return grant;
}

void Limiter::settle(LimiterGrant &grant, qint64 actualTokens, PolicyTime now)
{
    if (grant.m_limiter != this) {
        return;
    }
    grant.m_limiter = nullptr;
    const qint64 actual = std::max<qint64>(0, actualTokens);
    const std::lock_guard lock(d->mutex);
    for (int i = 0; i < grant.m_count; ++i) {
        const LimiterGrant::Share &share = grant.m_shares[size_t(i)];
        auto &entry = *static_cast<Private::Entry *>(share.entry);
        --entry.inFlight;
        if (share.requests.counted && entry.requests.isOn()) {
            entry.requests.settle(1, 1, share.requests.mark, share.requests.epoch, now.monotonicNs);
        }
        if (entry.tokens.isOn()) {
            if (share.tokens.counted) {
                entry.tokens.settle(grant.m_tokens, actual, share.tokens.mark, share.tokens.epoch,
                                    now.monotonicNs);
            } else if (actual > 0) {
                entry.tokens.charge(actual, now.monotonicNs);
            }
        }
        if (entry.limits.tokensPerDay > 0) {
            entry.day.settle(share.dayCounted ? grant.m_tokens : 0, actual, share.day);
        }
    }
}

void Limiter::cancel(LimiterGrant &grant, PolicyTime now)
{
    if (grant.m_limiter != this) {
        return;
    }
    grant.m_limiter = nullptr;
    const std::lock_guard lock(d->mutex);
    for (int i = 0; i < grant.m_count; ++i) {
        const LimiterGrant::Share &share = grant.m_shares[size_t(i)];
        auto &entry = *static_cast<Private::Entry *>(share.entry);
        --entry.inFlight;
        if (share.requests.counted && entry.requests.isOn()) {
            entry.requests.settle(1, 0, share.requests.mark, share.requests.epoch, now.monotonicNs);
        }
        if (share.tokens.counted && entry.tokens.isOn()) {
            entry.tokens.settle(grant.m_tokens, 0, share.tokens.mark, share.tokens.epoch,
                                now.monotonicNs);
        }
        if (share.dayCounted) {
            entry.day.settle(grant.m_tokens, 0, share.day);
        }
    }
}

void Limiter::abandon(LimiterGrant &grant)
{
    const std::lock_guard lock(d->mutex);
    for (int i = 0; i < grant.m_count; ++i) {
        --static_cast<Private::Entry *>(grant.m_shares[size_t(i)].entry)->inFlight;
    }
}

void Limiter::restoreDay(const LimitScope &scope, qint64 tokensToday, PolicyTime now)
{
    const std::lock_guard lock(d->mutex);
    Private::Entry &entry = d->entryFor(scope, now);
    entry.day.add(std::max<qint64>(0, tokensToday - entry.day.used()));
}

std::vector<LimitUsage> Limiter::usage(PolicyTime now) const
{
    // In pieces, so that no request waits for all of it. A scope that comes or goes meanwhile may
    // be missed.
    constexpr size_t kPiece = 64;
    std::vector<LimitUsage> all;
    for (size_t next = 0;; next += kPiece) {
        const std::lock_guard lock(d->mutex);
        if (next >= d->order.size()) {
            return all;
        }
        const size_t end = std::min(d->order.size(), next + kPiece);
        for (size_t i = next; i < end; ++i) {
            Private::Entry &entry = *d->order[i];
            if (entry.isIdle(now)) {
                continue;
            }
            LimitUsage usage{entry.key.kind,   entry.key.id,  entry.key.name, entry.limits, 0, 0,
                             entry.day.used(), entry.inFlight};
            if (entry.requests.isOn()) {
                const RateStatus status = entry.requests.status(now.monotonicNs);
                usage.requests = status.limit - status.remaining;
            }
            if (entry.tokens.isOn()) {
                const RateStatus status = entry.tokens.status(now.monotonicNs);
                usage.tokens = status.limit - status.remaining;
            }
            all.push_back(std::move(usage));
        }
    }
}

size_t Limiter::scopeCount() const
{
    const std::lock_guard lock(d->mutex);
    return d->order.size();
}

LimiterGrant::~LimiterGrant()
{
    if (m_limiter) {
        m_limiter->abandon(*this);
    }
}

LimiterGrant &LimiterGrant::operator=(LimiterGrant &&other) noexcept
{
    if (this != &other) {
        if (m_limiter) {
            m_limiter->abandon(*this);
        }
        m_limiter = std::exchange(other.m_limiter, nullptr);
        m_status = other.m_status;
        m_tokens = other.m_tokens;
        m_count = other.m_count;
        m_shares = other.m_shares;
    }
    return *this;
}

} // namespace tidegate
