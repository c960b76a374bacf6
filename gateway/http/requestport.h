// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTcpSocket>

#include <string_view>

namespace tidegate {

/// A socket that QtHttpServer takes for a client: it says only what feed() is given.
///
/// Lives in an engine thread; owned by QtHttpServer once it is a pending connection. It never has a
/// descriptor, is always connected, and swallows whatever is written to it or done to close it.
class RequestPort final : public QTcpSocket
{
    Q_OBJECT

public:
    RequestPort();
    ~RequestPort() override;

    /// Makes @p bytes, which must stay valid during the call, one complete request readable.
    void feed(std::string_view bytes);

    [[nodiscard]] qint64 bytesAvailable() const override;
    [[nodiscard]] qint64 bytesToWrite() const override { return 0; }
    void close() override {}
    void disconnectFromHost() override {}

protected:
    qint64 readData(char *data, qint64 maxSize) override;
    qint64 readLineData(char *data, qint64 maxSize) override;
    qint64 writeData(const char *data, qint64 size) override;

private:
    std::string_view m_unread;
};

} // namespace tidegate
