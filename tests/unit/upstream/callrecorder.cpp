// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/upstream/callrecorder.h"

#include "gateway/base/clock.h"

#include <QCoreApplication>
#include <QFile>
#include <QTimer>

#include <unistd.h>

namespace tidegate {

void CallRecorder::upstreamHead(const UpstreamHead &head)
{
    ++heads;
    status = head.status;
    contentLength = head.contentLength;
    for (const auto &[name, value] : head.fields) {
        fields.append({QByteArray(name.data(), qsizetype(name.size())),
                       QByteArray(value.data(), qsizetype(value.size()))});
    }
    if (onHead) {
        onHead();
    }
}

bool CallRecorder::upstreamBody(std::string_view piece)
{
    ++pieces;
    if (onBody) {
        return onBody(piece);
    }
    body.append(piece.data(), qsizetype(piece.size()));
    return true;
}

void CallRecorder::upstreamFinished(const UpstreamResult &end)
{
    ++finishes;
    finishedNs = monotonicNs();
    result = end;
    if (onFinished) {
        onFinished();
    }
}

QByteArray CallRecorder::field(const QByteArray &name) const
{
    for (const auto &[each, value] : fields) {
        if (each == name) {
            return value;
        }
    }
    return {};
}

UpstreamRequest postTo(const QByteArray &url, const QByteArray &body)
{
    UpstreamRequest request;
    request.url = url;
    request.fields = {"Content-Type: application/json"};
    request.body = body;
    return request;
}

bool waitUntil(const std::function<bool()> &condition, int milliseconds)
{
    // Wakes the loop for conditions that another thread makes true.
    QTimer tick;
    tick.start(2);
    const qint64 limit = monotonicNs() + qint64(milliseconds) * 1'000'000;
    while (!condition()) {
        if (monotonicNs() > limit) {
            return false;
        }
        QCoreApplication::processEvents(QEventLoop::AllEvents | QEventLoop::WaitForMoreEvents);
    }
    return true;
}

qint64 residentBytes()
{
    QFile file(QStringLiteral("/proc/self/statm"));
    if (!file.open(QIODevice::ReadOnly)) {
        return 0;
    }
    return file.readAll().split(' ').at(1).toLongLong() * sysconf(_SC_PAGESIZE);
}

} // namespace tidegate
