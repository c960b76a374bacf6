// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/ledgerformat.h"

#include "gateway/admin/adminjson.h"

#include <QJsonDocument>
#include <QStringList>

using namespace Qt::StringLiterals;

namespace tidegate::ledgerformat {

namespace {

QString endpointPath(Endpoint endpoint)
{
    switch (endpoint) {
    case Endpoint::ChatCompletions:
        return u"/v1/chat/completions"_s;
    case Endpoint::Completions:
        return u"/v1/completions"_s;
    case Endpoint::Embeddings:
        return u"/v1/embeddings"_s;
    case Endpoint::Models:
        return u"/v1/models"_s;
    case Endpoint::Other:
        break;
    }
    return u"other"_s;
}

QJsonValue id(qint64 id)
{
    return id == 0 ? QJsonValue(QJsonValue::Null) : QJsonValue(id);
}

/// Name and value of every column, in the order of the CSV.
std::vector<std::pair<QString, QJsonValue>> columns(const StoredLedgerRow &stored)
{
    const LedgerRow &row = stored.row;
    const auto text = [](const QByteArray &bytes) { return QJsonValue(QString::fromUtf8(bytes)); };
    return {
        {u"id"_s, stored.id},
        {u"request_id"_s, text(row.requestId)},
        {u"started_at"_s, adminjson::timeOfUs(row.startedAtUs)},
        {u"key_id"_s, id(row.keyId)},
        {u"team_id"_s, id(row.teamId)},
        {u"endpoint"_s, endpointPath(row.endpoint)},
        {u"model"_s, text(row.requestedModel)},
        {u"served_model"_s, text(row.servedModel)},
        {u"backend"_s, text(row.backend)},
        {u"outcome"_s, outcomeNames().at(int(row.outcome))},
        {u"status"_s, row.status},
        {u"error"_s, row.errorCode.isEmpty() ? QJsonValue(QJsonValue::Null) : text(row.errorCode)},
        {u"stream"_s, row.stream},
        {u"attempts"_s, row.attempts},
        {u"input_tokens"_s, adminjson::known(row.usage.input)},
        {u"output_tokens"_s, adminjson::known(row.usage.output)},
        {u"cached_input_tokens"_s, adminjson::known(row.usage.cachedInput)},
        {u"cache_write_tokens"_s, adminjson::known(row.usage.cacheWrite)},
        {u"reasoning_tokens"_s, adminjson::known(row.usage.reasoning)},
        {u"estimated"_s, row.usage.estimated},
        {u"cost_usd"_s, adminjson::money(row.cost)},
        {u"total_us"_s, row.totalUs},
        {u"first_byte_us"_s, adminjson::known(row.firstByteUs)},
        {u"overhead_us"_s, row.overheadUs},
        {u"bytes_in"_s, row.bytesIn},
        {u"bytes_out"_s, row.bytesOut},
        {u"peer"_s, text(row.peer)},
    };
}

QByteArray cell(const QJsonValue &value)
{
    if (value.isDouble()) {
        return QByteArray::number(value.toInteger());
    }
    if (value.isBool()) {
        return value.toBool() ? "true" : "false";
    }
    QByteArray text = value.toString().toUtf8();
    if (!text.isEmpty() && QByteArrayView("=+-@\t\r").contains(text.front())) {
        text.prepend('\'');
    }
    if (text.contains(',') || text.contains('"') || text.contains('\n') || text.contains('\r')) {
        return '"' + text.replace("\"", "\"\"") + '"';
    }
    return text;
}

} // namespace

QJsonObject json(const StoredLedgerRow &row)
{
    QJsonObject object{{u"object"_s, u"request"_s}};
    for (const auto &[name, value] : columns(row)) {
        object.insert(name, value);
    }
    return object;
}

QJsonArray trace(const StoredLedgerRow &row)
{
    return QJsonDocument::fromJson(row.row.trace).array();
}

QByteArray csvHeader()
{
    QByteArray line;
    for (const auto &[name, value] : columns({})) {
        line += (line.isEmpty() ? "" : ",") + name.toLatin1();
    }
    return line + "\r\n";
}

QByteArray csv(const StoredLedgerRow &row)
{
    QByteArray line;
    for (const auto &[name, value] : columns(row)) {
        line += (name == u"id"_s ? "" : ",") + cell(value);
    }
    return line + "\r\n";
}

std::optional<Outcome> outcomeOf(const QString &name)
{
    const qsizetype index = outcomeNames().indexOf(name);
    return index < 0 ? std::nullopt : std::optional(Outcome(index));
}

QStringList outcomeNames()
{
    return {u"success"_s, u"client_error"_s, u"upstream_error"_s, u"client_closed"_s};
}

} // namespace tidegate::ledgerformat
