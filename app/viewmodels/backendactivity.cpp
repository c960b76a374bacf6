// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/backendactivity.h"

namespace tidegate {

namespace {

bool isFailure(RouteStep::Reason reason)
{
    switch (reason) {
    case RouteStep::Reason::Transient:
    case RouteStep::Reason::RateLimited:
    case RouteStep::Reason::CredentialsDead:
    case RouteStep::Reason::BrokeOff:
        return true;
    default:
        return false;
    }
}

} // namespace

void BackendActivity::count(const QByteArray &backend, qint64 atUs, bool failed, qint64 latencyUs)
{
    const qint64 number = atUs / kSliceUs;
    Slice &slice = m_rings[backend][size_t(number % kSlices)];
    if (slice.number > number) {
        return; // too late: its place belongs to a later time
    }
    if (slice.number < number) {
        slice = {};
        slice.number = number;
    }
    ++slice.requests;
    slice.failures += failed ? 1 : 0;
    if (latencyUs >= 0) {
        ++slice.answers;
        slice.latencySumUs += latencyUs;
    }
}

void BackendActivity::add(const ExchangeBatch &batch)
{
    for (const ExchangeEvent &event : batch.events) {
        if (event.timings.endUs < 0) {
            continue;
        }
        const qint64 endedAtUs = event.startedAtUs + event.timings.endUs;
        bool traced = false;
        for (const RouteStep &step : event.trace) {
            if (step.kind != RouteStep::Kind::Tried && step.kind != RouteStep::Kind::Hedged) {
                continue;
            }
            traced = true;
            const bool answered = step.reason == RouteStep::Reason::Success &&
                                  step.backend == event.backend && event.timings.firstByteUs >= 0;
            count(step.backend, endedAtUs, isFailure(step.reason),
                  answered ? event.timings.firstByteUs - step.atUs : -1);
        }
        if (!traced && !event.backend.isEmpty()) {
            const bool failed = event.phase == ExchangePhase::Failed &&
                                (event.status >= 500 || event.status == 429);
            count(event.backend, endedAtUs, failed,
                  failed || event.timings.firstByteUs < 0
                      ? -1
                      : event.timings.firstByteUs - qMax<qint64>(0, event.timings.routedUs));
        }
    }
}

template <typename Value>
QList<double> BackendActivity::read(const QByteArray &backend, qint64 nowUs, Value value) const
{
    QList<double> values(kSlices, -1);
    const auto ring = m_rings.constFind(backend);
    if (ring == m_rings.cend()) {
        return values;
    }
    const qint64 first = nowUs / kSliceUs - kSlices + 1;
    for (const Slice &slice : *ring) {
        const qint64 place = slice.number - first;
        if (place >= 0 && place < kSlices) {
            values[place] = value(slice);
        }
    }
    return values;
}

QList<double> BackendActivity::latencies(const QByteArray &backend, qint64 nowUs) const
{
    return read(backend, nowUs, [](const Slice &slice) {
        return slice.answers > 0 ? double(slice.latencySumUs) / slice.answers / 1e3 : -1.0;
    });
}

QList<double> BackendActivity::errors(const QByteArray &backend, qint64 nowUs) const
{
    return read(backend, nowUs, [](const Slice &slice) {
        return slice.requests > 0 ? double(slice.failures) / slice.requests : -1.0;
    });
}

BackendActivity::Summary BackendActivity::summary(const QByteArray &backend, qint64 nowUs) const
{
    Summary summary;
    qint64 answers = 0;
    qint64 latencySumUs = 0;
    qint64 oldest = nowUs / kSliceUs + 1;
    (void)read(backend, nowUs, [&](const Slice &slice) {
        summary.requests += slice.requests;
        summary.failures += slice.failures;
        answers += slice.answers;
        latencySumUs += slice.latencySumUs;
        oldest = qMin(oldest, slice.number);
        return 0.0;
    });
    if (answers > 0) {
        summary.latencyUs = latencySumUs / answers;
    }
    if (summary.requests > 0) {
        // Of the time since the first one: a panel that was just opened has not seen five minutes.
        const double slices = double(nowUs / kSliceUs - oldest + 1);
        summary.perMinute = double(summary.requests) * (60e6 / double(kSliceUs)) / slices;
    }
    return summary;
}

void BackendActivity::keepOnly(const QList<QByteArray> &names)
{
    erase_if(m_rings, [&names](const auto &entry) { return !names.contains(entry.key()); });
}

} // namespace tidegate
