// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/engine/engine.h"

#include <QThread>

#include <functional>
#include <memory>

namespace tidegate {

/// A thread with one Engine in it. On Linux its events are dispatched by epoll.
///
/// The object lives in the main thread, owned by the Gateway; the engine lives in the thread.
class EngineThread
{
public:
    EngineThread(int index, Engine::Output output, Secret adminToken);
    /// Shuts the engine down and joins the thread.
    ~EngineThread();
    EngineThread(const EngineThread &) = delete;
    EngineThread &operator=(const EngineThread &) = delete;

    /// Runs @p command in the engine's thread, later. Capture by value only.
    void post(std::function<void(Engine &)> command);
    /// Runs @p command in the engine's thread and waits. For start and stop only.
    void call(const std::function<void(Engine &)> &command);

private:
    QThread m_thread;
    Engine *m_engine = nullptr;
};

} // namespace tidegate
