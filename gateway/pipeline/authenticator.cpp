// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/authenticator.h"

#include "gateway/base/clock.h"

#include <algorithm>
#include <functional>

namespace tidegate {

namespace {

constexpr std::string_view kBearer = "bearer ";

// Authorization: Bearer KEY (RFC 6750), or the x-api-key of Anthropic's SDKs.
std::string_view presentedKey(const HttpRequest &request)
{
    const std::string_view authorization = request.field("authorization");
    if (authorization.size() > kBearer.size() &&
        equalsIgnoreCase(authorization.substr(0, kBearer.size()), kBearer)) {
        std::string_view key = authorization.substr(kBearer.size());
        while (key.starts_with(' ')) {
            key.remove_prefix(1);
        }
        return key;
    }
    return request.field("x-api-key");
}

bool mayComeFrom(const ClientKey &key, const QHostAddress &peer)
{
    return key.allowedIps.empty() ||
           std::any_of(key.allowedIps.begin(), key.allowedIps.end(),
                       [&peer](const auto &subnet) { return peer.isInSubnet(subnet); });
}

ApiError invalidKey(QByteArray message)
{
    return {401, "invalid_api_key", std::move(message), {}};
}

} // namespace

Authenticator::Slot &Authenticator::find(std::string_view presented, const ConfigPtr &config)
{
    if (m_config != config) {
        m_slots = {};
        m_config = config;
    }
    // Who makes keys share a slot only makes them be looked up again each time.
    const size_t hash = std::hash<std::string_view>()(presented);
    Slot &slot = m_slots[hash % m_slots.size()];
    if (!slot.key ||
        slot.presented != QByteArrayView(presented.data(), qsizetype(presented.size()))) {
        KeyRing::Match match = config->keys.find(presented);
        slot.key = std::move(match.key);
        slot.presented =
            slot.key ? QByteArray(presented.data(), qsizetype(presented.size())) : QByteArray();
        slot.validUntilMs = match.validUntilMs;
    }
    return slot;
}

Authenticator::Verdict Authenticator::authenticate(const HttpRequest &request,
                                                   const ConfigPtr &config)
{
    if (config->server.auth == AuthMode::Off) {
        return KeyPtr();
    }
    const std::string_view presented = presentedKey(request);
    if (presented.empty()) {
        return invalidKey(
            "No API key was sent. Send your Tidegate key as 'Authorization: Bearer tg-…'.");
    }
    const Slot &slot = find(presented, config);
    if (!slot.key || slot.key->disabled) {
        return invalidKey(
            "This API key is not valid. Check the key, or create one in Tidegate's Keys page.");
    }
    if (slot.validUntilMs != 0 && wallClockUs() / 1000 >= slot.validUntilMs) {
        return invalidKey("This API key has expired. Ask for a new one.");
    }
    if (!mayComeFrom(*slot.key, request.peerAddress)) {
        return ApiError{
            403, "ip_not_allowed", "This API key may not be used from this address.", {}};
    }
    return slot.key;
}

} // namespace tidegate
