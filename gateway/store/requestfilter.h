// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/ledger/ledgerrow.h"

#include <QByteArray>

#include <limits>
#include <optional>

namespace tidegate {

/// Which rows of the ledger are asked for: those that match everything that is said. Value type.
struct RequestFilter
{
    std::optional<qint64> keyId; ///< 0: requests without one
    std::optional<qint64> teamId;
    std::optional<QByteArray> model; ///< requested or served
    std::optional<QByteArray> backend;
    std::optional<Outcome> outcome;
    int statusFrom = 0;
    int statusTo = std::numeric_limits<int>::max();      ///< included
    qint64 sinceUs = std::numeric_limits<qint64>::min(); ///< when it started
    qint64 untilUs = std::numeric_limits<qint64>::max(); ///< not included
    std::optional<QByteArray> requestId;
};

} // namespace tidegate
