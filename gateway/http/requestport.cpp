// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/http/requestport.h"

#include <algorithm>
#include <cstring>

namespace tidegate {

RequestPort::RequestPort()
{
    setOpenMode(QIODevice::ReadWrite);
    setSocketState(QAbstractSocket::ConnectedState);
    setPeerAddress(QHostAddress(QHostAddress::LocalHost));
}

RequestPort::~RequestPort()
{
    // Without a descriptor there is nothing for the base class to close.
    setSocketState(QAbstractSocket::UnconnectedState);
}

void RequestPort::feed(std::string_view bytes)
{
    m_unread = bytes;
    Q_EMIT readyRead();
    m_unread = {};
}

qint64 RequestPort::bytesAvailable() const
{
    return QIODevice::bytesAvailable() + qint64(m_unread.size());
}

qint64 RequestPort::readData(char *data, qint64 maxSize)
{
    const size_t count = std::min(size_t(maxSize), m_unread.size());
    std::memcpy(data, m_unread.data(), count);
    m_unread.remove_prefix(count);
    return qint64(count);
}

qint64 RequestPort::readLineData(char *data, qint64 maxSize)
{
    const size_t line = std::min(m_unread.find('\n'), m_unread.size() - 1) + 1;
    return readData(data, std::min(maxSize, qint64(line)));
}

qint64 RequestPort::writeData(const char *data, qint64 size)
{
    Q_UNUSED(data)
    return size;
}

} // namespace tidegate
