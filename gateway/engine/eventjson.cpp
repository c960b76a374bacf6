// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/eventjson.h"

#include "gateway/protocol/apierror.h"

#include <QTimeZone>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace tidegate {

namespace {

const char *phaseName(ExchangePhase phase)
{
    switch (phase) {
    case ExchangePhase::Waiting:
        return "waiting";
    case ExchangePhase::Streaming:
        return "streaming";
    case ExchangePhase::Done:
        return "done";
    case ExchangePhase::Failed:
        return "failed";
    case ExchangePhase::Cancelled:
        break;
    }
    return "cancelled";
}

// "2026-11-21T06:00:00.123Z". QDateTime does the same at many times the cost.
QByteArray rfc3339(qint64 microseconds)
{
    using namespace std::chrono;
    const sys_time<milliseconds> time{
        duration_cast<milliseconds>(std::chrono::microseconds(microseconds))};
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(time - day);
    std::array<char, 64> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                      int(date.year()), unsigned(date.month()), unsigned(date.day()),
                      int(clock.hours().count()), int(clock.minutes().count()),
                      int(clock.seconds().count()), int(clock.subseconds().count()));
    return {text.data(), qsizetype(length)};
}

class JsonObject
{
public:
    explicit JsonObject(QByteArray &out)
        : m_out(out)
    {
        m_out.append('{');
    }

    void add(const char *name, const QByteArray &text)
    {
        key(name);
        appendJsonString(m_out, {text.constData(), size_t(text.size())});
    }
    void add(const char *name, qint64 number)
    {
        key(name);
        std::array<char, 24> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
        m_out.append(digits.data(), end - digits.data());
    }
    void addRaw(const char *name, const QByteArray &json)
    {
        key(name);
        m_out.append(json);
    }
    /// Leaves out what is not known.
    void addKnown(const char *name, qint64 number)
    {
        if (number >= 0) {
            add(name, number);
        }
    }
    void end() { m_out.append('}'); }

private:
    void key(const char *name)
    {
        m_out.append(m_first ? "\"" : ",\"").append(name).append("\":");
        m_first = false;
    }

    QByteArray &m_out;
    bool m_first = true;
};

} // namespace

QByteArray eventStreamOf(const ExchangeBatch &batch)
{
    constexpr qsizetype kUsualBytes = 640; // of one event
    QByteArray out;
    out.reserve(batch.events.size() * kUsualBytes);
    for (const ExchangeEvent &event : batch.events) {
        out.append("event: exchange\ndata: ");
        JsonObject json(out);
        json.add("id", qint64(event.id));
        json.add("phase", QByteArray(phaseName(event.phase)));
        json.add("request_id", event.requestId);
        json.add("started_at", rfc3339(event.startedAtUs));
        json.add("path", event.path);
        json.add("model", event.requestedModel);
        json.add("served_model", event.servedModel);
        json.add("backend", event.backend);
        json.add("key_id", event.keyId);
        json.add("status", event.status);
        json.add("attempts", event.attempts);
        json.add("error", event.errorCode);
        json.add("events", event.streamedEvents);
        json.add("bytes_out", event.bytesOut);
        json.addKnown("input_tokens", event.usage.input);
        json.addKnown("output_tokens", event.usage.output);
        json.addKnown("first_byte_us", event.timings.firstByteUs);
        json.addKnown("total_us", event.timings.endUs);
        if (event.trace.isEventful()) {
            json.addRaw("trace", event.trace.ledgerJson());
        }
        json.end();
        out.append("\n\n");
    }
    if (batch.dropped > 0) {
        out.append("event: missed\ndata: {\"missed\":" + QByteArray::number(batch.dropped) +
                   "}\n\n");
    }
    return out;
}

} // namespace tidegate
