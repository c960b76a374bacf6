// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/urlguard.h"

#include <QRegularExpression>
#include <QStringList>

#include <algorithm>
#include <array>
#include <limits>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

using AddressKind = UrlGuard::AddressKind;

struct Subnet4
{
    quint32 network;
    int prefix;
    AddressKind kind;
};

constexpr quint32 ip4(quint32 a, quint32 b, quint32 c, quint32 d)
{
    return a << 24 | b << 16 | c << 8 | d;
}

/// The first match counts, so single services come before the networks they lie in.
constexpr std::array kSubnets4{
    Subnet4{ip4(100, 100, 100, 200), 32, AddressKind::Metadata}, // Alibaba
    Subnet4{ip4(168, 63, 129, 16), 32, AddressKind::Metadata},   // Azure's host agent
    Subnet4{ip4(192, 0, 0, 192), 32, AddressKind::Metadata},     // Oracle classic
    Subnet4{ip4(169, 254, 169, 254), 32, AddressKind::Metadata}, // AWS, Google, Azure and others
    Subnet4{ip4(169, 254, 170, 2), 32, AddressKind::Metadata},   // AWS container credentials
    Subnet4{ip4(169, 254, 0, 0), 16, AddressKind::LinkLocal},
    Subnet4{ip4(127, 0, 0, 0), 8, AddressKind::Loopback},
    Subnet4{ip4(0, 0, 0, 0), 8, AddressKind::Unusable},
    Subnet4{ip4(10, 0, 0, 0), 8, AddressKind::Private},
    Subnet4{ip4(172, 16, 0, 0), 12, AddressKind::Private},
    Subnet4{ip4(192, 168, 0, 0), 16, AddressKind::Private},
    Subnet4{ip4(100, 64, 0, 0), 10, AddressKind::Private},
    Subnet4{ip4(198, 18, 0, 0), 15, AddressKind::Private},
    Subnet4{ip4(192, 0, 0, 0), 24, AddressKind::Private},
    Subnet4{ip4(224, 0, 0, 0), 4, AddressKind::Unusable},
    Subnet4{ip4(240, 0, 0, 0), 4, AddressKind::Unusable},
};

AddressKind classify4(quint32 address)
{
    for (const Subnet4 &subnet : kSubnets4) {
        const quint32 mask = ~quint32(0) << (32 - subnet.prefix);
        if ((address & mask) == subnet.network) {
            return subnet.kind;
        }
    }
    return AddressKind::Public;
}

quint32 read4(const Q_IPV6ADDR &bytes, int at)
{
    return ip4(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
}

bool startsWith(const Q_IPV6ADDR &bytes, std::initializer_list<int> start)
{
    int at = 0;
    return std::all_of(start.begin(), start.end(),
                       [&bytes, &at](int byte) { return bytes[at++] == byte; });
}

/// The IPv4 address inside an IPv6 one, where the network would unpack it.
std::optional<quint32> embedded4(const Q_IPV6ADDR &bytes)
{
    const bool mapped = startsWith(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff});
    const bool translated = startsWith(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0});
    const bool compatible = startsWith(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    const bool nat64 = startsWith(bytes, {0x00, 0x64, 0xff, 0x9b});
    if (mapped || translated || compatible || nat64) {
        return read4(bytes, 12);
    }
    if (startsWith(bytes, {0x20, 0x02})) { // 6to4
        return read4(bytes, 2);
    }
    if (startsWith(bytes, {0x20, 0x01, 0, 0})) { // Teredo hides it inverted
        return ~read4(bytes, 12);
    }
    return std::nullopt;
}

AddressKind classify6(const Q_IPV6ADDR &bytes)
{
    if (startsWith(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})) {
        return AddressKind::Loopback;
    }
    if (const auto inner = embedded4(bytes)) {
        return classify4(*inner);
    }
    if (startsWith(bytes, {0xfd, 0x00, 0x0e, 0xc2}) ||
        startsWith(bytes, {0xfd, 0x20, 0x00, 0xce})) {
        return AddressKind::Metadata; // AWS fd00:ec2::/32, Google fd20:ce::/32
    }
    if (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) {
        return AddressKind::LinkLocal;
    }
    if ((bytes[0] & 0xfe) == 0xfc || (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0xc0)) {
        return AddressKind::Private; // unique local and the old site local
    }
    if (bytes[0] == 0xff) {
        return AddressKind::Unusable;
    }
    return AddressKind::Public;
}

/// One number of an IPv4 spelling: decimal, 0x… or 0… as inet_aton(3) reads it.
std::optional<quint64> inetNumber(const QString &text)
{
    int base = 10;
    QString digits = text;
    if (digits.startsWith(u"0x"_s, Qt::CaseInsensitive)) {
        base = 16;
        digits.remove(0, 2);
    } else if (digits.size() > 1 && digits.startsWith(u'0')) {
        base = 8;
        digits.remove(0, 1);
    }
    if (base == 16 && digits.isEmpty()) {
        return 0; // some C libraries take "0x" for zero
    }
    static const QRegularExpression kDigits(u"\\A[0-9A-Fa-f]{1,16}\\z"_s);
    bool ok = false;
    const quint64 number = digits.toULongLong(&ok, base);
    return ok && kDigits.match(digits).hasMatch() ? std::optional(number) : std::nullopt;
}

