// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/store/ledgergenerator.h"

#include "gateway/store/database.h"
#include "gateway/store/ledgerrollup.h"
#include "gateway/store/ledgerwriter.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tidegate {
namespace {

constexpr qint64 kHourUs = 3'600'000'000;
constexpr int kBatchRows = 16'384;

// How busy each hour of a day is.
constexpr std::array kHours{1,  1,  1,  1,  1,  2,  4, 8, 14, 18, 18, 16,
                            14, 17, 18, 17, 14, 10, 7, 5, 4,  3,  2,  2};

} // namespace

LedgerGenerator::LedgerGenerator(qint64 fromUs, qint64 toUs, quint32 seed)
    : m_fromUs(fromUs)
    , m_toUs(toUs)
    , m_random(seed)
{
}

LedgerRow LedgerGenerator::row(qint64 number, qint64 rows)
{
    static constexpr int kSum = 198; // of kHours
    const auto random = [this](quint32 below) { return quint32(m_random() % below); };

    // The share of the day that is over when this share of its requests is.
    const double at = double(number) * double(m_toUs - m_fromUs) / double(rows);
    const double dayUs = 24.0 * double(kHourUs);
    double busy = std::fmod(at, dayUs) / dayUs * kSum;
    double hour = 0;
    for (const int weight : kHours) {
        if (busy < weight) {
            hour += busy / weight;
            break;
        }
        busy -= weight;
        hour += 1;
    }

    LedgerRow row;
    row.startedAtUs =
        m_fromUs + qint64(std::floor(at / dayUs) * dayUs + hour * double(kHourUs)) + random(1'000);
    row.startedAtUs = std::min(row.startedAtUs, m_toUs - 1);
    static constexpr char kHex[] = "0123456789abcdef";
    row.requestId = QByteArray(36, '-');
    for (const int place : {0,  1,  2,  3,  4,  5,  6,  7,  9,  10, 11, 12, 14, 15, 16, 17,
                            19, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35}) {
        row.requestId[place] = kHex[random(16)];
    }
    row.keyId = 1 + std::min(random(kKeys), random(kKeys)); // some more than others
    row.teamId = row.keyId % (kTeams + 1);
    const auto model = quint32((row.keyId * 5 + std::min(random(3), random(3)) * 7) % kModels);
    const auto backend = (model + (random(20) == 0 ? 1 : 0)) % kBackends;
    row.requestedModel = "model-" + QByteArray::number(model);
    row.servedModel = "vendor/model-" + QByteArray::number(model) + "-2026";
    row.backend = "backend-" + QByteArray::number(backend);
    row.peer = "10.0.0." + QByteArray::number(row.keyId);
    row.endpoint = row.keyId % 7 == 0 ? Endpoint::Embeddings : Endpoint::ChatCompletions;
    row.stream = random(3) != 0;
    row.attempts = 1;
    row.status = 200;
    // Between 20 ms and about a minute, mostly some seconds.
    row.totalUs = qint64(20'000 * std::exp(double(random(8'000)) / 1'000));
    row.firstByteUs = std::min<qint64>(row.totalUs, 15'000 + random(900'000));
    row.overheadUs = 40 + random(50);
    row.usage.input = 50 + random(4'000);
    row.usage.output = 1 + random(1'500);
    row.usage.cachedInput = random(4) == 0 ? row.usage.input / 2 : 0;
    row.usage.estimated = random(100) == 0;
    if (model != 11) {
        row.cost = Money::fromNano(row.usage.input * 150 + row.usage.output * 600 + model);
    }
    row.bytesIn = row.usage.input * 4;
    row.bytesOut = row.usage.output * 5;
    switch (random(200)) {
    case 0:
        row.outcome = Outcome::UpstreamError;
        row.status = 502;
        row.errorCode = "upstream_unavailable";
        row.cost = Money();
        row.usage = {};
        break;
    case 1:
    case 2:
        row.outcome = Outcome::ClientClosed;
        row.status = 499;
        break;
    case 3:
        row.outcome = Outcome::ClientError;
        row.status = 429;
        row.errorCode = "rate_limit_exceeded";
        row.attempts = 0;
        row.backend.clear();
        row.servedModel.clear();
        row.cost = Money();
        row.usage = {};
        break;
    default:
        break;
    }
    return row;
}

Result<Done> LedgerGenerator::writeDatabase(const QString &path, qint64 rows, qint64 fromUs,
                                            qint64 toUs)
{
    Database database;
    if (auto opened = database.open(path); !opened) {
        return opened;
    }
    SqliteConnection &connection = database.connection();
    if (!connection.execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;")) {
        return connection.explainLastError();
    }
    LedgerRollup rollup(connection);
    LedgerWriter writer(connection, path + QStringLiteral(".spill"));
    if (auto opened = rollup.open(); !opened) {
        return opened;
    }
    if (auto opened = writer.open(rollup.rolledUpTo()); !opened) {
        return opened;
    }
    LedgerGenerator generator(fromUs, toUs);
    for (qint64 done = 0; done < rows;) {
        std::vector<LedgerRow> batch;
        batch.reserve(kBatchRows);
        for (; done < rows && batch.size() < kBatchRows; ++done) {
            batch.push_back(generator.row(done, rows));
        }
        std::sort(batch.begin(), batch.end(), [](const LedgerRow &a, const LedgerRow &b) {
            return a.startedAtUs + a.totalUs < b.startedAtUs + b.totalUs;
        });
        std::vector<std::vector<LedgerRow>> chunks;
        chunks.push_back(std::move(batch));
        writer.take(std::move(chunks));
        writer.flush(0, true);
        if (writer.inMemory() > 0 || writer.inSpill() > 0) {
            return Error{writer.lastError()};
        }
        while (writer.settledId() - rollup.rolledUpTo() >= LedgerRollup::kBlockRows) {
            if (auto added = rollup.advance(writer.settledId()); !added) {
                return Error{added.error()};
            }
        }
    }
    return Done{};
}

} // namespace tidegate
