// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/engine/enginethread.h"

#ifdef Q_OS_LINUX
#include "gateway/base/epolldispatcher.h"
#endif

namespace tidegate {

EngineThread::EngineThread(int index, Engine::Output output, Secret adminToken)
{
    m_thread.setObjectName(QStringLiteral("engine-%1").arg(index));
#ifdef Q_OS_LINUX
    m_thread.setEventDispatcher(new EpollDispatcher);
#endif
    m_thread.start();
    // The context object only carries the call into the new thread.
    auto *context = new QObject;
    context->moveToThread(&m_thread);
    Engine **made = &m_engine;
    QMetaObject::invokeMethod(
        context,
        [context, made, output = std::move(output), token = std::move(adminToken)] {
            *made = new Engine(output, token);
            delete context;
        },
        Qt::BlockingQueuedConnection);
}

EngineThread::~EngineThread()
{
    call([](Engine &engine) { engine.shutDown(); });
    m_engine->deleteLater();
    m_thread.quit();
    m_thread.wait();
}

void EngineThread::post(std::function<void(Engine &)> command)
{
    QMetaObject::invokeMethod(
        m_engine, [engine = m_engine, command = std::move(command)] { command(*engine); },
        Qt::QueuedConnection);
}

void EngineThread::call(const std::function<void(Engine &)> &command)
{
    QMetaObject::invokeMethod(
        m_engine, [engine = m_engine, command] { command(*engine); }, Qt::BlockingQueuedConnection);
}

} // namespace tidegate
