// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/ledger/ledgerrow.h"

#include <QString>

#include <random>
#include <vector>

namespace tidegate {

/// Makes ledgers as a team would: some keys use more than others, days are busy and nights are not,
/// a few requests fail, are cut, or have no known price. The same seed makes the same rows.
class LedgerGenerator
{
public:
    static constexpr int kKeys = 40;
    static constexpr int kTeams = 8;
    static constexpr int kModels = 12;
    static constexpr int kBackends = 5;

    /// Rows that start between @p fromUs and @p toUs.
    LedgerGenerator(qint64 fromUs, qint64 toUs, quint32 seed = 1);

    /// The next row of @p rows in all, in the order of their start.
    LedgerRow row(qint64 number, qint64 rows);

    /// Writes @p rows rows into a new database at @p path, with all that a Store keeps of them,
    /// by Store's own means; about 200,000 a second. Team and key names are not set.
    static Result<Done> writeDatabase(const QString &path, qint64 rows, qint64 fromUs, qint64 toUs);

private:
    qint64 m_fromUs;
    qint64 m_toUs;
    std::minstd_rand m_random;
};

} // namespace tidegate
