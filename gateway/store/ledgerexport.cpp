// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/ledgerexport.h"

#include "gateway/store/ledgerreader.h"

#include <QDateTime>

#include <algorithm>
#include <cstring>

namespace tidegate {
namespace {

constexpr qsizetype kPieceBytes = 32 * 1024;

QByteArray isoTime(qint64 us)
{
    const qint64 ms = us >= 0 ? us / 1'000 : -((-us + 999) / 1'000);
    const QByteArray second = QDateTime::fromMSecsSinceEpoch(ms)
                                  .toUTC()
                                  .toString(QStringLiteral("yyyy-MM-ddTHH:mm:ss"))
                                  .toLatin1();
    const qint64 rest = us - ms / 1'000 * 1'000'000;
    return second + '.' +
           QByteArray::number((rest + 1'000'000) % 1'000'000).rightJustified(6, '0') + 'Z';
}

const char *nameOf(Endpoint endpoint)
{
    switch (endpoint) {
    case Endpoint::ChatCompletions:
        return "chat_completions";
    case Endpoint::Completions:
        return "completions";
    case Endpoint::Embeddings:
        return "embeddings";
    case Endpoint::Models:
        return "models";
    case Endpoint::Other:
        break;
    }
    return "other";
}

const char *nameOf(Outcome outcome)
{
    switch (outcome) {
    case Outcome::Success:
        return "success";
    case Outcome::ClientError:
        return "client_error";
    case Outcome::UpstreamError:
        return "upstream_error";
    case Outcome::ClientClosed:
        break;
    }
    return "client_closed";
}

const char *nameOf(UsageQuery::By by)
{
    switch (by) {
    case UsageQuery::By::None:
        return "all";
    case UsageQuery::By::Key:
        return "key";
    case UsageQuery::By::Team:
        return "team";
    case UsageQuery::By::Model:
        return "model";
    case UsageQuery::By::ServedModel:
        return "served_model";
    case UsageQuery::By::Backend:
        return "backend";
    case UsageQuery::By::Endpoint:
        return "endpoint";
    case UsageQuery::By::Minute:
    case UsageQuery::By::QuarterHour:
    case UsageQuery::By::Hour:
    case UsageQuery::By::Day:
    case UsageQuery::By::Month:
        break;
    }
    return "start";
}

/// Lines of named values in one of the formats, handed on in pieces.
class LineWriter
{
public:
    LineWriter(LedgerExport::Format format, const LedgerExport::Sink &sink)
        : m_csv(format == LedgerExport::Format::Csv)
        , m_sink(sink)
    {
    }

    void text(const char *name, QByteArrayView value)
    {
        begin(name);
        if (m_csv) {
            csvText(value);
        } else {
            jsonText(value);
        }
    }

    /// Something that is always the same and needs no quoting: a time, an amount, a word.
    void word(const char *name, QByteArrayView value)
    {
        begin(name);
        if (m_csv) {
            m_line += value;
        } else {
            m_line += '"' + value.toByteArray() + '"';
        }
    }

    void number(const char *name, qint64 value)
    {
        begin(name);
        m_line += QByteArray::number(value);
    }

    void truth(const char *name, bool value)
    {
        begin(name);
        m_line += value ? "true" : "false";
    }

    /// Nothing in CSV, null in JSON.
    void unknown(const char *name)
    {
        begin(name);
        if (!m_csv) {
            m_line += "null";
        }
    }

    /// Negative: unknown.
    void count(const char *name, qint64 value)
    {
        if (value < 0) {
            unknown(name);
        } else {
            number(name, value);
        }
    }

    /// Takes the names of the line's values for the header, where there is one, and drops the line.
    void endHeader()
    {
        if (m_csv) {
            m_piece += m_header + "\r\n";
        }
        m_inHeader = false;
        m_firstValue = true;
        m_line.clear();
    }

    /// False when the sink wants no more.
    bool endLine()
    {
        if (m_csv) {
            m_piece += m_line + "\r\n";
        } else {
            m_piece += '{' + m_line + "}\n";
        }
        m_firstValue = true;
        m_line.clear();
        return m_piece.size() < kPieceBytes || flush();
    }

    bool flush()
    {
        const bool more = m_piece.isEmpty() || m_sink(m_piece);
        m_piece.resize(0); // keeps the memory
        return more;
    }

private:
    void begin(const char *name)
    {
        if (!m_firstValue) {
            m_line += ',';
        }
        if (m_csv) {
            if (m_inHeader) {
                m_header += m_firstValue ? QByteArray(name) : ',' + QByteArray(name);
            }
        } else {
            m_line += '"' + QByteArray(name) + "\":";
        }
        m_firstValue = false;
    }

    void csvText(QByteArrayView value)
    {
        const auto isAny = [value](const char *characters) {
            return std::any_of(value.begin(), value.end(), [characters](char c) {
                return c != '\0' && std::strchr(characters, c) != nullptr;
            });
        };
        // Also behind a tab or line break, which some programs skip.
        const bool formula = !value.isEmpty() && value.front() != '\0' &&
                             std::strchr("=+-@\t\r\n", value.front()) != nullptr;
        if (!formula && !isAny("\",\r\n")) {
            m_line += value;
            return;
        }
        m_line += formula ? "\"'" : "\"";
        for (const char c : value) {
            m_line += c;
            if (c == '"') {
                m_line += c;
            }
        }
        m_line += '"';
    }

