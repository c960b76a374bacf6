// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/ledger/ledgerrow.h"
#include "gateway/observe/routetrace.h"

#include <QByteArray>
#include <QList>
#include <QMetaType>
#include <QString>

namespace tidegate {

enum class ExchangePhase : quint8
{
    Waiting,
    Streaming,
    Done,
    Failed,
    Cancelled
};

/// Where the time of one exchange went: microseconds from its first request byte; -1: not reached.
struct ExchangeTimings
{
    qint64 requestReadUs = -1; ///< the last request byte had arrived
    qint64 routedUs = -1;      ///< authenticated and routed, the upstream call started
    qint64 connectedUs = -1;   ///< TCP connection to the upstream; -1 when reused
    qint64 tlsUs = -1;
    qint64 sentUs = -1;      ///< request handed to the upstream
    qint64 firstByteUs = -1; ///< first byte of the answer's body, so of a stream its first event
    qint64 endUs = -1;       ///< last byte to the client
};

/// The state of one exchange as the panel shows it. Each event is complete: the latest one counts.
///
/// Value type, crosses from the engine threads to the GUI thread in batches.
struct ExchangeEvent
{
    quint64 id = 0; ///< unique in this process, grows with time of arrival
    ExchangePhase phase = ExchangePhase::Waiting;
    Endpoint endpoint = Endpoint::Other;
    bool stream = false;
    int status = 0; ///< 0 until known
    int attempts = 0;
    qint64 startedAtUs = 0; ///< wall clock since 1970 UTC
    qint64 keyId = 0;
    qint64 teamId = 0; ///< Team::id; 0: none
    QByteArray requestId;
    QByteArray method;
    QByteArray path;
    QByteArray peer;
    QByteArray requestedModel;
    QByteArray servedModel;
    QByteArray backend;
    QByteArray errorCode;
    QString errorMessage; ///< for people; without secrets
    TokenUsage usage;
    std::optional<Money> cost; ///< nothing: not known (yet), which is not $0
    qint64 streamedEvents = 0; ///< SSE events relayed so far
    qint64 bytesIn = 0;
    qint64 bytesOut = 0;
    ExchangeTimings timings;
    RouteTrace trace; ///< the lanes so far
};

/// What changed since the last batch, at most one event for each exchange, oldest first.
struct ExchangeBatch
{
    QList<ExchangeEvent> events;
    qint64 dropped = 0;       ///< exchanges left out because the batch was full
    int active = 0;           ///< exchanges in flight now
    qint64 finishedTotal = 0; ///< since the engine started, shown or not
};

} // namespace tidegate

Q_DECLARE_METATYPE(tidegate::ExchangeBatch)
