// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/secret.h"
#include "gateway/config/configsnapshot.h"
#include "gateway/engine/backendtest.h"
#include "gateway/upstream/upstreamclient.h"

#include <functional>

namespace tidegate {

/// Asks one backend for its list of models, which tells whether it answers and what it serves.
///
/// Lives in an engine thread, owned by its Engine until the reply was given.
class BackendProbe final : private UpstreamListener
{
public:
    using Reply = std::function<void(BackendProbe *probe, BackendTest result)>;

    /// @p localPort: of the tunnel to it; 0: there is none.
    BackendProbe(BackendConfig backend, Secret key, quint16 localPort, Reply reply);

    void start(UpstreamClient &client);

private:
    void upstreamHead(const UpstreamHead &head) override;
    bool upstreamBody(std::string_view piece) override;
    void upstreamFinished(const UpstreamResult &result) override;

    BackendConfig m_backend;
    Secret m_key;
    const quint16 m_localPort;
    Reply m_reply;
    BackendTest m_result;
    QByteArray m_body;
    qint64 m_startNs = 0;
};

} // namespace tidegate