std::optional<quint32> inetAddress(const QString &host)
{
    const QStringList parts = host.split(u'.');
    if (parts.size() > 4) {
        return std::nullopt;
    }
    quint64 address = 0;
    for (qsizetype i = 0; i < parts.size(); ++i) {
        const auto number = inetNumber(parts.at(i));
        if (!number) {
            return std::nullopt;
        }
        const bool last = i == parts.size() - 1;
        // The last number fills all the bytes that are left.
        const int bits = last ? int(8 * (4 - i)) : 8;
        if (*number >= (quint64(1) << bits)) {
            return std::nullopt;
        }
        address = address << bits | *number;
    }
    return quint32(address);
}

/// Lower case, without the brackets of IPv6 and the dots that end an absolute name.
QString plainHost(const QString &host)
{
    QString result = host.toLower();
    if (result.startsWith(u'[') && result.endsWith(u']')) {
        result = result.mid(1, result.size() - 2);
    }
    while (result.endsWith(u'.')) {
        result.chop(1);
    }
    return result;
}

const QStringList &metadataNames()
{
    static const QStringList kNames{
        u"metadata"_s,
        u"metadata.google.internal"_s,
        u"metadata.goog"_s,
        u"instance-data"_s,
        u"instance-data.ec2.internal"_s,
        u"metadata.azure.internal"_s,
        u"metadata.azure.com"_s,
        u"metadata.tencentyun.com"_s,
        u"metadata.packet.net"_s,
        u"metadata.platformequinix.com"_s,
        u"metadata.oraclecloud.com"_s,
        u"rancher-metadata"_s,
        u"metadata.service.consul"_s,
    };
    return kNames;
}

QString refusalOf(AddressKind kind)
{
    switch (kind) {
    case AddressKind::Metadata:
        return u"it is a cloud metadata service, which hands out the machine's credentials; it is "
               "always refused"_s;
    case AddressKind::LinkLocal:
        return u"it is a link-local address, which is always refused; use the server's LAN address"_s;
    case AddressKind::Unusable:
        return u"nothing can be reached there; for a server on this machine write 127.0.0.1"_s;
    case AddressKind::Public:
    case AddressKind::Loopback:
    case AddressKind::Private:
        break;
    }
    return {};
}

} // namespace

UrlGuard::AddressKind UrlGuard::classify(const QHostAddress &address)
{
    switch (address.protocol()) {
    case QAbstractSocket::IPv4Protocol:
        return classify4(address.toIPv4Address());
    case QAbstractSocket::IPv6Protocol:
        return classify6(address.toIPv6Address());
    case QAbstractSocket::AnyIPProtocol:
    case QAbstractSocket::UnknownNetworkLayerProtocol:
        break;
    }
    return AddressKind::Unusable;
}

std::optional<QHostAddress> UrlGuard::literalAddress(const QString &host)
{
    const QString plain = plainHost(host);
    if (plain.contains(u':')) {
        const QHostAddress address(plain);
        return address.protocol() == QAbstractSocket::IPv6Protocol ? std::optional(address)
                                                                   : std::nullopt;
    }
    if (const auto address = inetAddress(plain)) {
        return QHostAddress(*address);
    }
    return std::nullopt;
}

bool UrlGuard::isLocalhostName(const QString &host)
{
    const QString plain = plainHost(host);
    return plain == u"localhost"_s || plain.endsWith(u".localhost"_s);
}

Result<Done> UrlGuard::checkHost(const QString &host)
{
    const QString plain = plainHost(host);
    if (metadataNames().contains(plain)) {
        return Error{
            u"The host %1 is not allowed: %2."_s.arg(plain, refusalOf(AddressKind::Metadata))};
    }
    if (const auto address = literalAddress(plain)) {
        if (const QString refusal = refusalOf(classify(*address)); !refusal.isEmpty()) {
            return Error{u"The address %1 is not allowed: %2."_s.arg(address->toString(), refusal)};
        }
    }
    return Done{};
}

Result<Done> UrlGuard::checkResolved(const QString &host, const QHostAddress &address,
                                     bool allowPrivateNetwork)
{
    const AddressKind kind = classify(address);
    if (const QString refusal = refusalOf(kind); !refusal.isEmpty()) {
        return Error{u"The host %1 leads to %2, which is not allowed: %3."_s.arg(
            host, address.toString(), refusal)};
    }
    const bool nearby = kind == AddressKind::Loopback || kind == AddressKind::Private;
    const bool typed = literalAddress(host).has_value() || isLocalhostName(host);
    if (nearby && !typed && !allowPrivateNetwork) {
        return Error{
            u"The host %1 leads to %2 in the local network. Set allow_private_network: true "
            "for this backend if that is meant."_s.arg(host, address.toString())};
    }
    return Done{};
}

} // namespace tidegate
