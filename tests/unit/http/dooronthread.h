// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/http/frontdoor.h"

#include <QMap>
#include <QObject>
#include <QThread>

#include <functional>
#include <memory>
#include <vector>

namespace tidegate {

/// A front door in an engine thread, with a handler whose answers a test directs.
///
/// Made and used in the test's thread; everything in Engine lives in its own. By path: /echo
/// answers the body at once, /size its size, /hold and /stream wait for the test, /refuse is
/// refused by its head, anything else gets 404.
class DoorOnThread
{
public:
    struct Exchange final : public ResponseListener
    {
        void clientGone() override
        {
            writer = nullptr;
            gone = true;
        }
        void clientWritable() override { ++writable; }

        HttpRequest request;
        ResponseWriter *writer = nullptr;
        bool gone = false;
        int writable = 0;
    };
    /// Lives in the engine thread.
    class Engine final : public QObject, public RequestHandler
    {
    public:
        std::optional<ShortAnswer> screen(const HttpRequest &head) override;
        void handle(HttpRequest &&request, ResponseWriter &writer) override;
        ShortAnswer refusal(int status, std::string_view code, std::string_view message) override;
        void quiet() override { ++quieted; }

        std::vector<std::unique_ptr<Exchange>> exchanges; ///< of /hold and /stream, in order
        int handled = 0;
        int screened = 0;
        int quieted = 0;
        std::unique_ptr<FrontDoor> door;
    };

    explicit DoorOnThread(const HttpLimits &limits = {});
    ~DoorOnThread();

    [[nodiscard]] quint16 port() const { return m_port; }
    /// Runs @p action in the engine thread and waits for it.
    void run(const std::function<void(Engine &)> &action);
    /// Waits until @p condition, asked in the engine thread, is true. False after ten seconds.
    bool waitFor(const std::function<bool(Engine &)> &condition);
    [[nodiscard]] bool waitForExchanges(size_t count);

private:
    QThread m_thread;
    Engine *m_engine = nullptr;
    quint16 m_port = 0;
};

} // namespace tidegate
