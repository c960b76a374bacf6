// SPDX-License-Identifier: GPL-3.0-or-later
#include "dooronthread.h"

#include <QDeadlineTimer>

#ifdef Q_OS_LINUX
#include "gateway/base/epolldispatcher.h"
#endif

namespace tidegate {

std::optional<ShortAnswer> DoorOnThread::Engine::screen(const HttpRequest &head)
{
    ++screened;
    if (head.path == "/refuse") {
        return refusal(401, "invalid_api_key", "No.");
    }
    return {};
}

void DoorOnThread::Engine::handle(HttpRequest &&request, ResponseWriter &writer)
{
    ++handled;
    ResponseHead head(200);
    head.add("Content-Type", "text/plain");
    if (request.path == "/echo") {
        writer.send(head, request.body);
    } else if (request.path == "/size") {
        writer.send(head, QByteArray::number(request.body.size()));
    } else if (request.path == "/empty") {
        writer.send(ResponseHead(204), {});
    } else if (request.path == "/hold" || request.path == "/stream") {
        auto exchange = std::make_unique<Exchange>();
        exchange->writer = &writer;
        writer.setListener(exchange.get());
        if (request.path == "/stream") {
            writer.begin(head, -1);
        }
        exchange->request = std::move(request);
        exchanges.push_back(std::move(exchange));
    } else {
        writer.send(ResponseHead(404), "nothing here");
    }
}

ShortAnswer DoorOnThread::Engine::refusal(int status, std::string_view code,
                                          std::string_view message)
{
    ShortAnswer answer = {ResponseHead(status), {}};
    answer.head.add("Content-Type", "application/json");
    answer.body = R"({"error":{"code":")" + QByteArray(code.data(), qsizetype(code.size())) +
                  R"(","message":")" + QByteArray(message.data(), qsizetype(message.size())) +
                  R"("}})";
    return answer;
}

DoorOnThread::DoorOnThread(const HttpLimits &limits)
{
#ifdef Q_OS_LINUX
    if (!qEnvironmentVariableIsSet("TIDEGATE_TEST_QT_DISPATCHER")) {
        m_thread.setEventDispatcher(new EpollDispatcher);
    }
#endif
    m_thread.start();
    m_engine = new Engine;
    m_engine->moveToThread(&m_thread);
    run([this, limits](Engine &engine) {
        engine.door = std::make_unique<FrontDoor>(engine, limits);
        const Result<quint16> port = engine.door->listen(QHostAddress::LocalHost, 0, false);
        m_port = port ? *port : quint16(0);
    });
}

DoorOnThread::~DoorOnThread()
{
    run([](Engine &engine) {
        engine.door.reset();
        engine.exchanges.clear();
    });
    m_engine->deleteLater();
    m_thread.quit();
    m_thread.wait();
}

void DoorOnThread::run(const std::function<void(Engine &)> &action)
{
    QMetaObject::invokeMethod(
        m_engine, [this, action] { action(*m_engine); }, Qt::BlockingQueuedConnection);
}

bool DoorOnThread::waitFor(const std::function<bool(Engine &)> &condition)
{
    const QDeadlineTimer deadline(10'000);
    for (;;) {
        bool met = false;
        run([&met, condition](Engine &engine) { met = condition(engine); });
        if (met || deadline.hasExpired()) {
            return met;
        }
        QThread::msleep(2);
    }
}

bool DoorOnThread::waitForExchanges(size_t count)
{
    return waitFor([count](Engine &engine) { return engine.exchanges.size() >= count; });
}

} // namespace tidegate
