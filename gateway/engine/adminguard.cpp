// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/adminguard.h"

#include "gateway/policy/keygenerator.h"

#include <QHashFunctions>
#include <QUrl>

#include <algorithm>
#include <cmath>

namespace tidegate {

namespace {

constexpr std::string_view kBearer = "bearer ";
constexpr std::string_view kJson = "application/json";
constexpr double kBurst = 10;            // wrong tokens from one address that are answered at once
constexpr double kPerSecond = 10.0 / 60; // and how fast that fills up again

/// The host of "name:port"; nothing when there is more to it.
QString hostOf(std::string_view authority)
{
    if (authority.find_first_of("@/?#\\") != std::string_view::npos) {
        return {};
    }
    return QUrl(QLatin1StringView("http://") +
                QString::fromLatin1(authority.data(), qsizetype(authority.size())))
        .host();
}

bool isLoopback(const QString &host)
{
    return host == QLatin1StringView("localhost") ||
           host.endsWith(QLatin1StringView(".localhost")) || QHostAddress(host).isLoopback();
}

bool isAny(const QHostAddress &address)
{
    return address == QHostAddress(QHostAddress::Any) ||
           address == QHostAddress(QHostAddress::AnyIPv4) ||
           address == QHostAddress(QHostAddress::AnyIPv6);
}

std::string_view presentedToken(const HttpRequest &head)
{
    const std::string_view value = head.field("authorization");
    return value.size() > kBearer.size() &&
                   equalsIgnoreCase(value.substr(0, kBearer.size()), kBearer)
               ? value.substr(kBearer.size())
               : std::string_view();
}

// A form of a web page may be posted anywhere without asking, but not as JSON.
bool isJson(std::string_view contentType)
{
    const std::string_view type = contentType.substr(0, contentType.find_first_of("; \t"));
    return equalsIgnoreCase(type, kJson) || equalsIgnoreCase(type, "application/merge-patch+json");
}

} // namespace

AdminGuard::AdminGuard(const Secret &token)
{
    if (!token.isEmpty()) {
        m_tokenHash =
            KeyGenerator::hash({token.reveal().constData(), size_t(token.reveal().size())});
    }
}

std::optional<AdminGuard::Refusal> AdminGuard::check(const HttpRequest &head,
                                                     const ConfigSnapshot &config, qint64 nowNs)
{
    if (!isFromOwnSide(head, config.server)) {
        return Refusal{{403,
                        "origin_not_allowed",
                        "The admin API answers only under the address that Tidegate listens on, "
                        "localhost or a loopback address, and no pages of other origins.",
                        {}}};
    }
    if (auto refusal = checkToken(head, config, nowNs)) {
        return refusal;
    }
    const bool hasBody = head.method == HttpMethod::Post || head.method == HttpMethod::Patch;
    if (hasBody && !isJson(head.field("content-type"))) {
        return Refusal{{415,
                        "unsupported_media_type",
                        "Send the body as JSON, with 'Content-Type: application/json'.",
                        {}}};
    }
    return std::nullopt;
}

std::optional<AdminGuard::Refusal>
AdminGuard::checkScrape(const HttpRequest &head, const ConfigSnapshot &config, qint64 nowNs)
{
    const bool ownSide = isFromOwnSide(head, config.server);
    const bool forwarded =
        !head.field("x-forwarded-for").empty() || !head.field("forwarded").empty();
    if (ownSide && !forwarded && head.peerAddress.isLoopback()) {
        return std::nullopt;
    }
    if (!ownSide && (!head.field("origin").empty() || presentedToken(head).empty())) {
        return Refusal{{403,
                        "origin_not_allowed",
                        "Without the admin token, metrics are given only to programs on this "
                        "machine that ask under its address, and never to web pages.",
                        {}}};
    }
    return checkToken(head, config, nowNs);
}

std::optional<AdminGuard::Refusal>
AdminGuard::checkToken(const HttpRequest &head, const ConfigSnapshot &config, qint64 nowNs)
{
    const std::string_view presented = presentedToken(head);
    if (!isToken(presented)) {
        const int wait = presented.empty() ? 0 : countWrong(head.peerAddress, nowNs);
        if (wait > 0) {
            return Refusal{{429,
                            "rate_limit_exceeded",
                            "Too many wrong admin tokens came from this address. The right one "
                            "still works.",
                            {}},
                           wait};
        }
        return Refusal{{401,
                        "invalid_api_key",
                        "The admin API needs the admin token: 'Authorization: Bearer' with the "
                        "text of the file admin-token in the data directory. Client keys do not "
                        "open it.",
                        {}}};
    }
    if (config.keys.find(presented)) {
        return Refusal{{401,
                        "invalid_api_key",
                        "The admin token is also a client key, so whoever has that key could "
                        "change everything. Use two different ones.",
                        {}}};
    }
    return std::nullopt;
}

bool AdminGuard::isFromOwnSide(const HttpRequest &head, const ServerConfig &server)
{
    const std::string_view authority = head.field("host");
    const QString host = hostOf(authority);
    const QHostAddress address(host);
    // A name can be pointed at this machine by anybody, an address cannot.
    const bool ownHost =
        isLoopback(host) || (!address.isNull() && (address == server.host || isAny(server.host)));
    if (!ownHost) {
        return false;
    }
    const std::string_view origin = head.field("origin");
    if (origin.empty()) {
        return true;
    }
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (origin.starts_with(scheme)) {
            const std::string_view from = origin.substr(scheme.size());
            return equalsIgnoreCase(from, authority) || isLoopback(hostOf(from));
        }
    }
    return false;
}

bool AdminGuard::isToken(std::string_view presented) const
{
    // Hashes are compared, so the time taken tells nothing of the token.
    return !m_tokenHash.isEmpty() && KeyGenerator::hash(presented) == m_tokenHash;
}

// Addresses share counters by chance, which costs at most a reason in an answer; so a few fixed
// ones do for any number of addresses.
int AdminGuard::countWrong(const QHostAddress &address, qint64 nowNs)
{
    Attempts &attempts = m_attempts[qHash(address, QHashSeed::globalSeed()) % m_attempts.size()];
    const double seconds = double(nowNs - attempts.asOfNs) / 1e9;
    attempts.left =
        attempts.asOfNs == 0 ? kBurst : std::min(kBurst, attempts.left + seconds * kPerSecond);
    attempts.asOfNs = nowNs;
    if (attempts.left >= 1) {
        attempts.left -= 1;
        return 0;
    }
    return int(std::ceil((1 - attempts.left) / kPerSecond));
}

} // namespace tidegate
