// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"
#include "gateway/engine/healthcheck.h"
#include "gateway/pipeline/lanestate.h"

#include <QObject>
#include <QTimer>

#include <memory>
#include <vector>

namespace tidegate {

/// Looks at backends again and again, and tells their lanes how they are.
///
/// Lives in the main thread with an upstream client of its own, so that no engine thread ever waits
/// for a probe; owned by the Gateway. Requests tell it nothing: what they found is read off the
/// lanes' reachability.
class HealthProber final : public QObject
{
    Q_OBJECT

public:
    explicit HealthProber(QObject *parent = nullptr);
    ~HealthProber() override;

    /// The backends from now on; @p lanes in their order. Those that are new or asked differently
    /// are looked at at once.
    void setBackends(const ConfigPtr &config, const std::vector<LaneStatePtr> &lanes);
    void stop();
    /// Somebody else asked a backend. Counts for those that are not asked from here.
    void noteAnswer(const QByteArray &backend, bool isThere, const QString &message);
    /// Takes over what requests found since the last call.
    void lookAtRequests();

    /// Whether it is asked actively. Hosted services are only where the configuration says so:
    /// they are there, and some start a machine for every question.
    [[nodiscard]] static bool isProbed(const BackendConfig &backend);

Q_SIGNALS:
    /// A verdict has changed.
    void changed();
    void modelsFound(const QByteArray &backend, const QByteArrayList &models);

private:
    struct Watched;

    void look(Watched &watched);
    void note(Watched &watched, const HealthCheck::Result &result);
    void tell(Watched &watched, HealthFinding finding);
    void schedule(Watched &watched);

    std::unique_ptr<UpstreamClient> m_client; ///< null while nothing is to be asked
    std::vector<std::unique_ptr<Watched>> m_watched;
};

/// How the backend is as far as it is known: by its verdict, else by its last request.
[[nodiscard]] BackendHealth healthOf(const BackendConfig &backend, const LaneState &lane);

} // namespace tidegate
