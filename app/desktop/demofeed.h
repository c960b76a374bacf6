// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/observe/exchangeevent.h"

#include <QList>

#include <cstdint>
#include <optional>

namespace tidegate {

/// Made-up traffic with believable names: the same for the same start time and seed.
///
/// Lives in one thread, any; owned by DemoLink. No timer and no clock: the caller says how late it
/// is.
class DemoFeed
{
public:
    /// @p startUs: wall clock, microseconds since 1970 UTC. @p perSecond: mean of new requests.
    DemoFeed(qint64 startUs, double perSecond, quint64 seed = 1);

    /// What happened since the last call, up to @p nowUs.
    [[nodiscard]] ExchangeBatch advance(qint64 nowUs);
    [[nodiscard]] int active() const { return int(m_running.size()); }
    /// Ends what runs as cancelled, at @p nowUs.
    [[nodiscard]] ExchangeBatch cancelAll(qint64 nowUs);
    /// One more request for @p model, arriving at @p nowUs.
    void inject(qint64 nowUs, const QByteArray &model, qint64 keyId);

private:
    /// A running exchange and how it is going to end.
    struct Plan
    {
        ExchangeEvent event; ///< as it is now
        ExchangePhase outcome = ExchangePhase::Done;
        int status = 200;
        ExchangeTimings timings; ///< as they are going to be
        TokenUsage usage;
        std::optional<Money> cost;
        qint64 events = 0;
        qint64 bytesOut = 0;
        QByteArray errorCode;
        QString errorMessage;
        RouteTrace trace; ///< as it is going to be
        bool told = false;
    };

    [[nodiscard]] std::uint32_t random(std::uint32_t below);
    [[nodiscard]] qint64 spread(qint64 middle); ///< between half and double
    [[nodiscard]] Plan plan(qint64 atUs);
    /// Puts the lanes of @p plan into its trace; a second attempt follows a first one that failed.
    static void traceRoute(Plan &plan);
    [[nodiscard]] static bool progress(Plan &plan, qint64 nowUs);
    [[nodiscard]] ExchangeBatch batch(QList<ExchangeEvent> events) const;

    std::uint64_t m_state;
    double m_perSecond;
    qint64 m_nextUs;
    quint64 m_nextId = 1;
    qint64 m_finished = 0;
    QList<Plan> m_running;
};

} // namespace tidegate
