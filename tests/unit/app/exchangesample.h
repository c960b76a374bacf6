// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/observe/exchangeevent.h"

namespace tidegate {

/// A streamed chat request as it is half way through.
inline ExchangeEvent streamingExchange(quint64 id)
{
    ExchangeEvent event;
    event.id = id;
    event.phase = ExchangePhase::Streaming;
    event.endpoint = Endpoint::ChatCompletions;
    event.stream = true;
    event.status = 200;
    event.attempts = 1;
    event.startedAtUs = 1'795'183'400'000'000 + qint64(id);
    event.keyId = 1;
    event.requestId = "req-" + QByteArray::number(id);
    event.method = "POST";
    event.path = "/v1/chat/completions";
    event.peer = "127.0.0.1";
    event.requestedModel = "fast";
    event.servedModel = "gpt-4o-mini";
    event.backend = "openai";
    event.streamedEvents = 40;
    event.timings = {50, 120, 14'120, 36'120, 36'240, 300'000, -1};
    return event;
}

/// The same when it is done.
inline ExchangeEvent doneExchange(quint64 id)
{
    ExchangeEvent event = streamingExchange(id);
    event.phase = ExchangePhase::Done;
    event.usage.input = 12;
    event.usage.output = 340;
    event.timings.endUs = 2'300'000;
    return event;
}

inline ExchangeEvent failedExchange(quint64 id, int status = 502)
{
    ExchangeEvent event = streamingExchange(id);
    event.phase = ExchangePhase::Failed;
    event.status = status;
    event.errorCode = "upstream_unavailable";
    event.errorMessage = QStringLiteral("openai refused the connection.");
    event.timings = {50, 120, -1, -1, -1, -1, 40'000};
    return event;
}

inline ExchangeBatch batchOf(QList<ExchangeEvent> events)
{
    ExchangeBatch batch;
    batch.events = std::move(events);
    return batch;
}

} // namespace tidegate
