// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/ledger/ledgerrow.h"

#include <QString>

#include <functional>
#include <utility>
#include <vector>

namespace tidegate {

/// Ledger rows with the ids they have or will have in the database: consecutive from firstId.
struct LedgerBatch
{
    qint64 firstId = 0;
    std::vector<LedgerRow> rows;
};

/// Where ledger rows wait while the database cannot take them: a file with one JSON object a line.
///
/// Lives in the store thread; owned by LedgerWriter. A row keeps its id on the way through, so that
/// replaying one that the database has already changes nothing. Lines that cannot be read, such as
/// the last one after a power cut, are kept in a file of their own next to it.
class LedgerSpill
{
public:
    explicit LedgerSpill(QString path);

    /// Looks at what an earlier run left. To be called once, before anything else.
    Result<Done> open();

    /// Adds all rows or, on an error, none.
    Result<Done> append(const std::vector<LedgerBatch> &batches);

    /// The next rows to replay, at most @p maximum, one batch for each; the same ones until
    /// markReplayed(). Empty when all were.
    Result<std::vector<LedgerBatch>> next(int maximum);
    /// The database has what next() returned. Removes the file after the last row.
    Result<Done> markReplayed();

    /// Calls @p visit with every row that waits, oldest first.
    Result<Done>
    forEachWaiting(const std::function<void(qint64 id, const LedgerRow &row)> &visit) const;

    /// Rows that wait.
    [[nodiscard]] qint64 waiting() const { return m_waiting; }
    /// Highest id in the file when it was opened; 0: none.
    [[nodiscard]] qint64 highestId() const { return m_highestId; }

private:
    Result<Done> keepUnreadable(const QByteArray &line);

    QString m_path;
    qint64 m_waiting = 0;
    qint64 m_highestId = 0;
    qint64 m_offset = 0;     ///< everything before it was replayed
    qint64 m_nextOffset = 0; ///< end of what next() returned
    qint64 m_nextCount = 0;
    QByteArray m_unreadable; ///< lines that next() left out
};

} // namespace tidegate
