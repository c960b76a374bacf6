// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/admin/ledgerroutes.h"

#include "gateway/admin/adminjson.h"
#include "gateway/admin/adminquery.h"
#include "gateway/admin/adminreaders.h"
#include "gateway/admin/ledgerformat.h"
#include "gateway/engine/gateway.h"
#include "gateway/store/ledgerreader.h"

#include <QJsonArray>

#include <algorithm>
#include <limits>
#include <utility>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

constexpr qint64 kAnyId = std::numeric_limits<qint64>::max();
constexpr int kUsualPage = 100;
constexpr int kLargestPage = 1000;
// What an export gathers before it sends it.
constexpr qsizetype kPieceBytes = 64 * 1024;

RequestFilter filterOf(AdminQuery &query)
{
    RequestFilter filter;
    if (const auto from = query.time(u"from"_s)) {
        filter.sinceUs = *from;
    }
    if (const auto to = query.time(u"to"_s)) {
        filter.untilUs = *to;
    }
    if (query.has(u"key"_s)) {
        filter.keyId = query.integer(u"key"_s, 0, -kAnyId, kAnyId);
    }
    if (query.has(u"team"_s)) {
        filter.teamId = query.integer(u"team"_s, 0, -kAnyId, kAnyId);
    }
    if (query.has(u"model"_s)) {
        filter.model = query.text(u"model"_s).toUtf8();
    }
    if (query.has(u"backend"_s)) {
        filter.backend = query.text(u"backend"_s).toUtf8();
    }
    if (query.has(u"status"_s)) {
        filter.statusFrom = int(query.integer(u"status"_s, 0, 100, 599));
        filter.statusTo = filter.statusFrom;
    }
    if (query.has(u"outcome"_s)) {
        filter.outcome =
            ledgerformat::outcomeOf(query.choice(u"outcome"_s, ledgerformat::outcomeNames()));
    }
    if (query.has(u"request_id"_s)) {
        filter.requestId = query.text(u"request_id"_s).toUtf8();
    }
    return filter;
}

/// Writes rows in one of the export's formats.
class RowWriter
{
public:
    explicit RowWriter(const QString &format)
        : m_format(format)
    {
    }

    [[nodiscard]] ResponseHead head() const
    {
        ResponseHead head(200);
        head.add("content-type", m_format == u"csv"_s    ? "text/csv; charset=utf-8; header=present"
                                 : m_format == u"json"_s ? "application/json"
                                                         : "application/jsonl");
        head.add("content-disposition",
                 m_format == u"csv"_s    ? R"(attachment; filename="tidegate-requests.csv")"
                 : m_format == u"json"_s ? R"(attachment; filename="tidegate-requests.json")"
                                         : R"(attachment; filename="tidegate-requests.jsonl")");
        return head;
    }
    [[nodiscard]] QByteArray opening() const
    {
        return m_format == u"csv"_s    ? ledgerformat::csvHeader()
               : m_format == u"json"_s ? QByteArray("[")
                                       : QByteArray();
    }
    [[nodiscard]] QByteArray row(const StoredLedgerRow &row)
    {
        if (m_format == u"csv"_s) {
            return ledgerformat::csv(row);
        }
        const QByteArray text = adminjson::compact(ledgerformat::json(row));
        if (m_format == u"json"_s) {
            return (std::exchange(m_first, false) ? "\n" : ",\n") + text;
        }
        return text + '\n';
    }
    [[nodiscard]] QByteArray closing() const { return m_format == u"json"_s ? "\n]\n" : ""; }

private:
    QString m_format;
    bool m_first = true;
};

} // namespace

LedgerRoutes::LedgerRoutes(Gateway &gateway, AdminReaders &readers)
    : m_gateway(gateway)
    , m_readers(readers)
{
}

void LedgerRoutes::addRoutes(AdminRouter &router)
{
    router.add(HttpMethod::Get, "requests", [this](const AdminCall &call) { list(call); });
    router.add(HttpMethod::Get, "requests/{id}", [this](const AdminCall &call) { read(call); });
}

