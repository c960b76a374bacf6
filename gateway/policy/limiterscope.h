// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/policy/limits.h"

#include <QByteArray>

#include <string_view>

QT_FORWARD_DECLARE_CLASS(QHostAddress)

namespace tidegate {

/// What a limit or budget belongs to.
enum class ScopeKind : quint8
{
    Key,      ///< by ClientKey::id
    Team,     ///< by Team::id
    Model,    ///< by its name
    ClientIp, ///< an IPv4 address, or the /64 network of an IPv6 one
};
inline constexpr int kScopeKinds = 4;

/// One of the things that a request is counted against, with the limits in force for this request.
///
/// Value type; only valid during the call that it is given to.
struct LimitScope
{
    ScopeKind kind = ScopeKind::Key;
    qint64 id = 0;         ///< of a key or team; for ClientIp see clientIp()
    std::string_view name; ///< of a model; empty for the others
    Limits limits;

    [[nodiscard]] static LimitScope key(qint64 id, const Limits &limits);
    [[nodiscard]] static LimitScope team(qint64 id, const Limits &limits);
    [[nodiscard]] static LimitScope model(std::string_view name, const Limits &limits);
    /// An IPv6 client owns its whole /64, so that is what is limited.
    [[nodiscard]] static LimitScope clientIp(const QHostAddress &address, const Limits &limits);
};

/// How one rate stands, for `x-ratelimit-*`.
struct RateStatus
{
    qint64 limit = 0; ///< 0: no limit applies, send no header
    qint64 remaining = 0;
    qint64 resetMs = 0; ///< until all of the limit is there again, if nothing more is used

    bool operator==(const RateStatus &) const = default;
};

/// The tightest of all scopes of a request: the one with the least remaining. For tokens the limits
/// per minute and per day compete.
struct LimitStatus
{
    RateStatus requests;
    RateStatus tokens;

    bool operator==(const LimitStatus &) const = default;
};

} // namespace tidegate
