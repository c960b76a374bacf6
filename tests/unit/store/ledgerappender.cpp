// SPDX-License-Identifier: GPL-3.0-or-later

// Appends one ledger row about each millisecond to the store in the folder given, until it is
// killed. Before each row it writes the row's start time to stdout, 8 bytes: what the parent may
// count on.

#include "gateway/base/clock.h"
#include "gateway/store/store.h"

#include <QCoreApplication>

#include <chrono>
#include <cstdio>
#include <thread>

#include <unistd.h>

int main(int argc, char *argv[])
{
    const QCoreApplication app(argc, argv);
    if (argc != 2) {
        return 2;
    }
    tidegate::Store store(QString::fromLocal8Bit(argv[1]));
    if (auto opened = store.open(); !opened) {
        std::fprintf(stderr, "%s\n", qPrintable(opened.error()));
        return 1;
    }
    for (;;) {
        tidegate::LedgerRow row;
        row.startedAtUs = tidegate::wallClockUs();
        row.requestId = QByteArray::number(row.startedAtUs);
        row.keyId = 7;
        if (::write(STDOUT_FILENO, &row.startedAtUs, sizeof row.startedAtUs) < 0) {
            return 1;
        }
        std::vector<tidegate::LedgerRow> rows;
        rows.push_back(std::move(row));
        store.append(std::move(rows));
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}
