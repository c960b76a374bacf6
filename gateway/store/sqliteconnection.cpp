// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/sqliteconnection.h"

#include <sqlite3.h>

#include <cstring>

namespace tidegate {

void SqliteConnection::Closer::operator()(sqlite3 *handle) const
{
    sqlite3_close_v2(handle);
}

SqliteConnection::SqliteConnection() = default;
SqliteConnection::~SqliteConnection() = default;

Result<Done> SqliteConnection::open(const QString &path, Access access, int busyTimeoutMs)
{
    m_path = path;
    const int mode = access == Access::ReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    sqlite3 *handle = nullptr;
    // No mutex: a connection stays in one thread.
    const int code = sqlite3_open_v2(path.toUtf8().constData(), &handle,
                                     mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    m_handle.reset(handle);
    if (code != SQLITE_OK) {
        recordError();
        m_handle.reset();
        return explainLastError();
    }
    sqlite3_busy_timeout(handle, busyTimeoutMs);
    return Done{};
}

void SqliteConnection::close()
{
    m_handle.reset();
}

bool SqliteConnection::execute(const char *sql)
{
    if (sqlite3_exec(m_handle.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) {
        return true;
    }
    recordError();
    return false;
}

bool SqliteConnection::isInTransaction() const
{
    return sqlite3_get_autocommit(m_handle.get()) == 0;
}

int SqliteConnection::changes() const
{
    return sqlite3_changes(m_handle.get());
}

void SqliteConnection::recordError()
{
    if (!m_handle) {
        m_lastError = {SQLITE_NOMEM, QStringLiteral("out of memory"), 0};
        return;
    }
    m_lastError.code = sqlite3_extended_errcode(m_handle.get()) & 0xff;
    m_lastError.text = QString::fromUtf8(sqlite3_errmsg(m_handle.get()));
    m_lastError.systemErrno = sqlite3_system_errno(m_handle.get());
}

void SqliteConnection::recordDamage(const QString &what)
{
    m_lastError = {SQLITE_CORRUPT, what, 0};
}

bool SqliteConnection::wasBusy() const
{
    return m_lastError.code == SQLITE_BUSY || m_lastError.code == SQLITE_LOCKED;
}

Error SqliteConnection::explainLastError() const
{
    const QString &file = m_path;
    QString reason = m_lastError.text;
    if (m_lastError.systemErrno != 0) {
        reason +=
            QStringLiteral(": ") + QString::fromLocal8Bit(std::strerror(m_lastError.systemErrno));
    }
    switch (m_lastError.code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return {
            QStringLiteral("The database \"%1\" is locked by another program. Close programs that "
                           "have it open, such as a database browser.")
                .arg(file)};
    case SQLITE_FULL:
        return {
            QStringLiteral("There is no space left for the database \"%1\". Free some disk space.")
                .arg(file)};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return {
            QStringLiteral("The database \"%1\" is damaged (%2). It was left as it is. Restore it "
                           "from a backup, or move it away to start with an empty one.")
                .arg(file, reason)};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
        return {
            QStringLiteral("The database \"%1\" cannot be opened for writing (%2). Check that the "
                           "file and its folder belong to you and are writable.")
                .arg(file, reason)};
    case SQLITE_IOERR:
        return {
            QStringLiteral("The database \"%1\" cannot be read or written (%2). Check the disk and "
                           "the space left on it.")
                .arg(file, reason)};
    default:
        return {QStringLiteral("The database \"%1\" failed: %2 (SQLite error %3).")
                    .arg(file, reason, QString::number(m_lastError.code))};
    }
}

} // namespace tidegate
