// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QJsonObject>
#include <QString>

namespace tidegate {

/// A team as the database has it. Value type.
struct StoredTeam
{
    qint64 id = 0; ///< never used twice
    QString name;
    QJsonObject config; ///< as in the file's `teams:` entry
};

} // namespace tidegate
