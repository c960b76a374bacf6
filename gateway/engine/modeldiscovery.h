// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"
#include "gateway/engine/backendtest.h"
#include "gateway/pipeline/routes.h"

#include <QObject>
#include <QTimer>

#include <functional>

namespace tidegate {

/// Asks every backend now and then which models it serves, and so whether it is there.
///
/// Lives in the main thread, owned by the Gateway; the asking is done by an engine. Backends that
/// do not answer are asked again soon, the others rarely. Those whose health checks ask for the
/// models are left to them.
class ModelDiscovery : public QObject
{
    Q_OBJECT

public:
    /// Asks one backend; the reply comes in the main thread.
    using Ask =
        std::function<void(const BackendConfig &, std::function<void(const BackendTest &)>)>;

    explicit ModelDiscovery(Ask ask, QObject *parent = nullptr);

    /// The backends to ask from now on, at once where they are new or have changed.
    void setBackends(const ConfigPtr &config, const std::vector<LaneStatePtr> &states);
    void stop();
    /// It has just become ready.
    void askAgain(const QByteArray &backend);
    /// @p backend says that it serves these.
    void note(const QByteArray &backend, const QByteArrayList &models);
    [[nodiscard]] const DiscoveredModels &models() const { return m_models; }

Q_SIGNALS:
    /// models() has changed.
    void changed();
    /// A backend was asked. @p message: for people, when it does not answer as it should.
    void answered(const QByteArray &backend, bool isThere, const QString &message);

private:
    void askAll(bool onlyUnreachable);
    void ask(size_t index);

    Ask m_ask;
    ConfigPtr m_config;
    std::vector<LaneStatePtr> m_states;
    DiscoveredModels m_models;
    QTimer m_soon;
    QTimer m_rarely;
};

} // namespace tidegate
