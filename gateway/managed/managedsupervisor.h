// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/managed/managedbackend.h"

#include <QByteArray>
#include <QHash>
#include <QObject>
#include <QTimer>

#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace tidegate {

/// All backends that Tidegate starts, stops or reaches through a tunnel.
///
/// Lives in the main thread, owned by the engine's ManagedDesk. Costs nothing while there are none.
class ManagedSupervisor final : public QObject
{
    Q_OBJECT

public:
    using LoadOf = std::function<ManagedBackend::Load(const QByteArray &name)>;
    /// Backend to the commandHash() that a person has confirmed.
    using Confirmed = QHash<QByteArray, QByteArray>;

    explicit ManagedSupervisor(LoadOf load, const ManagedTimings &timings = {},
                               QObject *parent = nullptr);
    ~ManagedSupervisor() override;

    /// What holds from now on. Those that are gone are stopped.
    void setBackends(const std::vector<BackendConfig> &backends, const Confirmed &confirmed);

    /// A request waits for it.
    void need(const QByteArray &name);
    Result<Done> start(const QByteArray &name);
    Result<Done> stop(const QByteArray &name);

    /// Null when nothing is managed or tunnelled under that name.
    [[nodiscard]] const ManagedBackend *find(const QByteArray &name) const;
    [[nodiscard]] bool isEmpty() const { return m_backends.empty() && m_leaving.empty(); }

    /// Ends all that runs and calls @p done, later; what takes longer than @p mostMs is ended at
    /// once. Nothing starts any more.
    void shutDown(int mostMs, std::function<void()> done);
    /// The same at once. Blocks briefly.
    void endNow();

Q_SIGNALS:
    void changed(const QByteArray &name);

private:
    using BackendPtr = std::unique_ptr<ManagedBackend>;

    void leave(BackendPtr backend);
    void left(ManagedBackend *backend);

    const LoadOf m_load;
    const ManagedTimings m_timings;
    std::unique_ptr<UpstreamClient> m_client; ///< of the ready checks; null while there are none
    std::map<QByteArray, BackendPtr> m_backends;
    std::vector<BackendPtr> m_leaving; ///< not configured any more, and not yet stopped
    QTimer m_patience;                 ///< of shutDown()
    std::function<void()> m_done;
};

} // namespace tidegate
