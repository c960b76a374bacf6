// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/keygenerator.h"
#include "gateway/store/database.h"
#include "gateway/store/namerepository.h"
#include "gateway/store/sqlitestatement.h"
#include "gateway/store/store.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QTemporaryDir>
#include <QTest>

#include <optional>

using namespace tidegate;

namespace {

template <typename T>
using Slot = std::optional<Result<T>>;

template <typename T>
Store::Reply<T> into(Slot<T> &slot)
{
    return [&slot](Result<T> result) { slot = std::move(result); };
}

QByteArray contents(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

void write(const QString &path, const QByteArray &bytes)
{
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    QCOMPARE(file.write(bytes), bytes.size());
}

/// The database at @p path as the first @p version migrations make it, and then @p sql.
void makeDatabase(const QString &path, int version, const char *sql)
{
    write(path, {});
    SqliteConnection connection;
    QVERIFY(connection.open(path, SqliteConnection::Access::ReadWrite, 0));
    QVERIFY(connection.execute("PRAGMA journal_mode = WAL"));
    auto steps = Database::migrations();
    steps.resize(size_t(version));
    QVERIFY(Database::migrate(connection, steps));
    QVERIFY(connection.execute(sql));
}

QJsonObject object(const char *json)
{
    return QJsonDocument::fromJson(json).object();
}

/// What the database at @p path calls that key or team.
std::optional<KnownName> nameOf(const QString &path, NameKind kind, qint64 id)
{
    SqliteConnection connection;
    if (!connection.open(path, SqliteConnection::Access::ReadOnly, 1'000)) {
        return std::nullopt;
    }
    const auto names = NameRepository(connection).all();
    if (names) {
        for (const KnownName &name : *names) {
            if (name.kind == kind && name.id == id) {
                return name;
            }
        }
    }
    return std::nullopt;
}

qint64 integer(SqliteConnection &connection, const char *sql)
{
    SqliteStatement statement(connection, sql);
    return statement.step() == SqliteStatement::Step::Row ? statement.integer(0) : -1;
}

} // namespace

/// Store, apart from the ledger.
class TestStore : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();

    void makesPrivateFiles();
    void leavesTheModeOfAnExistingFolder();
    void migratesAnOlderDatabase();
    void migratesTypedColumnsIntoConfig();
    void failedMigrationChangesNothing();
    void refusesANewerDatabase();
    void refusesAForeignDatabase();
    void refusesADamagedDatabase_data();
    void refusesADamagedDatabase();
    void refusesAFolderThatCannotBe();
    void refusesASecondProcess();
    void opensAgainAfterARefusal();
    void keysSurvive();
    void revokesKeys();
    void updatesKeys();
    void rotatesKeys();
    void deletesKeys();
    void teamsSurvive();
    void renamedTeamsTakeTheirKeysAlong();
    void keepsTeamsWithKeys();
    void modelsAndPricesSurvive();
    void remembersNames();
    void neverStoresAPlaintextKey();
    void refusesBackendsWithPlaintextKeys_data();
    void refusesBackendsWithPlaintextKeys();
    void backendsAndSettingsSurvive();
    void waitsForAnotherWriter();
    void answersWhenNotOpen();

private:
    QString path(const QString &name) const
    {
        return m_dir->filePath(QStringLiteral("data/") + name);
    }
    QString database() const { return path(QStringLiteral("tidegate.db")); }

    std::unique_ptr<QTemporaryDir> m_dir;
    QString m_data;
};

void TestStore::init()
{
    m_dir = std::make_unique<QTemporaryDir>();
    QVERIFY(m_dir->isValid());
    m_data = m_dir->filePath(QStringLiteral("data"));
}

void TestStore::cleanup()
{
    m_dir.reset();
}

void TestStore::makesPrivateFiles()
{
    constexpr auto kOthers = QFileDevice::ReadGroup | QFileDevice::WriteGroup |
                             QFileDevice::ExeGroup | QFileDevice::ReadOther |
                             QFileDevice::WriteOther | QFileDevice::ExeOther;
    Store store(m_data);
    const auto opened = store.open();
    QVERIFY2(opened, opened ? "" : qPrintable(opened.error()));
    QCOMPARE(QFileInfo(m_data).permissions() & kOthers, QFileDevice::Permissions());
    const auto files = QDir(m_data).entryInfoList({QStringLiteral("tidegate.db*")}, QDir::Files);
    QVERIFY(!files.isEmpty());
    for (const QFileInfo &file : files) {
        QCOMPARE(file.permissions() & kOthers, QFileDevice::Permissions());
    }
    QCOMPARE(store.databasePath(), database());
}

void TestStore::leavesTheModeOfAnExistingFolder()
{
    QVERIFY(QDir().mkdir(m_data));
    const auto before = QFileInfo(m_data).permissions();
    Store store(m_data);
    QVERIFY(store.open());
    QCOMPARE(QFileInfo(m_data).permissions(), before);
}

void TestStore::migratesAnOlderDatabase()
{
    QVERIFY(QDir().mkdir(m_data));
    makeDatabase(database(), 1,
                 "INSERT INTO client_keys (name, sha256, prefix, created_at_us) "
                 "VALUES ('old', zeroblob(32), 'tg-…0000', 1700000000000000)");
    Store store(m_data);
    const auto opened = store.open();
    QVERIFY2(opened, opened ? "" : qPrintable(opened.error()));
    QCOMPARE(opened->keys.size(), size_t(1));
    QCOMPARE(opened->keys[0].name, QStringLiteral("old"));
    QCOMPARE(opened->keys[0].createdAt.toMSecsSinceEpoch(), 1'700'000'000'000);
    store.close();

    SqliteConnection connection;
    QVERIFY(connection.open(database(), SqliteConnection::Access::ReadOnly, 0));
    QCOMPARE(integer(connection, "PRAGMA user_version"), qint64(Database::migrations().size()));
    QCOMPARE(integer(connection, "SELECT count(*) FROM requests"), 0);
}

void TestStore::migratesTypedColumnsIntoConfig()
{
    QVERIFY(QDir().mkdir(m_data));
    makeDatabase(
        database(), 2,
        "INSERT INTO client_keys (name, sha256, prefix, created_at_us, expires_at_us, disabled, "
        "models, allowed_ips, team, limits) VALUES ('full', zeroblob(32), 'tg-…0000', 1000000, "
        "1700000000000000, 1, '[\"gpt-*\"]', '[\"10.0.0.0/8\"]', 'research', "
        "'{\"limits\":{\"requests_per_minute\":60},\"budget\":{\"usd\":20.5}}');"
        "INSERT INTO client_keys (name, sha256, prefix, created_at_us, revoked_at_us) "
        "VALUES ('bare', randomblob(32), 'tg-…0001', 2000000, 3000000)");
    Store store(m_data);
    const auto opened = store.open();
    QVERIFY2(opened, opened ? "" : qPrintable(opened.error()));
    QCOMPARE(opened->keys.size(), size_t(2));
    QCOMPARE(opened->keys[0].config,
             object(R"({"team": "research", "models": ["gpt-*"], "allowed_ips": ["10.0.0.0/8"],
                        "expires": "2023-11-14T22:13:20Z", "disabled": true,
                        "limits": {"requests_per_minute": 60}, "budget": {"usd": 20.5}})"));
    QCOMPARE(opened->keys[1].config, QJsonObject());
    QCOMPARE(opened->keys[1].revokedAt.toMSecsSinceEpoch(), 3'000);
    QCOMPARE(nameOf(database(), NameKind::Key, 1)->name, QStringLiteral("full"));
}

void TestStore::failedMigrationChangesNothing()
{
    QVERIFY(QDir().mkdir(m_data));
    makeDatabase(database(), 1, "");
    SqliteConnection connection;
    QVERIFY(connection.open(database(), SqliteConnection::Access::ReadWrite, 0));
    const auto result = Database::migrate(
        connection, {{2, "CREATE TABLE half (a); CREATE TABLE nonsense nonsense;"}});
    QVERIFY(!result);
    QVERIFY(result.error().contains(QStringLiteral("step 2")));
    QCOMPARE(integer(connection, "PRAGMA user_version"), 1);
    QCOMPARE(integer(connection, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'"), 0);
}

void TestStore::refusesANewerDatabase()
{
    QVERIFY(QDir().mkdir(m_data));
    makeDatabase(database(), 2, "PRAGMA user_version = 9999");
    const QByteArray before = contents(database());
    Store store(m_data);
    const auto opened = store.open();
    QVERIFY(!opened);
    QVERIFY2(opened.error().contains(QStringLiteral("9999")), qPrintable(opened.error()));
    QVERIFY2(opened.error().contains(database()), qPrintable(opened.error()));
    QCOMPARE(contents(database()), before);
}

void TestStore::refusesAForeignDatabase()
{
    QVERIFY(QDir().mkdir(m_data));
    makeDatabase(database(), 0, "CREATE TABLE recipes (name)");
    const QByteArray before = contents(database());
    Store store(m_data);
    const auto opened = store.open();
    QVERIFY(!opened);
    QVERIFY2(opened.error().contains(QStringLiteral("another program")),
             qPrintable(opened.error()));
    QCOMPARE(contents(database()), before);
}

void TestStore::refusesADamagedDatabase_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::newRow("one byte") << QByteArray("x");
    QTest::newRow("text") << QByteArray("this is no database\n").repeated(1000);
    QTest::newRow("header only") << QByteArray("SQLite format 3\0", 16);
    QTest::newRow("zeros") << QByteArray(8192, '\0');
    {
        const QTemporaryDir dir;
        const QString path = dir.filePath(QStringLiteral("a.db"));
        makeDatabase(path, 2, "INSERT INTO settings VALUES ('a', '[1]')");
        QByteArray bytes = contents(path);
        QTest::newRow("second page on overwritten")
            << bytes.left(4096) + QByteArray(bytes.size() - 4096, 'x');
        QTest::newRow("cut off") << bytes.left(4096);
        bytes.replace(100, 200, QByteArray(200, 'x'));
        QTest::newRow("schema overwritten") << bytes;
    }
}

void TestStore::refusesADamagedDatabase()
{
    QFETCH(const QByteArray, bytes);
    QVERIFY(QDir().mkdir(m_data));
    write(database(), bytes);
    {
        Store store(m_data);
        const auto opened = store.open();
        QVERIFY(!opened);
        QVERIFY2(opened.error().contains(database()), qPrintable(opened.error()));
        QVERIFY2(opened.error().contains(QStringLiteral("damaged")), qPrintable(opened.error()));
        QVERIFY2(opened.error().contains(QStringLiteral("backup")), qPrintable(opened.error()));
    }
    QCOMPARE(contents(database()), bytes);
}

void TestStore::refusesAFolderThatCannotBe()
{
    write(m_dir->filePath(QStringLiteral("file")), "x");
    for (const QString &folder :
         {m_dir->filePath(QStringLiteral("file")), m_dir->filePath(QStringLiteral("file/data")),
          QStringLiteral("/proc/tidegate")}) {
        Store store(folder);
        const auto opened = store.open();
        QVERIFY(!opened);
        QVERIFY2(opened.error().contains(folder), qPrintable(opened.error()));
        QVERIFY2(opened.error().contains(QStringLiteral("--data-dir")), qPrintable(opened.error()));
    }
}

void TestStore::refusesASecondProcess()
{
    Store first(m_data);
    QVERIFY(first.open());
    Store second(m_data);
    const auto opened = second.open();
    QVERIFY(!opened);
    QVERIFY2(opened.error().contains(QString::number(QCoreApplication::applicationPid())),
             qPrintable(opened.error()));
    first.close();
    QVERIFY(second.open());
}

void TestStore::opensAgainAfterARefusal()
{
    QVERIFY(QDir().mkdir(m_data));
    write(database(), "nonsense");
    Store store(m_data);
    QVERIFY(!store.open());
    QVERIFY(QFile::remove(database()));
    const auto opened = store.open();
    QVERIFY2(opened, opened ? "" : qPrintable(opened.error()));
}

void TestStore::keysSurvive()
{
    Slot<Store::NewKey> created;
    {
        Store store(m_data);
        const auto opened = store.open();
        QVERIFY(opened);
        QVERIFY(opened->keys.empty());
        store.createKey(QStringLiteral("Lä ptop"), {}, into(created));
        QTRY_VERIFY(created);
        QVERIFY2(*created, *created ? "" : qPrintable(created->error()));
    }
    const Store::NewKey &key = **created;
    QVERIFY(key.record.id > 0);
    QVERIFY(key.plaintext.startsWith("tg-"));
    QCOMPARE(key.record.sha256,
             KeyGenerator::hash({key.plaintext.constData(), size_t(key.plaintext.size())}));

    Store store(m_data);
    const auto opened = store.open();
    QVERIFY(opened);
    QCOMPARE(opened->keys.size(), size_t(1));
    const ClientKey &stored = opened->keys[0];
    QCOMPARE(stored.id, key.record.id);
    QCOMPARE(stored.name, QStringLiteral("Lä ptop"));
    QCOMPARE(stored.sha256, key.record.sha256);
    QCOMPARE(stored.prefix, key.record.prefix);
    QCOMPARE(stored.createdAt, key.record.createdAt);
    QVERIFY(!stored.revokedAt.isValid());
}

void TestStore::revokesKeys()
{
    Store store(m_data);
    QVERIFY(store.open());
    Slot<Store::NewKey> created;
    store.createKey(QStringLiteral("a"), {}, into(created));
    QTRY_VERIFY(created && *created);
    Slot<ClientKey> revoked;
    store.revokeKey((*created)->record.id, into(revoked));
    QTRY_VERIFY(revoked && *revoked);
    QVERIFY((*revoked)->revokedAt.isValid());

    Slot<ClientKey> again;
    store.revokeKey((*created)->record.id, into(again));
    QTRY_VERIFY(again && *again);
    QCOMPARE((*again)->revokedAt, (*revoked)->revokedAt);

    Slot<ClientKey> unknown;
    store.revokeKey(4711, into(unknown));
    QTRY_VERIFY(unknown);
    QVERIFY(!*unknown);
    QVERIFY(unknown->error().contains(QStringLiteral("4711")));
}

void TestStore::updatesKeys()
{
    const QJsonObject first = object(R"({"models": ["a"], "team": "x"})");
    const QJsonObject second = object(R"({"budget": {"usd": 0.1, "period": "day"}})");
    qint64 id = 0;
    {
        Store store(m_data);
        QVERIFY(store.open());
        Slot<Store::NewKey> created;
        store.createKey(QStringLiteral("a"), first, into(created));
        QTRY_VERIFY(created && *created);
        QCOMPARE((*created)->record.config, first);
        id = (*created)->record.id;
        Slot<ClientKey> updated;
        store.updateKey(id, QStringLiteral("b"), second, into(updated));
        QTRY_VERIFY(updated && *updated);
        QCOMPARE((*updated)->name, QStringLiteral("b"));
        QCOMPARE((*updated)->config, second);
        QCOMPARE((*updated)->sha256, (*created)->record.sha256);
        Slot<ClientKey> unknown;
        store.updateKey(4711, QStringLiteral("b"), second, into(unknown));
        QTRY_VERIFY(unknown);
        QVERIFY(!*unknown);
        QVERIFY(unknown->error().contains(QStringLiteral("4711")));
    }
    Store store(m_data);
    const auto opened = store.open();
    QVERIFY(opened);
    QCOMPARE(opened->keys[0].name, QStringLiteral("b"));
    QCOMPARE(opened->keys[0].config, second);
    QCOMPARE(nameOf(database(), NameKind::Key, id)->name, QStringLiteral("b"));
}

void TestStore::rotatesKeys()
{
    Store first(m_data);
    QVERIFY(first.open());
    Slot<Store::NewKey> created;
    first.createKey(QStringLiteral("a"), object(R"({"team": "x"})"), into(created));
    QTRY_VERIFY(created && *created);
    const ClientKey before = (*created)->record;

    const QDateTime rotatedAt = QDateTime::currentDateTimeUtc();
    Slot<Store::NewKey> rotated;
    first.rotateKey(before.id, 3600, into(rotated));
    QTRY_VERIFY(rotated && *rotated);
    const ClientKey after = (*rotated)->record;
    QCOMPARE(after.id, before.id);
    QCOMPARE(after.config, before.config);
    QCOMPARE(after.previousSha256, before.sha256);
    QVERIFY(std::abs(rotatedAt.secsTo(after.previousUntil) - 3600) <= 2);
    QVERIFY(after.sha256 != before.sha256);
    const QByteArray plaintext = (*rotated)->plaintext;
    QCOMPARE(after.sha256, KeyGenerator::hash({plaintext.constData(), size_t(plaintext.size())}));
    first.close();
    Store store(m_data);
    {
        const auto opened = store.open();
        QVERIFY(opened);
        QCOMPARE(opened->keys[0].previousSha256, before.sha256);
        QCOMPARE(opened->keys[0].previousUntil, after.previousUntil);
    }

    // The third secret ends the first one's time; without an overlap there is none before it.
    Slot<Store::NewKey> again;
    store.rotateKey(before.id, 60, into(again));
    QTRY_VERIFY(again && *again);
    QCOMPARE((*again)->record.previousSha256, after.sha256);
    Slot<Store::NewKey> atOnce;
    store.rotateKey(before.id, 0, into(atOnce));
    QTRY_VERIFY(atOnce && *atOnce);
    QVERIFY((*atOnce)->record.previousSha256.isEmpty());
    QVERIFY(!(*atOnce)->record.previousUntil.isValid());

    Slot<Store::NewKey> last;
    store.rotateKey(before.id, 60, into(last));
    QTRY_VERIFY(last && *last);
    Slot<ClientKey> revoked;
    store.revokeKey(before.id, into(revoked));
    QTRY_VERIFY(revoked && *revoked);
    QVERIFY((*revoked)->previousSha256.isEmpty());
    Slot<Store::NewKey> refused;
    store.rotateKey(before.id, 60, into(refused));
    QTRY_VERIFY(refused);
    QVERIFY(!*refused);
    QVERIFY2(refused->error().contains(QStringLiteral("revoked")), qPrintable(refused->error()));
}

void TestStore::deletesKeys()
{
    qint64 id = 0;
    {
        Store store(m_data);
        QVERIFY(store.open());
        Slot<Store::NewKey> created;
        store.createKey(QStringLiteral("gone"), {}, into(created));
        QTRY_VERIFY(created && *created);
        id = (*created)->record.id;
        Slot<Done> deleted;
        store.deleteKey(id, into(deleted));
        QTRY_VERIFY(deleted && *deleted);
        Slot<Done> again;
        store.deleteKey(id, into(again));
        QTRY_VERIFY(again);
        QVERIFY(!*again);
    }
    const auto known = nameOf(database(), NameKind::Key, id);
    QVERIFY(known);
    QCOMPARE(known->name, QStringLiteral("gone"));
    QVERIFY(known->deleted);

    Store store(m_data);
    const auto opened = store.open();
    QVERIFY(opened);
    QVERIFY(opened->keys.empty());
    Slot<Store::NewKey> created;
    store.createKey(QStringLiteral("next"), {}, into(created));
    QTRY_VERIFY(created && *created);
    QVERIFY((*created)->record.id > id);
}

void TestStore::teamsSurvive()
{
    const QJsonObject config = object(R"({"budget": {"usd": 500, "period": "month"}})");
    qint64 goneId = 0;
    {
        Store store(m_data);
        QVERIFY(store.open());
        std::array<Slot<StoredTeam>, 3> saved;
        store.saveTeam(0, QStringLiteral("research"), config, into(saved[0]));
        store.saveTeam(0, QStringLiteral("gone"), {}, into(saved[1]));
        store.saveTeam(0, QStringLiteral("research"), {}, into(saved[2]));
        for (const auto &slot : saved) {
            QTRY_VERIFY(slot);
        }
        QVERIFY(*saved[0] && *saved[1]);
        QVERIFY(!*saved[2]);
        QVERIFY(saved[2]->error().contains(QStringLiteral("research")));
        goneId = (*saved[1])->id;
        Slot<Done> removed;
        store.removeTeam(goneId, into(removed));
        QTRY_VERIFY(removed && *removed);
        Slot<StoredTeam> unknown;
        store.saveTeam(goneId, QStringLiteral("back"), {}, into(unknown));
        QTRY_VERIFY(unknown);
        QVERIFY(!*unknown);
    }
    QVERIFY(nameOf(database(), NameKind::Team, goneId)->deleted);
    Store store(m_data);
    const auto opened = store.open();
    QVERIFY(opened);
    QCOMPARE(opened->teams.size(), size_t(1));
    QCOMPARE(opened->teams[0].name, QStringLiteral("research"));
    QCOMPARE(opened->teams[0].config, config);
    Slot<StoredTeam> next;
    store.saveTeam(0, QStringLiteral("next"), {}, into(next));
    QTRY_VERIFY(next && *next);
    QVERIFY((*next)->id > goneId);
}

void TestStore::renamedTeamsTakeTheirKeysAlong()
{
    Store store(m_data);
    QVERIFY(store.open());
    Slot<StoredTeam> team;
    store.saveTeam(0, QStringLiteral("old"), {}, into(team));
    Slot<Store::NewKey> member;
    store.createKey(QStringLiteral("a"), object(R"({"team": "old", "models": ["m"]})"),
                    into(member));
    Slot<Store::NewKey> other;
    store.createKey(QStringLiteral("b"), object(R"({"team": "other"})"), into(other));
    QTRY_VERIFY(team && *team && member && *member && other && *other);
    Slot<StoredTeam> renamed;
    store.saveTeam((*team)->id, QStringLiteral("né w"), {}, into(renamed));
    QTRY_VERIFY(renamed && *renamed);
    store.close();
    Store again(m_data);
    const auto opened = again.open();
    QVERIFY(opened);
    QCOMPARE(opened->keys[0].config, object(R"({"team": "né w", "models": ["m"]})"));
    QCOMPARE(opened->keys[1].config, object(R"({"team": "other"})"));
}

void TestStore::keepsTeamsWithKeys()
{
    Store store(m_data);
    QVERIFY(store.open());
    Slot<StoredTeam> team;
    store.saveTeam(0, QStringLiteral("t"), {}, into(team));
    Slot<Store::NewKey> member;
    store.createKey(QStringLiteral("a"), object(R"({"team": "t"})"), into(member));
    QTRY_VERIFY(team && *team && member && *member);
    Slot<Done> refused;
    store.removeTeam((*team)->id, into(refused));
    QTRY_VERIFY(refused);
    QVERIFY(!*refused);
    Slot<ClientKey> revoked;
    store.revokeKey((*member)->record.id, into(revoked));
    Slot<Done> removed;
    store.removeTeam((*team)->id, into(removed));
    QTRY_VERIFY(revoked && removed);
    QVERIFY(*removed);
}

void TestStore::modelsAndPricesSurvive()
{
    const QJsonObject fast = object(R"({"targets": [{"backend": "openai", "model": "m"}]})");
    const QJsonObject price = object(R"({"input": "0.15", "output": 0.6})");
    {
        Store store(m_data);
        QVERIFY(store.open());
        std::array<Slot<Done>, 6> done;
        store.saveModel("fast", {}, into(done[0]));
        store.saveModel("gone", fast, into(done[1]));
        store.saveModel("fast", fast, into(done[2]));
        store.removeModel("gone", into(done[3]));
        store.savePrice("gpt-*", price, into(done[4]));
        store.removePrice("never", into(done[5]));
        for (const auto &slot : done) {
            QTRY_VERIFY(slot && *slot);
        }
    }
    Store store(m_data);
    const auto opened = store.open();
    QVERIFY(opened);
    using Entries = std::vector<std::pair<QByteArray, QJsonObject>>;
    QCOMPARE(opened->models, (Entries{{"fast", fast}}));
    QCOMPARE(opened->prices, (Entries{{"gpt-*", price}}));
    QVERIFY(opened->backends.empty());
}

void TestStore::remembersNames()
{
    {
        Store store(m_data);
        QVERIFY(store.open());
        store.rememberNames({{NameKind::Key, -5, QStringLiteral("ci")},
                             {NameKind::Team, -7, QStringLiteral("ops")}});
        store.rememberNames({{NameKind::Key, -5, QStringLiteral("ci2")}});
    }
    QCOMPARE(nameOf(database(), NameKind::Key, -5)->name, QStringLiteral("ci2"));
    QCOMPARE(nameOf(database(), NameKind::Team, -7)->name, QStringLiteral("ops"));
    QVERIFY(!nameOf(database(), NameKind::Key, -7));
}

void TestStore::neverStoresAPlaintextKey()
{
    Store store(m_data);
    QVERIFY(store.open());
    Slot<Store::NewKey> created;
    store.createKey(QStringLiteral("a"), {}, into(created));
    QTRY_VERIFY(created && *created);
    const QByteArray secret = (*created)->plaintext.mid(3);
    QVERIFY(contents(database() + QStringLiteral("-wal")).contains((*created)->record.sha256));
    const auto search = [this, &secret] {
        const auto files = QDir(m_data).entryInfoList(QDir::Files);
        return std::any_of(files.begin(), files.end(), [&secret](const QFileInfo &file) {
            return contents(file.filePath()).contains(secret);
        });
    };
    QVERIFY(!search());
    store.close();
    QVERIFY(contents(database()).contains((*created)->record.sha256));
    QVERIFY(!search());
}

void TestStore::refusesBackendsWithPlaintextKeys_data()
{
    QTest::addColumn<QJsonObject>("config");
    QTest::addColumn<bool>("accepted");
    const auto headers = [](const char *name, const char *value) {
        return QJsonObject{{QStringLiteral("headers"),
                            QJsonObject{{QString::fromLatin1(name), QString::fromLatin1(value)}}}};
    };
    const auto key = [](const char *value) {
        return QJsonObject{{QStringLiteral("api_key"), QString::fromLatin1(value)}};
    };
    QTest::newRow("none") << QJsonObject() << true;
    QTest::newRow("literal") << key("sk-123") << false;
    QTest::newRow("keychain") << key("keychain:openai") << true;
    QTest::newRow("file") << key("file:/run/secrets/openai") << true;
    QTest::newRow("variable") << key("${OPENAI_API_KEY}") << true;
    QTest::newRow("list") << QJsonObject{{QStringLiteral("api_keys"),
                                          QJsonArray{QStringLiteral("keychain:a"),
                                                     QStringLiteral("sk-1")}}}
                          << false;
    QTest::newRow("header") << headers("X-Title", "Tidegate") << true;
    QTest::newRow("authorization") << headers("Authorization", "Bearer sk-1") << false;
    QTest::newRow("x-api-key") << headers("X-Api-Key", "sk-1") << false;
}

void TestStore::refusesBackendsWithPlaintextKeys()
{
    QFETCH(const QJsonObject, config);
    QFETCH(const bool, accepted);
    Store store(m_data);
    QVERIFY(store.open());
    Slot<Done> saved;
    store.saveBackend("b", config, into(saved));
    QTRY_VERIFY(saved);
    QCOMPARE(bool(*saved), accepted);
    if (!accepted) {
        QVERIFY2(!saved->error().contains(QStringLiteral("sk-1")), qPrintable(saved->error()));
    }
}

void TestStore::backendsAndSettingsSurvive()
{
    const QJsonObject zeta{{QStringLiteral("type"), QStringLiteral("vllm")},
                           {QStringLiteral("priority"), 3}};
    const QJsonObject alpha{{QStringLiteral("type"), QStringLiteral("echo")}};
    {
        Store store(m_data);
        QVERIFY(store.open());
        std::array<Slot<Done>, 7> done;
        store.saveBackend("zeta", alpha, into(done[0]));
        store.saveBackend("alpha", alpha, into(done[1]));
        store.saveBackend("gone", alpha, into(done[2]));
        store.saveBackend("zeta", zeta, into(done[3]));
        store.removeBackend("gone", into(done[4]));
        store.saveSetting(QStringLiteral("server.port"), 9090, into(done[5]));
        store.saveSetting(QStringLiteral("server.host"), QStringLiteral("::1"), into(done[6]));
        for (const auto &slot : done) {
            QTRY_VERIFY(slot);
            QVERIFY(*slot);
        }
    }
    {
        Store store(m_data);
        const auto opened = store.open();
        QVERIFY(opened);
        const std::vector<std::pair<QByteArray, QJsonObject>> expected{{"zeta", zeta},
                                                                       {"alpha", alpha}};
        QCOMPARE(opened->backends, expected);
        QCOMPARE(opened->settings.value(QStringLiteral("server.port")).toInt(), 9090);
        QCOMPARE(opened->settings.value(QStringLiteral("server.host")).toString(),
                 QStringLiteral("::1"));
        Slot<Done> removed;
        store.saveSetting(QStringLiteral("server.port"), QJsonValue::Null, into(removed));
        QTRY_VERIFY(removed && *removed);
    }
    Store store(m_data);
    const auto opened = store.open();
    QVERIFY(opened);
    QCOMPARE(opened->settings.keys(), QStringList{QStringLiteral("server.host")});
}

void TestStore::waitsForAnotherWriter()
{
    Store store(m_data);
    QVERIFY(store.open());
    SqliteConnection other;
    QVERIFY(other.open(database(), SqliteConnection::Access::ReadWrite, 0));
    QVERIFY(other.execute("BEGIN IMMEDIATE"));
    Slot<Store::NewKey> created;
    Slot<Done> saved;
    store.createKey(QStringLiteral("a"), {}, into(created));
    store.saveSetting(QStringLiteral("a"), 1, into(saved));
    QVERIFY(!QTest::qWaitFor([&created] { return created.has_value(); }, 500));
    QVERIFY(other.execute("COMMIT"));
    QTRY_VERIFY(created && saved);
    QVERIFY(*created);
    QVERIFY(*saved);

    // One that does not end is told about, in words.
    QVERIFY(other.execute("BEGIN IMMEDIATE"));
    Slot<Done> refused;
    store.saveSetting(QStringLiteral("a"), 2, into(refused));
    QTRY_VERIFY_WITH_TIMEOUT(refused, 10'000);
    QVERIFY(!*refused);
    QVERIFY2(refused->error().contains(QStringLiteral("locked by another program")),
             qPrintable(refused->error()));
}

void TestStore::answersWhenNotOpen()
{
    Store store(m_data);
    Slot<Done> slot;
    store.saveSetting(QStringLiteral("a"), 2, into(slot));
    QVERIFY(!slot); // never from within the call
    QTRY_VERIFY(slot);
    QVERIFY(!*slot);
}

QTEST_GUILESS_MAIN(TestStore)
#include "tst_store.moc"
