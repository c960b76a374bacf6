// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/database.h"

#include "gateway/store/sqlitestatement.h"
#include "gateway/store/sqlitetransaction.h"

#include <QDir>
#include <QFile>

static void initialiseMigrations()
{
    // Must be outside a namespace; without it the linker drops the resource of a static library.
    Q_INIT_RESOURCE(migrations);
}

namespace tidegate {
namespace {

// Short: the store thread must not hang on a lock that another program holds. Callers try again.
constexpr int kBusyTimeoutMs = 50;

// NORMAL with a write-ahead log: a crash of the program loses nothing that was committed, a power
// cut at most the last moments, and there is no fsync for each batch.
constexpr char kPragmas[] = "PRAGMA journal_mode = WAL;"
                            "PRAGMA synchronous = NORMAL;"
                            "PRAGMA foreign_keys = ON;"
                            "PRAGMA cache_size = -1024;"             // KiB
                            "PRAGMA journal_size_limit = 16777216;"; // bytes kept after a burst

constexpr char kNumberOfTables[] = "SELECT count(*) FROM sqlite_schema";

Result<qint64> singleInteger(SqliteConnection &connection, const char *sql)
{
    SqliteStatement statement(connection, sql);
    if (statement.step() != SqliteStatement::Step::Row) {
        return connection.explainLastError();
    }
    return statement.integer(0);
}

/// Makes an empty file, or sees that the one there begins as a database does. SQLite itself would
/// take a file of a few bytes for an empty database and overwrite it.
Result<Done> createOrCheckFile(const QString &path)
{
    QFile file(path);
    if (file.exists()) {
        constexpr QByteArrayView kMagic("SQLite format 3\0", 16);
        if (file.open(QIODevice::ReadOnly) && file.size() > 0 &&
            file.read(kMagic.size()) != kMagic) {
            return Error{
                QStringLiteral("The database \"%1\" is damaged (it does not begin as one). It was "
                               "left as it is. Restore it from a backup, or move it away to "
                               "start with an empty one.")
                    .arg(path)};
        }
        return Done{};
    }
    if (!file.open(QIODevice::WriteOnly | QIODevice::NewOnly,
                   QFileDevice::ReadOwner | QFileDevice::WriteOwner)) {
        return Error{
            QStringLiteral("The database \"%1\" cannot be created: %2. Check that the folder "
                           "belongs to you and is writable, or choose another with --data-dir.")
                .arg(path, file.errorString())};
    }
    return Done{};
}

} // namespace

Result<Done> Database::open(const QString &path)
{
    if (auto created = createOrCheckFile(path); !created) {
        return created;
    }
    if (auto opened = m_connection.open(path, SqliteConnection::Access::ReadWrite, kBusyTimeoutMs);
        !opened) {
        return opened;
    }
    // Read before anything is written: a file that is not ours must stay as it is.
    const auto version = singleInteger(m_connection, "PRAGMA user_version");
    if (!version) {
        return Error{version.error()};
    }
    const auto tables = singleInteger(m_connection, kNumberOfTables);
    if (!tables) {
        return Error{tables.error()};
    }
    if (*version == 0 && *tables != 0) {
        return Error{QStringLiteral("\"%1\" is another program's database. Move it away, or choose "
                                    "another folder with --data-dir.")
                         .arg(path)};
    }
    const auto steps = migrations();
    if (*version > qint64(steps.size())) {
        return Error{
            QStringLiteral("The database \"%1\" was written by a newer Tidegate (version %2 of "
                           "the format; this program knows up to %3). Update Tidegate, or "
                           "choose another folder with --data-dir.")
                .arg(path)
                .arg(*version)
                .arg(steps.size())};
    }
    if (!m_connection.execute(kPragmas)) {
        return m_connection.explainLastError();
    }
    return migrate(m_connection, steps);
}

std::vector<Migration> Database::migrations()
{
    initialiseMigrations();
    const QDir folder(QStringLiteral(":/tidegate/store/migrations"));
    std::vector<Migration> steps;
    const auto names = folder.entryList(QDir::Files, QDir::Name);
    for (const QString &name : names) {
        QFile file(folder.filePath(name));
        if (file.open(QIODevice::ReadOnly)) {
            steps.push_back({name.left(4).toInt(), file.readAll()});
        }
    }
    return steps;
}

Result<Done> Database::migrate(SqliteConnection &connection, const std::vector<Migration> &steps)
{
    const auto version = singleInteger(connection, "PRAGMA user_version");
    if (!version) {
        return Error{version.error()};
    }
    for (const Migration &step : steps) {
        if (step.version <= *version) {
            continue;
        }
        const QByteArray sql =
            step.sql + "\nPRAGMA user_version = " + QByteArray::number(step.version);
        SqliteTransaction transaction(connection);
        if (!transaction.isOpen() || !connection.execute(sql.constData()) ||
            !transaction.commit()) {
            return Error{
                QStringLiteral("Bringing the database up to date (step %1) failed; nothing was "
                               "changed. %2")
                    .arg(step.version)
                    .arg(connection.explainLastError().message)};
        }
    }
    return Done{};
}

} // namespace tidegate
