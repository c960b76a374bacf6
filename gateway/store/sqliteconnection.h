// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"

#include <QString>

#include <memory>

struct sqlite3;

namespace tidegate {

/// What SQLite last complained about.
struct SqliteError
{
    int code = 0; ///< primary result code, 0: nothing yet
    QString text;
    int systemErrno = 0;
};

/// One connection to an SQLite file, and its last error in words for people.
///
/// Used by the one thread that opened it; owned by whoever queries. Statements must not outlive it.
class SqliteConnection
{
public:
    enum class Access : quint8
    {
        ReadWrite,
        ReadOnly
    };

    SqliteConnection();
    ~SqliteConnection();
    SqliteConnection(const SqliteConnection &) = delete;
    SqliteConnection &operator=(const SqliteConnection &) = delete;

    /// Opens an existing file; never creates one. A wait for another program's lock ends after
    /// @p busyTimeoutMs with an error.
    Result<Done> open(const QString &path, Access access, int busyTimeoutMs);
    void close();

    /// Runs one or more statements that return no rows.
    [[nodiscard]] bool execute(const char *sql);
    [[nodiscard]] bool isInTransaction() const;
    /// Rows changed by the last statement.
    [[nodiscard]] int changes() const;

    [[nodiscard]] const QString &path() const { return m_path; }
    [[nodiscard]] sqlite3 *handle() const { return m_handle.get(); }

    /// Keeps what SQLite says about the call that just failed.
    void recordError();
    /// What was read makes no sense: from now on the last error says so.
    void recordDamage(const QString &what);
    void clearLastError() { m_lastError = {}; }
    /// The last error was another program's lock: trying again later helps.
    [[nodiscard]] bool wasBusy() const;
    /// The last error: which file, what, and what to do.
    [[nodiscard]] Error explainLastError() const;

private:
    struct Closer
    {
        void operator()(sqlite3 *handle) const;
    };

    QString m_path;
    std::unique_ptr<sqlite3, Closer> m_handle;
    SqliteError m_lastError;
};

} // namespace tidegate
