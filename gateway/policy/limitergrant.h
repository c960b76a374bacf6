// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/policy/limiterscope.h"

#include <array>
#include <utility>

namespace tidegate {

class Limiter;

/// The leave to send one request, and what it has taken from the limits.
///
/// Movable value, owned by the exchange in its engine thread; must not outlive its Limiter. One
/// that is destroyed without settle() or cancel() gives its concurrency slot back and leaves the
/// reservation charged.
class LimiterGrant
{
public:
    LimiterGrant() = default;
    ~LimiterGrant();
    LimiterGrant(LimiterGrant &&other) noexcept
        : m_limiter(std::exchange(other.m_limiter, nullptr))
        , m_status(other.m_status)
        , m_tokens(other.m_tokens)
        , m_count(other.m_count)
        , m_shares(other.m_shares)
    {
    }
    LimiterGrant &operator=(LimiterGrant &&other) noexcept;

    /// True until it is settled or cancelled.
    [[nodiscard]] bool isActive() const { return m_limiter != nullptr; }
    /// As it stood right after the admission, this request counted.
    [[nodiscard]] const LimitStatus &status() const { return m_status; }
    /// What was reserved.
    [[nodiscard]] qint64 tokens() const { return m_tokens; }

private:
    friend class Limiter;

    /// What was taken from one meter, enough to correct it in its own window later.
    struct Taken
    {
        qint64 mark = 0;
        quint32 epoch = 0;
        bool counted = false; ///< the meter was in force
    };
    struct Share
    {
        void *entry = nullptr; ///< the limiter's; stays while grants are in flight
        Taken requests;
        Taken tokens;
        qint64 day = 0; ///< since 1970 UTC
        bool dayCounted = false;
    };

    Limiter *m_limiter = nullptr;
    LimitStatus m_status;
    qint64 m_tokens = 0;
    int m_count = 0;
    std::array<Share, kScopeKinds> m_shares;
};

} // namespace tidegate
