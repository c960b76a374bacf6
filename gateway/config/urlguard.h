// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"

#include <QHostAddress>
#include <QString>

#include <optional>

namespace tidegate {

/// Decides which hosts the gateway may send requests (and so provider keys) to.
///
/// Stateless, any thread. Asked twice: when a URL is configured, with the host as typed, and at
/// each connect, with the address that the name gave. A literal loopback or LAN address is allowed
/// as typed; a name that resolves to one needs `allow_private_network`; link-local addresses and
/// cloud metadata services are always refused, in every spelling.
class UrlGuard
{
public:
    enum class AddressKind : quint8
    {
        Public,
        Loopback, ///< this machine
        Private,  ///< LAN, carrier-grade NAT, unique local IPv6
        LinkLocal,
        Metadata, ///< hands out a cloud machine's credentials
        Unusable, ///< unspecified, multicast, broadcast, reserved
    };

    /// What @p address is. An IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4 …) is
    /// judged by that.
    [[nodiscard]] static AddressKind classify(const QHostAddress &address);

    /// The address that a URL's host spells, or nothing for a name. Understands what the C library
    /// understands: "127.1", "0x7f000001", "017700000001", "2130706433", "[::1]".
    [[nodiscard]] static std::optional<QHostAddress> literalAddress(const QString &host);

    /// True for "localhost" and names below it, which never leave the machine.
    [[nodiscard]] static bool isLocalhostName(const QString &host);

    /// Judges the host of a configured URL, without looking it up.
    [[nodiscard]] static Result<Done> checkHost(const QString &host);

    /// Judges @p address, which @p host resolved to, right before the connection is made.
    [[nodiscard]] static Result<Done>
    checkResolved(const QString &host, const QHostAddress &address, bool allowPrivateNetwork);
};

} // namespace tidegate
