// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

namespace tidegate {

/// Bounds of the front door. Value type; every number is enforced per connection unless it says so.
struct HttpLimits
{
    qint64 maxBodyBytes = 33'554'432;   ///< more is 413
    qint64 maxHeaderBytes = 65'536;     ///< request line and fields together; more is 431
    qint64 maxTargetBytes = 16'384;     ///< request target; more is 414
    int maxFields = 128;                ///< more is 431
    int maxConnections = 12'000;        ///< of one listener; more get 503 and are closed
    int headerTimeoutMs = 10'000;       ///< from the first byte to the end of the head: 408
    int bodyTimeoutMs = 30'000;         ///< without any progress of the body: 408
    int idleTimeoutMs = 75'000;         ///< keep-alive without a request: closed without a word
    qint64 highWaterBytes = 256 * 1024; ///< backlog above which write() says stop
    qint64 lowWaterBytes = 64 * 1024;   ///< backlog at which clientWritable() is called
};

} // namespace tidegate
