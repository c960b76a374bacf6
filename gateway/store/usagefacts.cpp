// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/usagefacts.h"

namespace tidegate {
namespace {

/// What a client made up must not become a line of its own in every report: the model that was
/// asked for counts when a backend was called, or when only a limit or the backends were in the
/// way.
bool modelIsReal(QByteArrayView backend, int status)
{
    return !backend.isEmpty() || status == 402 || status == 429 || status >= 500;
}

} // namespace

UsageFacts UsageFacts::of(const LedgerRow &row)
{
    UsageFacts facts;
    facts.dimensions = {UsageKind::Everything, row.keyId,       row.teamId, qint64(row.endpoint),
                        row.requestedModel,    row.servedModel, row.backend};
    if (!modelIsReal(row.backend, row.status)) {
        facts.dimensions.requestedModel = {};
    }
    facts.startedAtUs = row.startedAtUs;
    facts.totalUs = row.totalUs;
    facts.firstByteUs = row.firstByteUs;
    facts.outcome = row.outcome;
    facts.status = row.status;
    facts.attempts = row.attempts;
    facts.stream = row.stream;
    facts.usage = row.usage;
    facts.cost = row.cost;
    facts.bytesIn = row.bytesIn;
    facts.bytesOut = row.bytesOut;
    return facts;
}

UsageFacts UsageFacts::of(const SqliteStatement &statement)
{
    const auto known = [&statement](int column) {
        return statement.optionalInteger(column).value_or(-1);
    };
    UsageFacts facts;
    facts.dimensions.keyId = statement.integer(0);
    facts.dimensions.teamId = statement.integer(1);
    facts.dimensions.endpoint = statement.integer(2);
    facts.dimensions.servedModel = statement.view(4);
    facts.dimensions.backend = statement.view(5);
    facts.startedAtUs = statement.integer(6);
    facts.totalUs = statement.integer(7);
    facts.firstByteUs = known(8);
    facts.outcome = Outcome(statement.integer(9));
    facts.status = int(statement.integer(10));
    if (modelIsReal(facts.dimensions.backend, facts.status)) {
        facts.dimensions.requestedModel = statement.view(3);
    }
    facts.attempts = int(statement.integer(11));
    facts.stream = statement.integer(12) != 0;
    facts.usage.input = known(13);
    facts.usage.output = known(14);
    facts.usage.cachedInput = known(15);
    facts.usage.reasoning = known(16);
    facts.usage.estimated = statement.integer(17) != 0;
    facts.bytesIn = statement.integer(18);
    facts.bytesOut = statement.integer(19);
    if (const auto nano = statement.optionalInteger(20)) {
        facts.cost = Money::fromNano(*nano);
    }
    facts.usage.cacheWrite = known(21);
    facts.usage.cacheWrite1h = known(22);
    facts.usage.audioInput = known(23);
    facts.usage.audioOutput = known(24);
    return facts;
}

} // namespace tidegate
