// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/store/requestfilter.h"
#include "gateway/store/usagequery.h"

#include <QByteArrayView>

#include <functional>

namespace tidegate {

class LedgerReader;

/// Writes ledger rows and usage for other programs: as CSV (RFC 4180, a header line, decimal
/// point) or as JSON lines, in UTF-8, with times in ISO 8601 UTC and money in USD with nine
/// decimals.
///
/// In CSV a text that a spreadsheet would take for a formula gets an apostrophe in front. No
/// state, any thread; memory does not grow with what is written.
class LedgerExport
{
public:
    enum class Format : quint8
    {
        Csv,
        JsonLines
    };
    /// Takes the next piece, whole lines of some tens of kilobytes. False ends the export.
    using Sink = std::function<bool(QByteArrayView bytes)>;

    /// Every matching row, oldest first. False: the sink ended it.
    static Result<bool> writeRows(LedgerReader &reader, const RequestFilter &filter, Format format,
                                  const Sink &sink);
    /// One line for each cell of @p usage, which is the answer to @p query.
    static bool writeUsage(const UsageQuery &query, const UsageResult &usage, Format format,
                           const Sink &sink);
};

} // namespace tidegate
