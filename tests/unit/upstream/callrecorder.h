// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/upstream/upstreamclient.h"

#include <QByteArray>
#include <QList>

#include <functional>
#include <utility>

namespace tidegate {

/// A listener that remembers what it heard and can be given something to do.
class CallRecorder final : public UpstreamListener
{
public:
    void upstreamHead(const UpstreamHead &head) override;
    bool upstreamBody(std::string_view piece) override;
    void upstreamFinished(const UpstreamResult &end) override;

    /// The value of a field of the head, null when absent.
    [[nodiscard]] QByteArray field(const QByteArray &name) const;

    std::function<void()> onHead;
    std::function<bool(std::string_view)> onBody; ///< its answer is given to the client
    std::function<void()> onFinished;

    int heads = 0;
    int status = 0;
    qint64 contentLength = -1;
    QList<std::pair<QByteArray, QByteArray>> fields;
    QByteArray body;
    int pieces = 0;
    int finishes = 0;
    qint64 finishedNs = 0;
    UpstreamResult result;
};

/// A POST of @p body with time-outs that no test should reach.
[[nodiscard]] UpstreamRequest postTo(const QByteArray &url, const QByteArray &body = "{}");

/// Runs the event loop until @p condition holds; false after @p milliseconds.
[[nodiscard]] bool waitUntil(const std::function<bool()> &condition, int milliseconds = 5000);

/// Memory of this process in use, bytes.
[[nodiscard]] qint64 residentBytes();

} // namespace tidegate
