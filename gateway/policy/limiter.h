// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/policy/limitergrant.h"
#include "gateway/policy/policytime.h"
#include "gateway/policy/refusal.h"

#include <QByteArray>

#include <memory>
#include <span>
#include <variant>
#include <vector>

namespace tidegate {

/// How much of its limits a scope uses, for the panel and the metrics.
struct LimitUsage
{
    ScopeKind kind = ScopeKind::Key;
    qint64 id = 0;
    QByteArray name;
    Limits limits;       ///< as of its last request
    qint64 requests = 0; ///< of the minute's limit; 0 where there is none
    qint64 tokens = 0;   ///< of the minute's limit, reservations included; 0 where there is none
    qint64 tokensToday = 0;
    int inFlight = 0;
};

/// Counts requests, tokens and requests in flight against the limits of keys, teams, models and
/// client addresses.
///
/// One per process, owned by the Gateway; every function from any thread. One mutex, held for well
/// under a microsecond and never while anything else is locked. The caller brings the limits with
/// each request, so that an edit holds for the next one; what is used stays counted. What can pass
/// a limit, and by how much, is said in docs/limits-and-budgets.md.
class Limiter
{
public:
    /// @p maxScopes bounds the memory spent on models and client addresses (about 500 bytes each).
    explicit Limiter(size_t maxScopes = 50000);
    ~Limiter();
    Limiter(const Limiter &) = delete;
    Limiter &operator=(const Limiter &) = delete;

    /// Takes one request, @p tokens (input estimate and the most that may be answered, at least 0)
    /// and a concurrency slot from every scope, or nothing from any. At most one scope of a kind.
    [[nodiscard]] std::variant<LimiterGrant, Refusal> admit(std::span<const LimitScope> scopes,
                                                            qint64 tokens, PolicyTime now);
    /// Corrects the reservation to @p actualTokens in the window it was made in, and gives the
    /// slot back. Without effect when the grant is no longer active.
    void settle(LimiterGrant &grant, qint64 actualTokens, PolicyTime now);
    /// For a request that never left: as if it had not been admitted.
    void cancel(LimiterGrant &grant, PolicyTime now);

    /// Sets what @p scope had used of its tokens per day before the process started, from the
    /// ledger. Only raises what is counted.
    void restoreDay(const LimitScope &scope, qint64 tokensToday, PolicyTime now);

    /// Every scope that uses any of its limits.
    [[nodiscard]] std::vector<LimitUsage> usage(PolicyTime now) const;
    /// Scopes in memory, idle ones too.
    [[nodiscard]] size_t scopeCount() const;

private:
    friend class LimiterGrant;
    void abandon(LimiterGrant &grant);

    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace tidegate
