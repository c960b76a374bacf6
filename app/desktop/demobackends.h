// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/config/configsnapshot.h"
#include "gateway/engine/backendstatus.h"

#include <QHash>
#include <QJsonObject>

#include <optional>
#include <vector>

namespace tidegate {

/// The backends and models of the demo, and how the backends are doing: one of them fails, one is
/// started when it is needed, one waits to be confirmed.
///
/// Lives in one thread, any; owned by DemoLink. No timer and no clock: the caller says how late it
/// is, in microseconds since 1970 UTC.
class DemoBackends
{
public:
    [[nodiscard]] static std::vector<BackendConfig> backends();
    [[nodiscard]] static std::vector<ModelConfig> models();
    [[nodiscard]] static BackendConfig makeBackend(const QByteArray &name,
                                                   const QJsonObject &source, Origin origin);
    [[nodiscard]] static ModelConfig makeModel(const QByteArray &name, const QJsonObject &source,
                                               Origin origin);

    [[nodiscard]] std::vector<BackendStatus> status(const ConfigSnapshot &config,
                                                    qint64 nowUs) const;
    /// As Gateway::explainRoute(), for the names that @p config has.
    [[nodiscard]] QJsonObject explain(const ConfigSnapshot &config, const QJsonObject &question,
                                      qint64 nowUs) const;

    void setDraining(const QByteArray &name, bool draining);
    void trip(const QByteArray &name, int seconds, qint64 nowUs);
    void reset(const QByteArray &name, qint64 nowUs);
    void confirm(const QByteArray &name);
    void setManaged(const QByteArray &name, ManagedState state, qint64 nowUs);
    /// For tests: what status() says of that backend from now on.
    void play(const BackendStatus &status) { m_played.insert(status.name, status); }

private:
    /// What was done by hand.
    struct Hand
    {
        bool draining = false;
        bool confirmed = false;
        std::optional<qint64> trippedMs; ///< when
        qint64 trippedUntilMs = 0;       ///< 0: until it is reset
        std::optional<qint64> resetMs;   ///< when
        std::optional<ManagedState> managed;
        qint64 managedMs = 0;
    };

    [[nodiscard]] BackendStatus statusOf(const BackendConfig &backend, qint64 nowUs) const;
    void breakerOf(BackendStatus &status, qint64 nowMs) const;
    void managedOf(BackendStatus &status, const BackendConfig &backend, qint64 nowMs) const;

    QHash<QByteArray, Hand> m_hands;
    QHash<QByteArray, BackendStatus> m_played;
};

} // namespace tidegate
