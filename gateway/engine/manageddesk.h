// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/config/configsnapshot.h"
#include "gateway/engine/backendstatus.h"
#include "gateway/managed/managedsupervisor.h"
#include "gateway/pipeline/lanestate.h"

#include <QJsonObject>
#include <QLatin1StringView>
#include <QObject>

#include <functional>
#include <vector>

namespace tidegate {

/// Joins the backends that Tidegate starts and tunnels to with their lanes: opens and shuts the
/// lanes' gates, starts what requests wait for, and knows which commands a person has confirmed.
///
/// Lives in the main thread, owned by the Gateway; outlives the engines, which share the lanes.
class ManagedDesk final : public QObject
{
    Q_OBJECT

public:
    /// Where the database keeps what was confirmed: an object of backend to commandHash().
    static constexpr QLatin1StringView kConfirmedSetting{"confirmed_commands"};
    using Reply = std::function<void(Result<Done>)>;
    using SaveConfirmed = std::function<void(const QJsonObject &, Reply)>;

    explicit ManagedDesk(SaveConfirmed save, const ManagedTimings &timings = {},
                         QObject *parent = nullptr);

    /// What was saved by an earlier process. Before the first configuration.
    void restoreConfirmed(const QJsonObject &confirmed) { m_confirmed = confirmed; }
    /// The backends of @p config from now on; @p lanes in their order.
    void setConfig(const ConfigPtr &config, const std::vector<LaneStatePtr> &lanes);

    /// Adds what is known here to the status of that name.
    void fill(BackendStatus &status) const;
    /// The commands of that backend, as they are configured now, may run from now on.
    void confirm(const QByteArray &backend, const Reply &reply);
    Result<Done> start(const QByteArray &backend);
    Result<Done> stop(const QByteArray &backend);

    /// True when nothing is, or was, run.
    [[nodiscard]] bool isEmpty() const { return m_supervisor.isEmpty(); }
    /// Ends all that runs within @p mostMs, and calls @p done, later.
    void shutDown(int mostMs, std::function<void()> done);
    /// The same at once. Blocks briefly.
    void endNow() { m_supervisor.endNow(); }

    /// What a commandHash() was confirmed by whoever edits @p confirmed without a gateway.
    static void noteConfirmed(QJsonObject &confirmed, const BackendConfig &backend);

Q_SIGNALS:
    void changed(const QByteArray &backend);
    /// Requests can reach it from now on.
    void opened(const QByteArray &backend);

private:
    void applyConfig();
    void updateGate(const QByteArray &backend);
    [[nodiscard]] LaneState *findLane(const QByteArray &backend) const;
    [[nodiscard]] ManagedBackend::Load loadOf(const QByteArray &backend) const;

    const SaveConfirmed m_save;
    QJsonObject m_confirmed;
    ConfigPtr m_config;
    std::vector<LaneStatePtr> m_lanes;
    ManagedSupervisor m_supervisor;
};

} // namespace tidegate
