// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/ledgercolumns.h"

namespace tidegate {
namespace {

void bindKnown(SqliteStatement &statement, int index, qint64 value)
{
    if (value < 0) {
        statement.bindNull(index);
    } else {
        statement.bind(index, value);
    }
}

} // namespace

void bindLedgerRow(SqliteStatement &statement, qint64 id, const LedgerRow &row)
{
    statement.bind(1, id);
    statement.bindText(2, row.requestId);
    statement.bind(3, row.startedAtUs);
    statement.bind(4, row.totalUs);
    bindKnown(statement, 5, row.firstByteUs);
    statement.bind(6, row.overheadUs);
    statement.bind(7, row.keyId);
    statement.bind(8, int(row.endpoint));
    statement.bind(9, int(row.outcome));
    statement.bind(10, row.status);
    statement.bind(11, row.attempts);
    statement.bind(12, row.stream ? 1 : 0);
    statement.bindText(13, row.requestedModel);
    statement.bindText(14, row.servedModel);
    statement.bindText(15, row.backend);
    statement.bindText(16, row.errorCode);
    statement.bindText(17, row.peer);
    bindKnown(statement, 18, row.usage.input);
    bindKnown(statement, 19, row.usage.output);
    bindKnown(statement, 20, row.usage.cachedInput);
    bindKnown(statement, 21, row.usage.reasoning);
    statement.bind(22, row.usage.estimated ? 1 : 0);
    statement.bind(23, row.bytesIn);
    statement.bind(24, row.bytesOut);
    statement.bind(25, row.teamId);
    if (row.cost) {
        statement.bind(26, row.cost->nano());
    } else {
        statement.bindNull(26);
    }
    statement.bind(27, qint64(row.holdId));
    bindKnown(statement, 28, row.usage.cacheWrite);
    bindKnown(statement, 29, row.usage.cacheWrite1h);
    bindKnown(statement, 30, row.usage.audioInput);
    bindKnown(statement, 31, row.usage.audioOutput);
    if (row.trace.isEmpty()) {
        statement.bindNull(32);
    } else {
        statement.bindText(32, row.trace);
    }
}

LedgerRow readLedgerRow(const SqliteStatement &statement)
{
    const auto known = [&statement](int column) {
        return statement.optionalInteger(column).value_or(-1);
    };
    LedgerRow row;
    row.requestId = statement.bytes(1);
    row.startedAtUs = statement.integer(2);
    row.totalUs = statement.integer(3);
    row.firstByteUs = known(4);
    row.overheadUs = statement.integer(5);
    row.keyId = statement.integer(6);
    row.endpoint = Endpoint(statement.integer(7));
    row.outcome = Outcome(statement.integer(8));
    row.status = int(statement.integer(9));
    row.attempts = int(statement.integer(10));
    row.stream = statement.integer(11) != 0;
    row.requestedModel = statement.bytes(12);
    row.servedModel = statement.bytes(13);
    row.backend = statement.bytes(14);
    row.errorCode = statement.bytes(15);
    row.peer = statement.bytes(16);
    row.usage.input = known(17);
    row.usage.output = known(18);
    row.usage.cachedInput = known(19);
    row.usage.reasoning = known(20);
    row.usage.estimated = statement.integer(21) != 0;
    row.bytesIn = statement.integer(22);
    row.bytesOut = statement.integer(23);
    row.teamId = statement.integer(24);
    if (const auto nano = statement.optionalInteger(25)) {
        row.cost = Money::fromNano(*nano);
    }
    row.holdId = quint64(statement.integer(26));
    row.usage.cacheWrite = known(27);
    row.usage.cacheWrite1h = known(28);
    row.usage.audioInput = known(29);
    row.usage.audioOutput = known(30);
    row.trace = statement.bytes(31);
    return row;
}

} // namespace tidegate
