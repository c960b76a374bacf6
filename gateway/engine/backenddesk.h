// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/config/configsnapshot.h"
#include "gateway/engine/backendstatus.h"
#include "gateway/pipeline/routes.h"

#include <QLatin1StringView>
#include <QObject>
#include <QStringList>
#include <QTimer>

#include <functional>
#include <optional>
#include <vector>

namespace tidegate {

/// What is known of the backends at run time, for people, and what people do to them by hand.
///
/// Lives in the main thread, owned by the Gateway; outlives the engines, which share its states.
/// Engines tell it nothing: it looks at the states twice a second, so that a request pays nothing
/// for being watched.
class BackendDesk final : public QObject
{
    Q_OBJECT

public:
    /// Where the database keeps the names of the drained backends.
    static constexpr QLatin1StringView kDrainedSetting{"drained"};
    using SaveDrained = std::function<void(const QStringList &names)>;

    explicit BackendDesk(SaveDrained saveDrained, QObject *parent = nullptr);

    /// The names that were saved by an earlier process. Before the first configuration.
    void restoreDrained(QStringList names) { m_drained = std::move(names); }
    /// The backends of @p config from now on. What is known of one by its name is kept.
    void setConfig(const ConfigPtr &config);
    /// One for each backend of the configuration, in its order.
    [[nodiscard]] const std::vector<LaneStatePtr> &states() const { return m_states; }
    /// The models that backends were found to serve.
    void setDiscovered(const DiscoveredModels &models) { m_discovered = models; }
    /// Looks for changes from now on, or no more.
    void watch(bool on);
    /// Looks for changes now.
    void look();

    [[nodiscard]] std::vector<BackendStatus> statuses() const;
    [[nodiscard]] std::optional<BackendStatus> status(const QByteArray &name) const;

    /// A drained backend gets no new requests; those under way go on. Kept across changes of the
    /// configuration and restarts.
    Result<Done> setDraining(const QByteArray &name, bool draining);
    /// Opens the breaker for @p seconds, 0: until it is reset.
    Result<Done> tripBreaker(const QByteArray &name, int seconds);
    /// Closes the breaker, forgets what it counted, and makes the backend's keys ready.
    Result<Done> resetBreaker(const QByteArray &name);

Q_SIGNALS:
    /// Time to bring the states up to date.
    void aboutToLook();
    /// Something else than counters of that backend has changed.
    void backendChanged(const QByteArray &backend);
    /// The same of any; once for all that were seen to change together.
    void changed();
    /// In their order, each once. More than the breaker remembers within half a second are left
    /// out.
    void breakerChanged(const QByteArray &backend, const tidegate::BreakerEvent &event);

private:
    /// What is compared to see whether a backend has changed.
    struct Seen
    {
        BackendHealth health = BackendHealth::Unknown;
        bool draining = false;
        BreakerState breaker = BreakerState::Closed;
        qint64 openUntilNs = 0;
        qint64 lastTransitionNs = 0;
        std::vector<CredentialState> keys;
        bool operator==(const Seen &) const = default;
    };

    [[nodiscard]] LaneState *find(const QByteArray &name) const;
    [[nodiscard]] BackendStatus statusOf(const BackendConfig &backend, const LaneState &lane,
                                         qint64 nowNs) const;

    const SaveDrained m_saveDrained;
    QStringList m_drained; ///< also those that are in no configuration now
    ConfigPtr m_config;
    DiscoveredModels m_discovered;
    std::vector<LaneStatePtr> m_states;
    std::vector<Seen> m_seen; ///< one for each of m_states
    QTimer m_timer;
};

} // namespace tidegate
