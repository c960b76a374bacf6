// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QByteArrayView>

#include <memory>
#include <optional>

struct sqlite3_stmt;

namespace tidegate {

class SqliteConnection;

/// A prepared statement. Finished when it goes out of scope: one that is left open would keep the
/// write-ahead log from being folded back into the database.
///
/// Lives in its connection's thread and must not outlive the connection. Parameters count from 1,
/// columns from 0. Failures are recorded in the connection.
class SqliteStatement
{
public:
    enum class Step : quint8
    {
        Row,
        Done,
        Failed
    };

    SqliteStatement() = default;
    /// @p sql must stay valid when @p keep is set, which is for statements that are used again.
    SqliteStatement(SqliteConnection &connection, const char *sql, bool keep = false);

    [[nodiscard]] bool isValid() const { return m_statement != nullptr; }

    void bind(int index, qint64 value);
    /// @p value is not copied: it must stay until the next reset().
    void bindText(int index, QByteArrayView value);
    void bindBlob(int index, QByteArrayView value);
    void bindNull(int index);
    /// The next row, with what is bound. False from an invalid statement too.
    [[nodiscard]] Step step();
    /// Steps through a statement without rows, and resets it.
    [[nodiscard]] bool run();
    void reset();

    [[nodiscard]] qint64 integer(int column) const;
    [[nodiscard]] std::optional<qint64> optionalInteger(int column) const;
    /// Text or blob.
    [[nodiscard]] QByteArray bytes(int column) const;
    /// The same without a copy, until the next step() or reset().
    [[nodiscard]] QByteArrayView view(int column) const;

private:
    struct Finalizer
    {
        void operator()(sqlite3_stmt *statement) const;
    };

    SqliteConnection *m_connection = nullptr;
    std::unique_ptr<sqlite3_stmt, Finalizer> m_statement;
};

} // namespace tidegate
