// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/secret.h"
#include "gateway/resilience/disposition.h"

#include <QByteArray>

#include <mutex>
#include <optional>
#include <vector>

namespace tidegate {

/// One key of a backend, lent to one attempt.
struct Credential
{
    quint64 id = 0; ///< to report on it; 0 when the backend needs no key
    Secret key;     ///< empty when the backend needs no key
};

enum class CredentialState : quint8
{
    Ready,
    Cooling, ///< rate limited: until the backend said
    Dead,    ///< refused or out of credit: until it may be tried again
    OnTrial, ///< was dead; one request finds out whether it still is
};

/// A key as people may see it.
struct CredentialInfo
{
    int index = 0;   ///< as configured, from 0
    QByteArray tail; ///< the last 4 characters; empty for keys shorter than 12
    CredentialState state = CredentialState::Ready;
    Fault fault = Fault::None; ///< what took it out; None when it is ready
    qint64 untilNs = 0;        ///< monotonic; 0 when it is ready
    qint64 lent = 0;           ///< times
};

/// A backend's keys: lent in turn, taken out by themselves when they are refused, and back by
/// themselves. The only key of a backend is never taken out for being refused, and for a rate limit
/// only where the backend says for how long.
///
/// One per backend, shared by all engine threads; every function from any of them. One mutex, held
/// for well under a microsecond. Times are monotonic nanoseconds.
class Credentials
{
public:
    /// How long a refused key stays out.
    static constexpr qint64 kDeadMs = qint64(30) * 60 * 1000;
    /// How long a rate-limited key stays out when the backend did not say.
    static constexpr qint64 kCoolMs = 5'000;
    /// Between two trials of a key that was dead and has not been seen to work.
    static constexpr qint64 kTrialMs = 5'000;

    Credentials() = default;
    explicit Credentials(const std::vector<Secret> &keys);
    Credentials(const Credentials &) = delete;
    Credentials &operator=(const Credentials &) = delete;

    /// Takes over the configured keys. One that was there before keeps its state, a new one is
    /// ready; the same one twice counts once.
    void setKeys(const std::vector<Secret> &keys);

    /// The next key in turn that is ready. Without any configured: one with an empty key. Nothing
    /// when all are out; see readyAtNs().
    [[nodiscard]] std::optional<Credential> lend(qint64 nowNs);
    /// True when lend() would give one. Takes nothing.
    [[nodiscard]] bool anyReady(qint64 nowNs) const;
    /// The soonest that a key is ready: now or later.
    [[nodiscard]] qint64 readyAtNs(qint64 nowNs) const;
    /// True when all keys are out and each of them only for its rate limit.
    [[nodiscard]] bool allCooling(qint64 nowNs) const;
    /// True when there is more than one.
    [[nodiscard]] bool hasSpare() const;

    /// Says how an attempt with the key @p id went, as dispositionRules() has it. An unknown id
    /// (no key, or one that is configured no more) is ignored.
    void settle(quint64 id, const Verdict &verdict, std::optional<qint64> retryAfterMs,
                qint64 nowNs);
    /// Makes all keys ready, by hand.
    void reset();

    [[nodiscard]] std::vector<CredentialInfo> snapshot(qint64 nowNs) const;

private:
    struct Key
    {
        quint64 id = 0;
        Secret secret;
        CredentialState state = CredentialState::Ready;
        Fault fault = Fault::None;
        qint64 untilNs = 0;
        qint64 lent = 0;
    };

    mutable std::mutex m_mutex;
    std::vector<Key> m_keys;
    size_t m_next = 0;
    quint64 m_lastId = 0;
};

/// "ready", "cooling", "dead", "on_trial".
[[nodiscard]] std::string_view credentialStateName(CredentialState state);

} // namespace tidegate