QStringList LedgerRoutes::filterNames()
{
    return {u"from"_s,    u"to"_s,     u"key"_s,     u"team"_s,      u"model"_s,
            u"backend"_s, u"status"_s, u"outcome"_s, u"request_id"_s};
}

void LedgerRoutes::list(const AdminCall &call)
{
    AdminQuery query(call.query, filterNames() + QStringList{u"limit"_s, u"after"_s});
    const RequestFilter filter = filterOf(query);
    const int limit = int(query.integer(u"limit"_s, kUsualPage, 1, kLargestPage));
    const qint64 after = query.integer(u"after"_s, kAnyId, 1, kAnyId);
    if (query.error()) {
        call.reply->sendError(*query.error());
        return;
    }
    m_readers.query([path = m_gateway.databasePath(), filter, limit, after, reply = call.reply] {
        if (reply->isClientGone()) {
            return;
        }
        LedgerReader reader;
        if (const auto opened = reader.open(path); !opened) {
            reply->sendError(adminjson::notRead(opened.error()));
            return;
        }
        // One more than asked for tells whether there is more.
        const auto rows = reader.find(filter, limit + 1, after);
        if (!rows) {
            reply->sendError(adminjson::notRead(rows.error()));
            return;
        }
        const bool hasMore = rows->size() > size_t(limit);
        const size_t count = std::min(rows->size(), size_t(limit));
        QJsonArray data;
        for (size_t i = 0; i < count; ++i) {
            data.append(ledgerformat::json((*rows)[i]));
        }
        reply->sendJson(200, adminjson::compact({
                                 {u"object"_s, u"list"_s},
                                 {u"data"_s, data},
                                 {u"has_more"_s, hasMore},
                                 {u"next"_s, hasMore ? QJsonValue((*rows)[count - 1].id)
                                                     : QJsonValue(QJsonValue::Null)},
                             }));
    });
}

void LedgerRoutes::read(const AdminCall &call)
{
    m_readers.query([path = m_gateway.databasePath(), id = call.names.constFirst().toUtf8(),
                     reply = call.reply] {
        LedgerReader reader;
        if (const auto opened = reader.open(path); !opened) {
            reply->sendError(adminjson::notRead(opened.error()));
            return;
        }
        RequestFilter filter;
        filter.requestId = id;
        const auto rows = reader.find(filter, 1);
        if (!rows) {
            reply->sendError(adminjson::notRead(rows.error()));
        } else if (rows->empty()) {
            reply->sendError({404, "not_found",
                              "The ledger has no request '" + id +
                                  "'. A request is in it a moment after its end.",
                              "id"});
        } else {
            QJsonObject request = ledgerformat::json(rows->front());
            request.insert(u"trace"_s, ledgerformat::trace(rows->front()));
            reply->sendJson(200, adminjson::compact(request));
        }
    });
}

void LedgerRoutes::exportRows(const AdminCall &call, AdminQuery &query, const QString &format)
{
    const RequestFilter filter = filterOf(query);
    if (query.error()) {
        call.reply->sendError(*query.error());
        return;
    }
    const bool started = m_readers.stream(
        call.reply, [path = m_gateway.databasePath(), filter, format, reply = call.reply] {
            LedgerReader reader;
            if (const auto opened = reader.open(path); !opened) {
                reply->sendError(adminjson::notRead(opened.error()));
                return;
            }
            RowWriter writer(format);
            reply->begin(writer.head());
            QByteArray text = writer.opening();
            const auto done =
                reader.forEach(filter, [&text, &writer, &reply](const StoredLedgerRow &row) {
                    text += writer.row(row);
                    return text.size() < kPieceBytes || reply->write(std::exchange(text, {}));
                });
            // What does not come to its proper end is seen to be cut.
            if (done && *done && reply->write(text + writer.closing())) {
                reply->end();
            } else {
                reply->abort();
            }
        });
    if (!started) {
        call.reply->sendError({429,
                               "concurrency_limit_exceeded",
                               "As many exports as may run at the same time are running.",
                               {}});
    }
}

} // namespace tidegate
