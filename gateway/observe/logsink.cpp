// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/observe/logsink.h"

#include "gateway/base/clock.h"
#include "gateway/ledger/ledgerrow.h"
#include "gateway/observe/redaction.h"

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QThread>
#include <QTimeZone>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#ifdef Q_OS_UNIX
#include <unistd.h>
#endif

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

enum class Level : int
{
    Debug,
    Info,
    Warning,
    Error
};
enum class Format : int
{
    Json,
    Text
};

enum class Requests : int
{
    Off,
    Errors,
    All
};

constexpr const char *kLevelNames[] = {"debug", "info", "warning", "error"};

std::optional<Level> levelFromName(const QByteArray &name)
{
    for (int i = 0; i < 4; ++i) {
        if (name == kLevelNames[i]) {
            return Level(i);
        }
    }
    return std::nullopt;
}

Level levelOf(QtMsgType type)
{
    switch (type) {
    case QtDebugMsg:
        return Level::Debug;
    case QtInfoMsg:
        return Level::Info;
    case QtWarningMsg:
        return Level::Warning;
    case QtCriticalMsg:
    case QtFatalMsg:
        break;
    }
    return Level::Error;
}

bool isTerminal()
{
#ifdef Q_OS_UNIX
    return ::isatty(STDERR_FILENO) == 1;
#else
    return false;
#endif
}

std::optional<Requests> requestsFromName(const QByteArray &name)
{
    constexpr const char *kNames[] = {"off", "errors", "all"};
    for (int i = 0; i < 3; ++i) {
        if (name == kNames[i]) {
            return Requests(i);
        }
    }
    return std::nullopt;
}

std::optional<Format> formatFromName(const QByteArray &name)
{
    if (name == "auto") {
        return isTerminal() ? Format::Text : Format::Json;
    }
    if (name == "json" || name == "text") {
        return name == "json" ? Format::Json : Format::Text;
    }
    return std::nullopt;
}

struct Line
{
    qint64 timeUs = 0;
    Level level = Level::Info;
    QByteArray category;
    QByteArray message; ///< a copy of its own: the caller's string is not shared between threads
    QByteArray thread;
    std::unique_ptr<const LedgerRow> request; ///< for a line about a request, else null
};

QString timeText(qint64 timeUs)
{
    const QDateTime time = QDateTime::fromMSecsSinceEpoch(timeUs / 1000, QTimeZone::utc());
    return time.toString(u"yyyy-MM-ddTHH:mm:ss.zzz"_s) + u'Z';
}

const char *outcomeName(Outcome outcome)
{
    switch (outcome) {
    case Outcome::Success:
        return "success";
    case Outcome::ClientError:
        return "client_error";
    case Outcome::UpstreamError:
        return "upstream_error";
    case Outcome::ClientClosed:
        break;
    }
    return "client_closed";
}

// What clients and backends name themselves is as untrusted as any other text.
QString shown(const QByteArray &text)
{
    return QString::fromUtf8(redacted(text));
}

void addRequest(QJsonObject &object, const LedgerRow &row)
{
    object.insert(u"request_id"_s, shown(row.requestId));
    object.insert(u"status"_s, row.status);
    object.insert(u"outcome"_s, QString::fromLatin1(outcomeName(row.outcome)));
    object.insert(u"model"_s, shown(row.requestedModel));
    object.insert(u"served_model"_s, shown(row.servedModel));
    object.insert(u"backend"_s, shown(row.backend));
    object.insert(u"key_id"_s, row.keyId);
    object.insert(u"peer"_s, shown(row.peer));
    object.insert(u"attempts"_s, row.attempts);
    object.insert(u"stream"_s, row.stream);
    object.insert(u"duration_us"_s, row.totalUs);
    object.insert(u"overhead_us"_s, row.overheadUs);
    if (row.firstByteUs >= 0) {
        object.insert(u"first_byte_us"_s, row.firstByteUs);
    }
    if (row.usage.isKnown()) {
        object.insert(u"input_tokens"_s, std::max<qint64>(row.usage.input, 0));
        object.insert(u"output_tokens"_s, std::max<qint64>(row.usage.output, 0));
    }
    if (row.cost) {
        object.insert(u"cost_usd"_s, QString::fromLatin1(row.cost->toString()));
    }
    if (!row.errorCode.isEmpty()) {
        object.insert(u"error"_s, shown(row.errorCode));
    }
}

QByteArray requestText(const LedgerRow &row)
{
    QByteArray text = row.requestId + ' ' + QByteArray::number(row.status) + ' ' +
                      row.requestedModel + " by " + row.backend + " in " +
                      QByteArray::number(row.totalUs / 1000) + " ms";
    if (!row.errorCode.isEmpty()) {
        text += ": " + row.errorCode;
    }
    return text;
}

