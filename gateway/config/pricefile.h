// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/config/configproblems.h"
#include "gateway/policy/pricetable.h"

#include <QByteArray>
#include <QJsonObject>
#include <QString>

#include <optional>
#include <utility>
#include <vector>

namespace tidegate {

/// Reads a price file (see docs/prices.md). Nothing when anything is wrong with it, even in one
/// price, so that the table in force stays; @p problems says what and where. Blocks for the disk.
/// Any thread.
[[nodiscard]] std::optional<PriceLayer> readPriceFile(const QString &path,
                                                      ConfigProblems &problems);
/// The same for the text of one.
[[nodiscard]] std::optional<PriceLayer> readPrices(const QByteArray &yaml, PriceOrigin origin,
                                                   ConfigProblems &problems);

/// Checks a price of the panel, the admin API or the database: @p config is what would stand behind
/// @p pattern in the file. Amounts are decimals as strings or numbers. The error lists everything
/// that is wrong, one per line. Any thread.
[[nodiscard]] Result<PatternPrice> parsePrice(const QByteArray &pattern, const QJsonObject &config);

/// The prices that come with the program. Any thread.
[[nodiscard]] const PriceLayer &shippedPrices();

} // namespace tidegate
