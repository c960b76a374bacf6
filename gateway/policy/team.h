// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/policy/limits.h"

#include <QJsonObject>
#include <QString>

#include <optional>

namespace tidegate {

/// A group of client keys with limits and a budget of its own, which hold besides those of each
/// key.
///
/// Value type, shared between threads as const.
struct Team
{
    qint64 id = 0; ///< row id in the database; negative for teams from the file
    QString name;
    bool fromFile = false; ///< read-only in the panel
    Limits limits;
    std::optional<BudgetRule> budget;
    QJsonObject config; ///< as in the file's `teams:` entry
};

} // namespace tidegate