QByteArray format(const Line &line, Format as)
{
    const QByteArray message =
        line.request
            ? (as == Format::Json ? QByteArray("request") : redacted(requestText(*line.request)))
            : redacted(line.message);
    const char *level = kLevelNames[int(line.level)];
    if (as == Format::Json) {
        QJsonObject object{{u"time"_s, timeText(line.timeUs)},
                           {u"level"_s, QString::fromLatin1(level)},
                           {u"msg"_s, QString::fromUtf8(message)}};
        if (!line.category.isEmpty()) {
            object.insert(u"category"_s, QString::fromUtf8(line.category));
        }
        if (!line.thread.isEmpty()) {
            object.insert(u"thread"_s, QString::fromUtf8(line.thread));
        }
        if (line.request) {
            addRequest(object, *line.request);
        }
        return QJsonDocument(object).toJson(QJsonDocument::Compact) + '\n';
    }
    // One message is one line: a client must not be able to forge further ones.
    QByteArray text = message;
    text.replace('\n', "\\n").replace('\r', "\\r").replace('\x1b', "\\e");
    QByteArray result = timeText(line.timeUs).toLatin1() + ' ' + QByteArray(level).leftJustified(7);
    if (!line.category.isEmpty()) {
        result += ' ' + line.category + ':';
    }
    return result + ' ' + text + '\n';
}

/// The log file with its older generations. Used by the writer thread only.
class LogFile
{
public:
    void open(const QString &directory)
    {
        if (directory.isEmpty()) {
            return;
        }
        QDir().mkpath(directory);
        m_path = QDir(directory).filePath(u"tidegate.log"_s);
        reopen();
    }

    void write(const QByteArray &text)
    {
        if (m_path.isEmpty()) {
            return;
        }
        if (m_file.isOpen() && m_size + text.size() > LogSink::kFileBytes) {
            turnOver();
        }
        if (m_file.isOpen()) {
            m_file.write(text);
            m_size += text.size();
        }
    }

    void flush()
    {
        if (m_file.isOpen()) {
            m_file.flush();
        }
    }

private:
    void reopen()
    {
        m_file.setFileName(m_path);
        if (!m_file.open(QIODevice::WriteOnly | QIODevice::Append)) {
            const QByteArray message = "The log file " + QFile::encodeName(m_path) +
                                       " cannot be written: " + m_file.errorString().toUtf8() +
                                       '\n';
            std::fwrite(message.constData(), 1, size_t(message.size()), stderr);
            m_path.clear();
            return;
        }
        m_file.setPermissions(QFileDevice::ReadOwner | QFileDevice::WriteOwner);
        m_size = m_file.size();
    }

    [[nodiscard]] QString generation(int number) const
    {
        return number == 0 ? m_path : m_path + u'.' + QString::number(number);
    }

    void turnOver()
    {
        m_file.close();
        QFile::remove(generation(LogSink::kFiles - 1));
        for (int i = LogSink::kFiles - 1; i > 0; --i) {
            QFile::rename(generation(i - 1), generation(i));
        }
        reopen();
    }

    QString m_path;
    QFile m_file;
    qint64 m_size = 0; ///< counted here, because asking the file flushes it
};

} // namespace

class LogSink::Private
{
public:
    explicit Private(const LogOptions &options)
        : m_level(levelFromName(options.level).value_or(Level::Info))
        , m_format(formatFromName(options.format).value_or(Format::Json))
        , m_standardError(options.standardError)
    {
        m_file.open(options.directory);
        m_writer = std::thread([this] { run(); });
        s_current.store(this);
        m_previous = qInstallMessageHandler(&Private::handle);
    }

    ~Private()
    {
        qInstallMessageHandler(m_previous);
        s_current.store(nullptr);
        {
            const std::lock_guard lock(m_mutex);
            m_stopping = true;
        }
        m_wake.notify_all();
        m_writer.join();
    }

    static void handle(QtMsgType type, const QMessageLogContext &context, const QString &message)
    {
        Private *self = s_current.load();
        const Level level = levelOf(type);
        if (!self || int(level) < int(self->m_level.load(std::memory_order_relaxed))) {
            return;
        }
        Line line;
        line.timeUs = wallClockUs();
        line.level = level;
        line.message = message.toUtf8();
        if (context.category && std::strcmp(context.category, "default") != 0) {
            line.category = context.category;
        }
        if (const QThread *thread = QThread::currentThread(); !thread->objectName().isEmpty()) {
            line.thread = thread->objectName().toUtf8();
        }
        self->put(std::move(line), type == QtFatalMsg);
        if (type == QtFatalMsg) {
            self->flush();
        }
    }

