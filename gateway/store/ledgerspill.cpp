// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/ledgerspill.h"

#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>

#include <optional>

namespace tidegate {
namespace {

constexpr auto kOwnerOnly = QFileDevice::ReadOwner | QFileDevice::WriteOwner;

QString text(const QByteArray &bytes)
{
    return QString::fromUtf8(bytes);
}

QByteArray toLine(qint64 id, const LedgerRow &row)
{
    QJsonObject object{
        {QStringLiteral("id"), id},
        {QStringLiteral("request_id"), text(row.requestId)},
        {QStringLiteral("started_at_us"), row.startedAtUs},
        {QStringLiteral("total_us"), row.totalUs},
        {QStringLiteral("first_byte_us"), row.firstByteUs},
        {QStringLiteral("overhead_us"), row.overheadUs},
        {QStringLiteral("key_id"), row.keyId},
        {QStringLiteral("endpoint"), int(row.endpoint)},
        {QStringLiteral("outcome"), int(row.outcome)},
        {QStringLiteral("status"), row.status},
        {QStringLiteral("attempts"), row.attempts},
        {QStringLiteral("stream"), row.stream},
        {QStringLiteral("requested_model"), text(row.requestedModel)},
        {QStringLiteral("served_model"), text(row.servedModel)},
        {QStringLiteral("backend"), text(row.backend)},
        {QStringLiteral("error_code"), text(row.errorCode)},
        {QStringLiteral("peer"), text(row.peer)},
        {QStringLiteral("input_tokens"), row.usage.input},
        {QStringLiteral("output_tokens"), row.usage.output},
        {QStringLiteral("cached_input_tokens"), row.usage.cachedInput},
        {QStringLiteral("reasoning_tokens"), row.usage.reasoning},
        {QStringLiteral("usage_estimated"), row.usage.estimated},
        {QStringLiteral("bytes_in"), row.bytesIn},
        {QStringLiteral("bytes_out"), row.bytesOut},
        {QStringLiteral("team_id"), row.teamId},
        {QStringLiteral("hold_id"), qint64(row.holdId)},
        {QStringLiteral("cache_write_tokens"), row.usage.cacheWrite},
        {QStringLiteral("cache_write_1h_tokens"), row.usage.cacheWrite1h},
        {QStringLiteral("audio_input_tokens"), row.usage.audioInput},
        {QStringLiteral("audio_output_tokens"), row.usage.audioOutput},
    };
    if (row.cost) {
        object.insert(QStringLiteral("cost_nano"), row.cost->nano());
    }
    if (!row.trace.isEmpty()) {
        object.insert(QStringLiteral("trace"), text(row.trace));
    }
    return QJsonDocument(object).toJson(QJsonDocument::Compact) + '\n';
}

std::optional<LedgerBatch> fromLine(const QByteArray &line)
{
    const QJsonObject object = QJsonDocument::fromJson(line).object();
    const auto integer = [&object](const char *name, qint64 missing = 0) {
        return object.value(QLatin1String(name)).toInteger(missing);
    };
    const auto bytes = [&object](const char *name) {
        return object.value(QLatin1String(name)).toString().toUtf8();
    };
    const auto truth = [&object](const char *name) {
        return object.value(QLatin1String(name)).toBool();
    };

    LedgerBatch batch;
    batch.firstId = integer("id");
    // A line that was cut short is no JSON at all; bytes_out is looked for so that no other object
    // passes.
    if (batch.firstId <= 0 || !object.contains(QLatin1String("bytes_out"))) {
        return std::nullopt;
    }
    LedgerRow row;
    row.requestId = bytes("request_id");
    row.startedAtUs = integer("started_at_us");
    row.totalUs = integer("total_us");
    row.firstByteUs = integer("first_byte_us");
    row.overheadUs = integer("overhead_us");
    row.keyId = integer("key_id");
    row.endpoint = Endpoint(integer("endpoint"));
    row.outcome = Outcome(integer("outcome"));
    row.status = int(integer("status"));
    row.attempts = int(integer("attempts"));
    row.stream = truth("stream");
    row.requestedModel = bytes("requested_model");
    row.servedModel = bytes("served_model");
    row.backend = bytes("backend");
    row.errorCode = bytes("error_code");
    row.peer = bytes("peer");
    row.usage.input = integer("input_tokens");
    row.usage.output = integer("output_tokens");
    row.usage.cachedInput = integer("cached_input_tokens");
    row.usage.reasoning = integer("reasoning_tokens");
    row.usage.estimated = truth("usage_estimated");
    row.bytesIn = integer("bytes_in");
    row.bytesOut = integer("bytes_out");
    // Lines of before there were costs do not have the rest.
    row.teamId = integer("team_id");
    row.holdId = quint64(integer("hold_id"));
    row.usage.cacheWrite = integer("cache_write_tokens", -1);
    row.usage.cacheWrite1h = integer("cache_write_1h_tokens", -1);
    row.usage.audioInput = integer("audio_input_tokens", -1);
    row.usage.audioOutput = integer("audio_output_tokens", -1);
    if (object.contains(QLatin1String("cost_nano"))) {
        row.cost = Money::fromNano(integer("cost_nano"));
    }
    row.trace = bytes("trace");
    batch.rows.push_back(std::move(row));
    return batch;
}

Error fileError(const QFile &file)
{
    return {QStringLiteral("The file \"%1\" failed: %2. Check the disk and the space left on it.")
                .arg(file.fileName(), file.errorString())};
}

} // namespace

LedgerSpill::LedgerSpill(QString path)
    : m_path(std::move(path))
{
}

Result<Done> LedgerSpill::open()
{
    QFile file(m_path);
    if (!file.exists()) {
        return Done{};
    }
    if (!file.open(QIODevice::ReadWrite)) {
        return fileError(file);
    }
    bool torn = false;
    while (!file.atEnd()) {
        const QByteArray line = file.readLine();
        torn = !line.endsWith('\n');
        if (const auto batch = fromLine(line)) {
            m_highestId = std::max(m_highestId, batch->firstId);
        }
        ++m_waiting;
    }
    // What is added later must start on a line of its own.
    if (torn && file.write("\n") != 1) {
        return fileError(file);
    }
    return Done{};
}

Result<Done> LedgerSpill::append(const std::vector<LedgerBatch> &batches)
{
    QByteArray lines;
    qint64 count = 0;
    for (const LedgerBatch &batch : batches) {
        qint64 id = batch.firstId;
        for (const LedgerRow &row : batch.rows) {
            lines += toLine(id++, row);
            ++count;
        }
    }
    QFile file(m_path);
    if (!file.open(QIODevice::ReadWrite | QIODevice::Append | QIODevice::Unbuffered, kOwnerOnly)) {
        return fileError(file);
    }
    const qint64 before = file.size();
    if (file.write(lines) != lines.size()) {
        const Error error = fileError(file);
        file.resize(before); // no half row stays behind
        return error;
    }
    m_waiting += count;
    return Done{};
}

Result<std::vector<LedgerBatch>> LedgerSpill::next(int maximum)
{
    std::vector<LedgerBatch> result;
    m_unreadable.clear();
    m_nextOffset = m_offset;
    m_nextCount = 0;
    if (m_waiting == 0) {
        return result;
    }
    QFile file(m_path);
    if (!file.open(QIODevice::ReadOnly) || !file.seek(m_offset)) {
        return fileError(file);
    }
    while (m_nextCount < maximum && !file.atEnd()) {
        const QByteArray line = file.readLine();
        if (auto batch = fromLine(line)) {
            result.push_back(std::move(*batch));
        } else {
            m_unreadable += line;
        }
        ++m_nextCount;
    }
    m_nextOffset = file.pos();
    return result;
}

Result<Done>
LedgerSpill::forEachWaiting(const std::function<void(qint64 id, const LedgerRow &row)> &visit) const
{
    if (m_waiting == 0) {
        return Done{};
    }
    QFile file(m_path);
    if (!file.open(QIODevice::ReadOnly) || !file.seek(m_offset)) {
        return fileError(file);
    }
    while (!file.atEnd()) {
        if (const auto batch = fromLine(file.readLine())) {
            visit(batch->firstId, batch->rows.front());
        }
    }
    return Done{};
}

Result<Done> LedgerSpill::markReplayed()
{
    if (!m_unreadable.isEmpty()) {
        if (auto kept = keepUnreadable(m_unreadable); !kept) {
            return kept;
        }
    }
    m_offset = m_nextOffset;
    m_waiting = std::max<qint64>(0, m_waiting - m_nextCount);
    m_nextCount = 0;
    QFile file(m_path);
    if (m_offset < file.size()) {
        return Done{};
    }
    // A crash before this line replays rows that the database has: their ids say so.
    if (!file.remove()) {
        return fileError(file);
    }
    m_offset = 0;
    m_waiting = 0;
    return Done{};
}

Result<Done> LedgerSpill::keepUnreadable(const QByteArray &line)
{
    QFile file(m_path + QStringLiteral(".unreadable"));
    if (!file.open(QIODevice::WriteOnly | QIODevice::Append, kOwnerOnly) ||
        file.write(line) != line.size() || !file.flush()) {
        return fileError(file);
    }
    return Done{};
}

} // namespace tidegate
