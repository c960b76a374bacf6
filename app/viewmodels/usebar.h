// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/limituse.h"

#include <QString>
#include <QVariantMap>

namespace tidegate {

/// Where the present pace leads to.
struct Forecast
{
    enum class Kind : quint8
    {
        None,    ///< nothing is limited, or nothing was used
        Early,   ///< too little of the period is over
        Within,  ///< the limit holds until the period ends
        Reaches, ///< it is reached at `atUs`
        Reached  ///< it is used up
    };
    Kind kind = Kind::None;
    qint64 atUs = -1; ///< wall clock, microseconds since 1970 UTC
};

/// Goes on with the mean pace since @p startUs; nothing is foretold when that is 0, not known.
/// @p endUs -1: the period has no end. @p used and
/// @p limit in any one unit; times in microseconds since 1970 UTC.
[[nodiscard]] Forecast forecast(qint64 used, qint64 limit, qint64 startUs, qint64 endUs,
                                qint64 nowUs);

/// Bars of used against allowed, as QML shows them: maps with `text` ("12 / 60"), `ratio` (0 to 1,
/// -1 without a limit), `note` (the forecast), `tone` (0 calm, 1 near, 2 reached), `spoken` (a full
/// sentence) and `limited`. Any thread.
namespace usebar {

[[nodiscard]] QVariantMap requests(const LimitUse &use);
[[nodiscard]] QVariantMap tokens(const LimitUse &use, qint64 nowUs);
[[nodiscard]] QVariantMap budget(const LimitUse &use, qint64 nowUs);
/// "day", "month", …
[[nodiscard]] QString periodText(BudgetPeriod period);

} // namespace usebar

} // namespace tidegate