    static void logRequest(const LedgerRow &row)
    {
        Private *self = s_current.load();
        const bool failed = row.outcome == Outcome::UpstreamError;
        const Level level = failed ? Level::Warning : Level::Info;
        const Requests wanted =
            self ? self->m_requests.load(std::memory_order_relaxed) : Requests::Off;
        if (wanted == Requests::Off || (wanted == Requests::Errors && !failed) ||
            int(level) < int(self->m_level.load(std::memory_order_relaxed))) {
            return;
        }
        Line line;
        line.timeUs = wallClockUs();
        line.level = level;
        line.category = "tidegate.request";
        line.request = std::make_unique<const LedgerRow>(row);
        self->put(std::move(line), false);
    }

    void put(Line &&line, bool always)
    {
        {
            const std::lock_guard lock(m_mutex);
            if (m_queue.size() >= size_t(kQueueLimit) && !always) {
                ++m_dropped;
                return;
            }
            m_queue.push_back(std::move(line));
            ++m_accepted;
        }
        m_wake.notify_one();
    }

    static Private *current() { return s_current.load(); }

    void flush()
    {
        if (std::this_thread::get_id() == m_writer.get_id()) {
            return; // the writer waiting for itself
        }
        std::unique_lock lock(m_mutex);
        const qint64 target = m_accepted;
        m_written.wait(lock, [this, target] { return m_done >= target; });
    }

    void setHook(std::function<void()> hook)
    {
        const std::lock_guard lock(m_mutex);
        m_hook = std::move(hook);
    }

    std::atomic<Level> m_level;
    std::atomic<Format> m_format;
    std::atomic<Requests> m_requests{Requests::Off};

    [[nodiscard]] qint64 dropped() const
    {
        const std::lock_guard lock(m_mutex);
        return m_dropped;
    }

private:
    void run()
    {
        std::unique_lock lock(m_mutex);
        while (true) {
            m_wake.wait(lock, [this] { return m_stopping || !m_queue.empty(); });
            if (m_queue.empty()) {
                return;
            }
            std::deque<Line> batch;
            batch.swap(m_queue);
            const qint64 lost = m_dropped - m_droppedSaid;
            m_droppedSaid = m_dropped;
            const std::function<void()> hook = m_hook;
            lock.unlock();
            for (const Line &line : batch) {
                if (hook) {
                    hook();
                }
                write(line);
            }
            if (lost > 0) {
                Line note;
                note.timeUs = wallClockUs();
                note.level = Level::Warning;
                note.category = "tidegate.log";
                note.message = QByteArray::number(lost);
                note.message += " log lines were dropped because the log could not keep up";
                write(note);
            }
            std::fflush(stderr);
            m_file.flush();
            const auto written = qint64(batch.size());
            batch.clear(); // callers must not wait for that either
            lock.lock();
            m_done += written;
            m_written.notify_all();
        }
    }

    void write(const Line &line)
    {
        const QByteArray text = format(line, m_format.load(std::memory_order_relaxed));
        if (m_standardError) {
            std::fwrite(text.constData(), 1, size_t(text.size()), stderr);
        }
        m_file.write(text);
    }

    inline static std::atomic<Private *> s_current = nullptr;

    const bool m_standardError;
    QtMessageHandler m_previous = nullptr;
    LogFile m_file;

    mutable std::mutex m_mutex;
    std::condition_variable m_wake;
    std::condition_variable m_written;
    std::deque<Line> m_queue;
    std::function<void()> m_hook;
    qint64 m_accepted = 0;
    qint64 m_done = 0;
    qint64 m_dropped = 0;
    qint64 m_droppedSaid = 0;
    bool m_stopping = false;
    std::thread m_writer;
};

LogSink::LogSink(const LogOptions &options)
    : d(std::make_unique<Private>(options))
{
}

LogSink::~LogSink() = default;

void LogSink::setLevel(const QByteArray &level)
{
    if (const auto known = levelFromName(level)) {
        d->m_level.store(*known);
    }
}

void LogSink::setFormat(const QByteArray &format)
{
    if (const auto known = formatFromName(format)) {
        d->m_format.store(*known);
    }
}

void LogSink::setRequests(const QByteArray &which)
{
    if (const auto known = requestsFromName(which)) {
        d->m_requests.store(*known);
    }
}

void LogSink::logRequest(const LedgerRow &row)
{
    Private::logRequest(row);
}

void LogSink::flush()
{
    d->flush();
}

qint64 LogSink::dropped() const
{
    return d->dropped();
}

qint64 LogSink::linesDropped()
{
    const Private *current = Private::current();
    return current ? current->dropped() : 0;
}

void LogSink::setWriteHook(std::function<void()> hook)
{
    d->setHook(std::move(hook));
}

} // namespace tidegate
