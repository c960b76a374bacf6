// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/engine/gateway.h"

#include <QFile>
#include <QTcpSocket>
#include <QTemporaryDir>
#include <QTest>

#include <functional>
#include <optional>

/// A running gateway with a database and a configuration file of its own. For one test function.
class GatewayBench
{
public:
    explicit GatewayBench(const QByteArray &yaml = "backends: { echo: { type: echo } }\n"
                                                   "default_backend: echo\n")
    {
        writeFile(QStringLiteral("tidegate.yaml"), yaml);
    }

    void writeFile(const QString &name, const QByteArray &text) const
    {
        QFile file(path(name));
        QVERIFY(file.open(QIODevice::WriteOnly));
        QCOMPARE(file.write(text), text.size());
    }

    [[nodiscard]] QString path(const QString &name) const { return m_folder.filePath(name); }

    void start()
    {
        tidegate::GatewayOptions options;
        options.dataDir = path(QStringLiteral("data"));
        options.configFile = path(QStringLiteral("tidegate.yaml"));
        options.port = 0;
        m_gateway.emplace(options, nullptr);
        QObject::connect(&*m_gateway, &tidegate::Gateway::firstKeyCreated, &*m_gateway,
                         [this](const QByteArray &key) { firstKey = key; });
        m_gateway->start();
        QTRY_VERIFY2(m_gateway->state() == tidegate::Gateway::State::Running,
                     qPrintable(m_gateway->failure()));
    }

    void restart()
    {
        m_gateway.reset();
        start();
    }

    tidegate::Gateway *operator->() { return &*m_gateway; }
    tidegate::Gateway &operator*() { return *m_gateway; }

    /// Calls a function of the gateway that answers later, and waits for the answer.
    template <typename T>
    static tidegate::Result<T> await(const std::function<void(tidegate::Gateway::Reply<T>)> &call)
    {
        std::optional<tidegate::Result<T>> answer;
        call([&answer](const tidegate::Result<T> &result) { answer = result; });
        const bool answered = QTest::qWaitFor([&answer] { return answer.has_value(); }, 10'000);
        return answered ? *answer
                        : tidegate::Result<T>(tidegate::Error{QStringLiteral("no answer")});
    }

    /// The status of GET /v1/models with that key; 0 when there is no answer.
    [[nodiscard]] int statusWith(const QByteArray &key)
    {
        // Blocks this thread: what answers must not need it.
        QTcpSocket socket;
        socket.connectToHost(QStringLiteral("127.0.0.1"), m_gateway->port());
        if (!socket.waitForConnected(5'000)) {
            return 0;
        }
        socket.write("GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                     "Authorization: Bearer " +
                     key + "\r\n\r\n");
        while (!socket.canReadLine()) {
            if (!socket.waitForReadyRead(5'000)) {
                return 0;
            }
        }
        return socket.readLine().split(' ').value(1).toInt();
    }

    QByteArray firstKey;

private:
    QTemporaryDir m_folder;
    std::optional<tidegate::Gateway> m_gateway;
};
