// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"
#include "gateway/http/httprequest.h"
#include "gateway/protocol/apierror.h"

#include <QByteArray>

#include <array>
#include <variant>

namespace tidegate {

/// Tells which client key a request carries and whether it may be used now and from there.
///
/// Lives in one engine thread, owned by its Engine. Remembers the last keys it hashed, so that a
/// busy key costs no hash for each request; what it remembers is bound to one KeyRing.
class Authenticator
{
public:
    using KeyPtr = KeyRing::KeyPtr;

    /// The key (null when the configuration asks for none) or the error to answer.
    using Verdict = std::variant<KeyPtr, ApiError>;
    [[nodiscard]] Verdict authenticate(const HttpRequest &request, const ConfigPtr &config);

private:
    struct Slot
    {
        QByteArray presented;
        KeyPtr key;
        qint64 validUntilMs = 0; ///< since 1970 UTC; 0: for ever
    };

    Slot &find(std::string_view presented, const ConfigPtr &config);

    std::array<Slot, 64> m_slots;
    ConfigPtr m_config; ///< whose keys m_slots remembers
};

} // namespace tidegate
