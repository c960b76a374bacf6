// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/ledger/ledgerrow.h"
#include "gateway/store/sqlitestatement.h"

#include <QByteArrayView>
#include <QHash>

#include <optional>

namespace tidegate {

/// What a series of usage says of its requests; the others' fields are empty.
enum class UsageKind : quint8
{
    Everything,
    Total, ///< nothing: it has all requests
    Key,
    Team,
    Model, ///< the one asked for
    Backend
};

/// What usage is told apart by: the columns of `usage_series`, without copying the texts.
struct UsageDimensions
{
    UsageKind kind = UsageKind::Everything;
    qint64 keyId = 0;
    qint64 teamId = 0;
    qint64 endpoint = 0;
    QByteArrayView requestedModel; ///< empty where no such model was offered
    QByteArrayView servedModel;
    QByteArrayView backend;

    bool operator==(const UsageDimensions &) const = default;
};

[[nodiscard]] inline size_t qHash(const UsageDimensions &key, size_t seed = 0)
{
    return qHashMulti(seed, int(key.kind), key.keyId, key.teamId, key.endpoint, key.requestedModel,
                      key.servedModel, key.backend);
}

/// What reports need of a ledger row. Points into the row or statement it was made from.
struct UsageFacts
{
    UsageDimensions dimensions;
    qint64 startedAtUs = 0;
    qint64 totalUs = 0;
    qint64 firstByteUs = -1;
    Outcome outcome = Outcome::Success;
    int status = 0;
    int attempts = 0;
    bool stream = false;
    TokenUsage usage;
    std::optional<Money> cost;
    qint64 bytesIn = 0;
    qint64 bytesOut = 0;

    [[nodiscard]] static UsageFacts of(const LedgerRow &row);
    /// The row of a statement that selects TIDEGATE_USAGE_COLUMNS first.
    [[nodiscard]] static UsageFacts of(const SqliteStatement &statement);

/// Of the table `requests`, in the order that of() expects.
#define TIDEGATE_USAGE_COLUMNS                                                                     \
    "key_id, team_id, endpoint, requested_model, served_model, backend, started_at_us, total_us, " \
    "first_byte_us, outcome, status, attempts, stream, input_tokens, output_tokens, "              \
    "cached_input_tokens, reasoning_tokens, usage_estimated, bytes_in, bytes_out, cost_nano, "     \
    "cache_write_tokens, cache_write_1h_tokens, audio_input_tokens, audio_output_tokens"
    static constexpr int kColumns = 25; ///< in TIDEGATE_USAGE_COLUMNS
};

} // namespace tidegate
