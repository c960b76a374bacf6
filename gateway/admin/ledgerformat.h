// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/store/ledgerreader.h"

#include <QByteArray>
#include <QJsonArray>
#include <QJsonObject>

#include <optional>

namespace tidegate {

/// How the admin API writes rows of the ledger. Any thread, no state.
namespace ledgerformat {

[[nodiscard]] QJsonObject json(const StoredLedgerRow &row);
/// What was tried for it; empty when the first lane answered.
[[nodiscard]] QJsonArray trace(const StoredLedgerRow &row);
/// The names of the columns, CR LF at the end (RFC 4180).
[[nodiscard]] QByteArray csvHeader();
/// A text that a spreadsheet would take for a formula gets an apostrophe before it: clients choose
/// the names of models.
[[nodiscard]] QByteArray csv(const StoredLedgerRow &row);

[[nodiscard]] std::optional<Outcome> outcomeOf(const QString &name);
[[nodiscard]] QStringList outcomeNames();

} // namespace ledgerformat

} // namespace tidegate
