// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

namespace tidegate {

/// A blocking HTTP client that sends exactly the bytes it is given.
///
/// Any thread; owned by the test that made it. Every wait ends after ten seconds.
class RawClient
{
public:
    struct Answer
    {
        int status = 0;  ///< 0: no complete answer came
        QByteArray head; ///< status line and fields
        QByteArray body; ///< de-chunked
        bool complete = false;
        [[nodiscard]] QByteArray field(const QByteArray &name) const;
        [[nodiscard]] bool has(const QByteArray &name) const { return !field(name).isNull(); }
    };

    /// @p receiveBuffer bytes of SO_RCVBUF, 0 for the default.
    explicit RawClient(quint16 port, int receiveBuffer = 0);
    ~RawClient();
    RawClient(RawClient &&other) noexcept;
    RawClient &operator=(RawClient &&) = delete;

    [[nodiscard]] bool isConnected() const { return m_fd >= 0; }
    bool send(const QByteArray &bytes);
    /// Reads one answer; bytes after it are kept for the next call. @p withoutBody for HEAD.
    Answer read(bool withoutBody = false);
    /// Reads until @p text came. False when the connection ended before.
    bool readUntil(const QByteArray &text);
    /// Reads to the end; *reset tells how it ended.
    QByteArray readAll(bool *reset = nullptr);
    /// The connection has ended, and nothing but that was to read.
    bool atEnd() { return readAll().isEmpty() && m_ended; }
    /// Says that nothing more will be sent.
    void finish();
    /// Closes; with @p reset by a reset.
    void close(bool reset = false);

private:
    bool fill();

    int m_fd = -1;
    QByteArray m_buffer;
    bool m_ended = false;
    bool m_reset = false;
};

} // namespace tidegate
