// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/wallclock.h"
#include "gateway/observe/exchangeevent.h"

#include <QList>
#include <QObject>
#include <QTimer>
#include <QtQml/qqmlregistration.h>

#include <algorithm>
#include <utility>

namespace tidegate {

class GatewayLink;

/// The gateway's state, address and pulse, for the header and the tray.
///
/// Lives in the GUI thread; owned by AppController.
class GatewayStatus : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.gateway")
    Q_PROPERTY(State state READ state NOTIFY stateChanged FINAL)
    /// One word for `state`, translated: "Running".
    Q_PROPERTY(QString stateText READ stateText NOTIFY stateChanged FINAL)
    /// "http://127.0.0.1:8080/v1"; empty before the first start.
    Q_PROPERTY(QString baseUrl READ baseUrl NOTIFY stateChanged FINAL)
    /// "127.0.0.1:8080"; empty before the first start.
    Q_PROPERTY(QString address READ address NOTIFY stateChanged FINAL)
    Q_PROPERTY(int port READ port NOTIFY stateChanged FINAL)
    /// Why `state` is Failed, else empty.
    Q_PROPERTY(QString failure READ failure NOTIFY stateChanged FINAL)
    /// Exchanges in flight now.
    Q_PROPERTY(int activeStreams READ activeStreams NOTIFY activityChanged FINAL)
    /// Finished requests per second, over the last two seconds.
    Q_PROPERTY(double requestsPerSecond READ requestsPerSecond NOTIFY activityChanged FINAL)
    /// The two above as one text: "12.4 req/s · 3 active".
    Q_PROPERTY(QString activityText READ activityText NOTIFY activityChanged FINAL)
    /// Finished requests since local midnight.
    Q_PROPERTY(int requestsToday READ requestsToday NOTIFY activityChanged FINAL)
    /// What they cost, as far as their prices are known: "$3.10".
    Q_PROPERTY(QString costTodayText READ costTodayText NOTIFY activityChanged FINAL)

public:
    enum class State
    {
        Stopped,
        Starting,
        Running,
        Paused,
        Draining,
        Failed
    };
    Q_ENUM(State)

    explicit GatewayStatus(GatewayLink &link, WallClock clock = wallClock(),
                           QObject *parent = nullptr);

    [[nodiscard]] State state() const;
    [[nodiscard]] QString stateText() const;
    [[nodiscard]] QString baseUrl() const;
    [[nodiscard]] QString address() const;
    [[nodiscard]] int port() const;
    [[nodiscard]] QString failure() const;
    [[nodiscard]] int activeStreams() const { return m_active; }
    [[nodiscard]] double requestsPerSecond() const { return m_rate; }
    [[nodiscard]] QString activityText() const;
    [[nodiscard]] int requestsToday() const
    {
        return int(std::max(qint64(0), m_todayBase + m_finished));
    }

    /// Refuses new connections; running exchanges go on.
    Q_INVOKABLE void pause();
    Q_INVOKABLE void resume();
    /// Tries to start again after Failed or Stopped.
    Q_INVOKABLE void restart();

    void applyBatch(const ExchangeBatch &batch);
    [[nodiscard]] QString costTodayText() const;
    /// Takes the day's figures from the ledger, which knows what was before this start.
    void setToday(qint64 count, Money cost);

Q_SIGNALS:
    void stateChanged();
    void activityChanged();

private:
    void refreshRate();

    GatewayLink &m_link;
    WallClock m_clock;
    QTimer m_pulse;
    QList<std::pair<qint64, qint64>> m_samples; ///< wall clock µs, finished in total
    int m_active = 0;
    double m_rate = 0;
    qint64 m_finished = 0;
    qint64 m_todayBase = 0;
    Money m_costToday;
};

} // namespace tidegate
