// SPDX-License-Identifier: GPL-3.0-or-later

// Makes a database with a ledger of any size, to measure reports on: generate_ledger FILE ROWS DAYS

#include "gateway/base/clock.h"
#include "tests/unit/store/ledgergenerator.h"

#include <QCoreApplication>

#include <cstdio>

int main(int argc, char *argv[])
{
    const QCoreApplication app(argc, argv);
    const QStringList arguments = QCoreApplication::arguments();
    const qint64 rows = arguments.value(2).toLongLong();
    const qint64 days = arguments.value(3).toLongLong();
    if (arguments.size() != 4 || rows <= 0 || days <= 0) {
        std::fprintf(stderr, "usage: generate_ledger FILE ROWS DAYS\n");
        return 2;
    }
    const qint64 nowUs = tidegate::wallClockUs();
    const auto written = tidegate::LedgerGenerator::writeDatabase(
        arguments[1], rows, nowUs - days * 86'400'000'000, nowUs);
    if (!written) {
        std::fprintf(stderr, "%s\n", qPrintable(written.error()));
        return 1;
    }
}
