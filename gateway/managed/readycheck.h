// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"
#include "gateway/upstream/upstreamclient.h"

#include <functional>

namespace tidegate {

/// Asks a backend whether it can serve: any 2xx means yes.
///
/// Lives in the main thread, owned by a ManagedBackend. One question at a time.
class ReadyCheck final : private UpstreamListener
{
public:
    /// @p what: for people, what came instead.
    using Reply = std::function<void(bool ready, const QString &what)>;

    explicit ReadyCheck(UpstreamClient &client);
    ~ReadyCheck();
    ReadyCheck(const ReadyCheck &) = delete;
    ReadyCheck &operator=(const ReadyCheck &) = delete;

    /// @p localPort: of the tunnel to it; 0: there is none. A question under way is given up.
    void ask(const BackendConfig &backend, quint16 localPort, Reply reply);
    void cancel();
    [[nodiscard]] bool isRunning() const { return m_call != nullptr; }

    /// Where the question goes: ready_url, or what suits the backend's type.
    [[nodiscard]] static QByteArray urlFor(const BackendConfig &backend);

private:
    void upstreamHead(const UpstreamHead &head) override;
    bool upstreamBody(std::string_view piece) override;
    void upstreamFinished(const UpstreamResult &result) override;

    UpstreamClient &m_client;
    UpstreamCall *m_call = nullptr;
    Reply m_reply;
    int m_status = 0;
};

} // namespace tidegate
