// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/credentials.h"

#include "gateway/resilience/retryafter.h"

#include <algorithm>
#include <limits>

namespace tidegate {

namespace {

constexpr qint64 kNsPerMs = 1'000'000;
constexpr qsizetype kTail = 4;
// Of a shorter key four characters would tell too much.
constexpr qsizetype kShortestWithTail = 12;

} // namespace

Credentials::Credentials(const std::vector<Secret> &keys)
{
    setKeys(keys);
}

void Credentials::setKeys(const std::vector<Secret> &keys)
{
    const std::lock_guard lock(m_mutex);
    std::vector<Key> updated;
    updated.reserve(keys.size());
    const auto holding = [](const Secret &secret) {
        return [&secret](const Key &key) { return key.secret == secret; };
    };
    for (const Secret &secret : keys) {
        if (std::any_of(updated.cbegin(), updated.cend(), holding(secret))) {
            continue;
        }
        const auto known = std::find_if(m_keys.cbegin(), m_keys.cend(), holding(secret));
        if (known != m_keys.cend()) {
            updated.push_back(*known);
        } else {
            updated.push_back({.id = ++m_lastId, .secret = secret});
        }
    }
    m_keys = std::move(updated);
    m_next = 0;
}

std::optional<Credential> Credentials::lend(qint64 nowNs)
{
    const std::lock_guard lock(m_mutex);
    if (m_keys.empty()) {
        return Credential();
    }
    for (size_t i = 0; i < m_keys.size(); ++i) {
        const size_t index = (m_next + i) % m_keys.size();
        Key &key = m_keys[index];
        if (nowNs < key.untilNs) {
            continue;
        }
        if (key.state == CredentialState::Dead || key.state == CredentialState::OnTrial) {
            key.state = CredentialState::OnTrial;
            key.untilNs = nowNs + kTrialMs * kNsPerMs;
        } else {
            key.state = CredentialState::Ready;
            key.fault = Fault::None;
            key.untilNs = 0;
        }
        ++key.lent;
        m_next = index + 1;
        return Credential{key.id, key.secret};
    }
    return std::nullopt;
}

bool Credentials::anyReady(qint64 nowNs) const
{
    return readyAtNs(nowNs) <= nowNs;
}

qint64 Credentials::readyAtNs(qint64 nowNs) const
{
    const std::lock_guard lock(m_mutex);
    qint64 soonest = m_keys.empty() ? nowNs : std::numeric_limits<qint64>::max();
    for (const Key &key : m_keys) {
        soonest = std::min(soonest, std::max(nowNs, key.untilNs));
    }
    return soonest;
}

bool Credentials::allCooling(qint64 nowNs) const
{
    const std::lock_guard lock(m_mutex);
    return !m_keys.empty() && std::all_of(m_keys.cbegin(), m_keys.cend(), [nowNs](const Key &key) {
        return key.state == CredentialState::Cooling && nowNs < key.untilNs;
    });
}

bool Credentials::hasSpare() const
{
    const std::lock_guard lock(m_mutex);
    return m_keys.size() > 1;
}

void Credentials::settle(quint64 id, const Verdict &verdict, std::optional<qint64> retryAfterMs,
                         qint64 nowNs)
{
    const std::lock_guard lock(m_mutex);
    const auto found =
        std::find_if(m_keys.begin(), m_keys.end(), [id](const Key &key) { return key.id == id; });
    if (found == m_keys.end()) {
        return;
    }
    const bool isOut = found->state == CredentialState::Dead;
    const bool spare = m_keys.size() > 1;
    switch (verdict.disposition) {
    case Disposition::Success:
        // An answer that began before the key was refused does not bring it back.
        if (found->state == CredentialState::OnTrial) {
            found->state = CredentialState::Ready;
            found->fault = Fault::None;
            found->untilNs = 0;
        }
        break;
    case Disposition::CredentialsDead:
        if (!spare) {
            break; // nothing is won by not asking: the client hears what the backend says
        }
        found->state = CredentialState::Dead;
        found->fault = verdict.fault;
        found->untilNs = nowNs + kDeadMs * kNsPerMs;
        break;
    case Disposition::RateLimited:
        // Without a wish, one limit may be used up and another not: only a spare key is better.
        if (!isOut && (spare || retryAfterMs)) {
            const qint64 ms =
                std::clamp<qint64>(retryAfterMs.value_or(kCoolMs), 1, RetryAfter::kMaxMs);
            const qint64 untilNs = nowNs + ms * kNsPerMs;
            found->untilNs = found->state == CredentialState::Cooling
                                 ? std::max(found->untilNs, untilNs)
                                 : untilNs;
            found->state = CredentialState::Cooling;
            found->fault = verdict.fault;
        }
        break;
    case Disposition::Transient:
    case Disposition::ContextTooLong:
    case Disposition::ClientFault:
    case Disposition::Cancelled:
        break;
    }
}

void Credentials::reset()
{
    const std::lock_guard lock(m_mutex);
    for (Key &key : m_keys) {
        key.state = CredentialState::Ready;
        key.fault = Fault::None;
        key.untilNs = 0;
    }
}

std::vector<CredentialInfo> Credentials::snapshot(qint64 nowNs) const
{
    const std::lock_guard lock(m_mutex);
    std::vector<CredentialInfo> all;
    all.reserve(m_keys.size());
    for (const Key &key : m_keys) {
        CredentialInfo info;
        info.index = int(all.size());
        const QByteArray &secret = key.secret.reveal();
        info.tail = secret.size() >= kShortestWithTail ? secret.right(kTail) : QByteArray();
        info.state = key.state;
        info.fault = key.fault;
        info.untilNs = key.untilNs;
        info.lent = key.lent;
        if (nowNs >= key.untilNs) {
            // What the next request will find.
            const bool wasDead =
                key.state == CredentialState::Dead || key.state == CredentialState::OnTrial;
            info.state = wasDead ? CredentialState::OnTrial : CredentialState::Ready;
            info.fault = wasDead ? key.fault : Fault::None;
            info.untilNs = 0;
        }
        all.push_back(std::move(info));
    }
    return all;
}

std::string_view credentialStateName(CredentialState state)
{
    switch (state) {
    case CredentialState::Ready:
        return "ready";
    case CredentialState::Cooling:
        return "cooling";
    case CredentialState::Dead:
        return "dead";
    case CredentialState::OnTrial:
        return "on_trial";
    }
    return {};
}

} // namespace tidegate
