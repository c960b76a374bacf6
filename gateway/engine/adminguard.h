// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/secret.h"
#include "gateway/config/configsnapshot.h"
#include "gateway/http/httprequest.h"
#include "gateway/protocol/apierror.h"

#include <QByteArray>

#include <array>
#include <optional>

namespace tidegate {

/// Who may use the admin API, and from where.
///
/// Lives in an engine thread; owned by its Engine. The right token always opens, however many wrong
/// ones came before: nobody can lock the owner out. Wrong ones are answered more and more rarely
/// with a reason, by client address.
class AdminGuard
{
public:
    struct Refusal
    {
        ApiError error;
        int retryAfterSeconds = 0; ///< for 429; 0: none
    };

    explicit AdminGuard(const Secret &token);

    /// Looks at a request's head before its body is read. @p nowNs is monotonic.
    [[nodiscard]] std::optional<Refusal> check(const HttpRequest &head,
                                               const ConfigSnapshot &config, qint64 nowNs);

    /// The same for GET /metrics. Programs on this machine need no token. With the token any name
    /// of this machine will do for Host: no web page can send it.
    [[nodiscard]] std::optional<Refusal> checkScrape(const HttpRequest &head,
                                                     const ConfigSnapshot &config, qint64 nowNs);

    /// True when the request cannot be one that a foreign web page makes its reader's browser send:
    /// Host is this machine's or @p server's address and not merely a name that leads here, and
    /// Origin, if there is one, is that address too.
    [[nodiscard]] static bool isFromOwnSide(const HttpRequest &head, const ServerConfig &server);

private:
    struct Attempts
    {
        double left = 0;
        qint64 asOfNs = 0; ///< 0: never used
    };
    [[nodiscard]] std::optional<Refusal> checkToken(const HttpRequest &head,
                                                    const ConfigSnapshot &config, qint64 nowNs);
    [[nodiscard]] bool isToken(std::string_view presented) const;
    /// Seconds until the next attempt gets an answer of its own; 0: this one does.
    [[nodiscard]] int countWrong(const QHostAddress &address, qint64 nowNs);

    QByteArray m_tokenHash; ///< empty: no token opens
    std::array<Attempts, 256> m_attempts;
};

} // namespace tidegate
