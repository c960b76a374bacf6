// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>
#include <QtGlobal>

#include <functional>
#include <memory>

namespace tidegate {

struct LedgerRow;

/// Where log lines go and which of them.
struct LogOptions
{
    QByteArray level = "info";  ///< debug, info, warning or error; lesser lines are not written
    QByteArray format = "auto"; ///< json, text, or auto: text when stderr is a terminal
    QString directory;          ///< tidegate.log is kept there; empty: no file
    bool standardError = true;
};

/// The log: takes what qDebug() … qFatal() say, and writes it in a thread of its own.
///
/// Made in main() before other threads and destroyed after them; at most one at a time. The calling
/// thread formats nothing and does no I/O: it puts the message into a bounded queue. When the queue
/// is full, lines are dropped, counted, and the number is written once there is room. Secrets are
/// replaced before anything is written. A fatal message is written, with all before it, before the
/// process ends. The file is only for its owner and turned over at kFileBytes; kFiles are kept.
class LogSink
{
public:
    static constexpr int kQueueLimit = 10'000;
    static constexpr qint64 kFileBytes = 10 * 1024 * 1024;
    static constexpr int kFiles = 3;

    /// Installs the message handler. A file that cannot be opened is said on stderr and left out.
    explicit LogSink(const LogOptions &options);
    /// Writes what is queued and gives the message handler back.
    ~LogSink();
    LogSink(const LogSink &) = delete;
    LogSink &operator=(const LogSink &) = delete;

    /// Takes effect at once; for a reloaded configuration. Unknown words change nothing. Any
    /// thread.
    void setLevel(const QByteArray &level);
    void setFormat(const QByteArray &format);
    /// Which finished requests get a line: off, errors (those that the gateway or a backend failed
    /// at) or all.
    void setRequests(const QByteArray &which);

    /// Logs a finished request to the log in use, if it is wanted. Any thread; costs an atomic read
    /// when it is not, and a copy of the row when it is.
    static void logRequest(const LedgerRow &row);

    /// Waits until everything logged before the call is written. Any thread but the writer's.
    void flush();

    /// Lines that found the queue full, since the start. Any thread.
    [[nodiscard]] qint64 dropped() const;
    /// The same of the log in use; 0 when there is none. Any thread, while the log lives.
    [[nodiscard]] static qint64 linesDropped();

    /// Called in the writer thread before each line is written; lets tests hold the writer up.
    void setWriteHook(std::function<void()> hook);

private:
    class Private;
    std::unique_ptr<Private> d;
};

} // namespace tidegate
