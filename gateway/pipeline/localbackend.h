// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/ledger/ledgerrow.h"

#include <QByteArray>

#include <vector>

namespace tidegate {

/// The answers of the echo and noop backends, which live inside the gateway.
///
/// Pure functions, any thread. Echo answers "Echo: <last user message>"; noop answers nothing at
/// once. Both speak the OpenAI API in full, so that clients and set-ups can be tried without a
/// model.
struct LocalAnswer
{
    QByteArray body;                ///< whole answer, when not streamed
    std::vector<QByteArray> events; ///< whole server-sent events, when streamed
    TokenUsage usage;               ///< words counted as tokens
};

struct LocalRequest
{
    Endpoint endpoint = Endpoint::ChatCompletions;
    bool echo = true; ///< false: noop
    bool stream = false;
    bool includeUsage = false;
    bool base64 = false; ///< embeddings as base64 of little-endian floats
    QByteArray requestId;
    QByteArray model;
    QByteArray body;
};

[[nodiscard]] LocalAnswer answerLocally(const LocalRequest &request);

} // namespace tidegate
