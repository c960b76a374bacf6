// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"

#include <QDate>
#include <QJsonObject>
#include <QString>

#include <vector>

namespace tidegate {

/// What the models of one pattern cost.
struct PriceEntry
{
    QString pattern;                 ///< a model name or glob
    QJsonObject config;              ///< as in the price file: USD per million tokens
    Origin origin = Origin::Default; ///< Default: the shipped table
};

/// The prices in force, most specific first. Value type.
struct PriceList
{
    QDate updated; ///< of the table that is shipped or read from a file
    std::vector<PriceEntry> entries;
};

} // namespace tidegate