    void jsonText(QByteArrayView value)
    {
        static constexpr char kHex[] = "0123456789abcdef";
        // What is not UTF-8 would make the whole line unreadable.
        const QByteArray utf8 = QString::fromUtf8(value).toUtf8();
        m_line += '"';
        for (const char c : utf8) {
            if (c == '"' || c == '\\') {
                m_line += '\\';
                m_line += c;
            } else if (quint8(c) < 0x20) {
                m_line += "\\u00";
                m_line += kHex[quint8(c) >> 4];
                m_line += kHex[quint8(c) & 15];
            } else {
                m_line += c;
            }
        }
        m_line += '"';
    }

    const bool m_csv;
    const LedgerExport::Sink &m_sink;
    bool m_inHeader = true;
    bool m_firstValue = true;
    QByteArray m_header;
    QByteArray m_line;
    QByteArray m_piece;
};

void writeRow(LineWriter &writer, const StoredLedgerRow &stored)
{
    const LedgerRow &row = stored.row;
    writer.number("id", stored.id);
    writer.text("request_id", row.requestId);
    writer.word("started_at", isoTime(row.startedAtUs));
    writer.number("duration_us", row.totalUs);
    writer.count("first_byte_us", row.firstByteUs);
    writer.number("overhead_us", row.overheadUs);
    writer.number("key_id", row.keyId);
    writer.number("team_id", row.teamId);
    writer.word("endpoint", nameOf(row.endpoint));
    writer.text("requested_model", row.requestedModel);
    writer.text("served_model", row.servedModel);
    writer.text("backend", row.backend);
    writer.word("outcome", nameOf(row.outcome));
    writer.number("status", row.status);
    writer.text("error_code", row.errorCode);
    writer.number("attempts", row.attempts);
    writer.truth("stream", row.stream);
    writer.text("client", row.peer);
    writer.count("input_tokens", row.usage.input);
    writer.count("output_tokens", row.usage.output);
    writer.count("cached_input_tokens", row.usage.cachedInput);
    writer.count("reasoning_tokens", row.usage.reasoning);
    writer.count("cache_write_tokens", row.usage.cacheWrite);
    writer.count("cache_write_1h_tokens", row.usage.cacheWrite1h);
    writer.count("audio_input_tokens", row.usage.audioInput);
    writer.count("audio_output_tokens", row.usage.audioOutput);
    writer.truth("usage_estimated", row.usage.estimated);
    if (row.cost) {
        writer.word("cost_usd", row.cost->toString());
    } else {
        writer.unknown("cost_usd");
    }
    writer.number("bytes_in", row.bytesIn);
    writer.number("bytes_out", row.bytesOut);
}

void writeLabel(LineWriter &writer, UsageQuery::By by, const UsageResult::Label &label)
{
    const QByteArray name = nameOf(by);
    switch (by) {
    case UsageQuery::By::None:
        return;
    case UsageQuery::By::Key:
    case UsageQuery::By::Team:
        writer.number(QByteArray(name + "_id").constData(), label.id);
        writer.text(name.constData(), label.name.toUtf8());
        return;
    case UsageQuery::By::Endpoint:
        writer.word(name.constData(), nameOf(Endpoint(label.id)));
        return;
    default:
        break;
    }
    if (UsageQuery::isTime(by)) {
        writer.word(name.constData(), isoTime(label.id));
    } else {
        writer.text(name.constData(), label.name.toUtf8());
    }
}

void writeTotals(LineWriter &writer, const UsageTotals &totals)
{
    writer.number("requests", totals.requests);
    writer.number("client_errors", totals.clientErrors);
    writer.number("upstream_errors", totals.upstreamErrors);
    writer.number("cancelled", totals.cancelled);
    writer.number("input_tokens", totals.inputTokens);
    writer.number("output_tokens", totals.outputTokens);
    writer.number("cached_input_tokens", totals.cachedInputTokens);
    writer.number("reasoning_tokens", totals.reasoningTokens);
    writer.number("cache_write_tokens", totals.cacheWriteTokens);
    writer.number("cache_write_1h_tokens", totals.cacheWrite1hTokens);
    writer.number("audio_input_tokens", totals.audioInputTokens);
    writer.number("audio_output_tokens", totals.audioOutputTokens);
    writer.word("cost_usd", totals.cost.toString());
    writer.number("unknown_cost_requests", totals.unknownCost);
    writer.number("estimated_requests", totals.estimated);
    writer.number("bytes_in", totals.bytesIn);
    writer.number("bytes_out", totals.bytesOut);
}

} // namespace

Result<bool> LedgerExport::writeRows(LedgerReader &reader, const RequestFilter &filter,
                                     Format format, const Sink &sink)
{
    LineWriter writer(format, sink);
    writeRow(writer, {});
    writer.endHeader();
    auto written = reader.forEach(filter, [&writer](const StoredLedgerRow &row) {
        writeRow(writer, row);
        return writer.endLine();
    });
    if (written && *written) {
        return writer.flush();
    }
    return written;
}

bool LedgerExport::writeUsage(const UsageQuery &query, const UsageResult &usage, Format format,
                              const Sink &sink)
{
    LineWriter writer(format, sink);
    writeLabel(writer, query.groupBy, {});
    writeLabel(writer, query.seriesBy, {});
    writeTotals(writer, {});
    writer.endHeader();
    for (const UsageResult::Cell &cell : usage.cells) {
        writeLabel(writer, query.groupBy, usage.groups[size_t(cell.group)]);
        writeLabel(writer, query.seriesBy, usage.series[size_t(cell.series)]);
        writeTotals(writer, cell.totals);
        if (!writer.endLine()) {
            return false;
        }
    }
    return writer.flush();
}

} // namespace tidegate
