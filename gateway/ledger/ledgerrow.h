// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/money.h"
#include "gateway/protocol/tokenusage.h"

#include <QByteArray>

#include <optional>

namespace tidegate {

/// How an exchange ended.
enum class Outcome : quint8
{
    Success,       ///< answered in full, upstream status below 400
    ClientError,   ///< refused by us or answered 4xx by the upstream
    UpstreamError, ///< the upstream failed or answered 5xx
    ClientClosed,  ///< the client left first; logged as status 499
};

/// Which API an exchange used.
enum class Endpoint : quint8
{
    ChatCompletions,
    Completions,
    Embeddings,
    Models,
    Other
};

/// One finished, failed or cancelled request, as it is written to the `requests` table.
///
/// Value type; made in the engine thread, written by the store thread.
struct LedgerRow
{
    QByteArray requestId;
    qint64 startedAtUs = 0;  ///< wall clock, since 1970 UTC
    qint64 totalUs = 0;      ///< first request byte to last answer byte
    qint64 firstByteUs = -1; ///< first request byte to first answer byte sent (TTFT); -1: none sent
    qint64 overheadUs = 0;   ///< spent inside the gateway before the first byte
    qint64 keyId = 0;        ///< ClientKey::id; 0: none
    Endpoint endpoint = Endpoint::Other;
    Outcome outcome = Outcome::Success;
    int status = 0;   ///< as sent to the client; 499 when it left first
    int attempts = 0; ///< upstream calls made
    bool stream = false;
    QByteArray requestedModel;
    QByteArray servedModel;
    QByteArray backend;
    QByteArray errorCode; ///< contract's code, empty on success
    QByteArray peer;      ///< client address without port
    TokenUsage usage;
    qint64 teamId = 0;         ///< Team::id; 0: none
    std::optional<Money> cost; ///< nothing: the model's price is unknown, which is not $0
    quint64 holdId = 0;        ///< of the budget hold that ends when this row is written; 0: none
    qint64 bytesIn = 0;        ///< request body
    qint64 bytesOut = 0;       ///< answer's body
    QByteArray trace;          ///< RouteTrace::ledgerJson(): empty when there is nothing to tell
};

} // namespace tidegate
