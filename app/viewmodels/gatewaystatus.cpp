// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/gatewaystatus.h"

#include "app/viewmodels/gatewaylink.h"
#include "app/viewmodels/humantext.h"

#include <QLocale>
#include <QUrl>

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

constexpr qint64 kRateWindowUs = 2'000'000;
constexpr int kPulseMs = 500;

} // namespace

GatewayStatus::GatewayStatus(GatewayLink &link, WallClock clock, QObject *parent)
    : QObject(parent)
    , m_link(link)
    , m_clock(std::move(clock))
{
    connect(&link, &GatewayLink::stateChanged, this, &GatewayStatus::stateChanged);
    connect(&link, &GatewayLink::configChanged, this, &GatewayStatus::stateChanged);
    m_pulse.setInterval(kPulseMs);
    connect(&m_pulse, &QTimer::timeout, this, &GatewayStatus::refreshRate);
}

GatewayStatus::State GatewayStatus::state() const
{
    switch (m_link.state()) {
    case Gateway::State::Stopped:
        return State::Stopped;
    case Gateway::State::Starting:
        return State::Starting;
    case Gateway::State::Running:
        return State::Running;
    case Gateway::State::Paused:
        return State::Paused;
    case Gateway::State::Draining:
        return State::Draining;
    case Gateway::State::Failed:
        return State::Failed;
    }
    return State::Failed;
}

QString GatewayStatus::stateText() const
{
    switch (state()) {
    case State::Stopped:
        //: State of the gateway
        return tr("Stopped");
    case State::Starting:
        //: State of the gateway
        return tr("Starting");
    case State::Running:
        //: State of the gateway
        return tr("Running");
    case State::Paused:
        //: State of the gateway
        return tr("Paused");
    case State::Draining:
        //: State of the gateway: running requests finish, new ones are refused
        return tr("Finishing");
    case State::Failed:
        //: State of the gateway
        return tr("Error");
    }
    return {};
}

QString GatewayStatus::baseUrl() const
{
    return m_link.baseUrl().toString();
}

QString GatewayStatus::address() const
{
    return m_link.baseUrl().authority();
}

int GatewayStatus::port() const
{
    return m_link.port();
}

QString GatewayStatus::failure() const
{
    return m_link.failure();
}

QString GatewayStatus::activityText() const
{
    const QLocale locale;
    //: Finished requests per second
    const QString rate =
        tr("%1 req/s").arg(locale.toString(m_rate, 'f', m_rate > 0 && m_rate < 99.95 ? 1 : 0));
    //: Requests in flight now
    return rate + QStringLiteral(" · ") + tr("%n active", nullptr, m_active);
}

void GatewayStatus::pause()
{
    m_link.setAccepting(false);
}

void GatewayStatus::resume()
{
    m_link.setAccepting(true);
}

void GatewayStatus::restart()
{
    m_link.start();
}

void GatewayStatus::applyBatch(const ExchangeBatch &batch)
{
    const qint64 nowUs = m_clock();
    m_active = batch.active;
    m_finished = batch.finishedTotal;
    for (const ExchangeEvent &event : batch.events) {
        if (event.timings.endUs >= 0 && event.cost) {
            m_costToday += *event.cost;
        }
    }
    if (m_samples.isEmpty()) {
        // The first batch tells where the count stands, not how fast it got there.
        m_samples.append({nowUs, batch.finishedTotal});
    } else if (m_samples.constLast().first == nowUs) {
        m_samples.last().second = batch.finishedTotal;
    } else {
        m_samples.append({nowUs, batch.finishedTotal});
    }
    refreshRate();
    if (!m_pulse.isActive()) {
        m_pulse.start();
    }
}

void GatewayStatus::refreshRate()
{
    const qint64 nowUs = m_clock();
    // One sample from before the window stays, as its left edge.
    while (m_samples.size() > 1 && m_samples[1].first <= nowUs - kRateWindowUs) {
        m_samples.removeFirst();
    }
    const qint64 spanUs = std::max(nowUs - m_samples.constFirst().first, kRateWindowUs / 2);
    const qint64 finished = m_finished - m_samples.constFirst().second;
    m_rate = finished <= 0 ? 0 : double(finished) * 1e6 / double(std::min(spanUs, kRateWindowUs));
    if (m_active == 0 && m_rate == 0 && m_samples.size() == 1) {
        m_pulse.stop();
    }
    Q_EMIT activityChanged();
}

QString GatewayStatus::costTodayText() const
{
    return humantext::money(m_costToday);
}

void GatewayStatus::setToday(qint64 count, Money cost)
{
    // Negative after midnight: what was counted before does not belong to today.
    m_todayBase = count - m_finished;
    m_costToday = cost;
    Q_EMIT activityChanged();
}

} // namespace tidegate
