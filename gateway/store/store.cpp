// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/store.h"

#include "gateway/base/clock.h"
#include "gateway/policy/keygenerator.h"
#include "gateway/store/configrepository.h"
#include "gateway/store/datadirectory.h"
#include "gateway/store/keyrepository.h"
#include "gateway/store/spendreader.h"
#include "gateway/store/sqliteconnection.h"
#include "gateway/store/sqlitetransaction.h"
#include "gateway/store/storethread.h"
#include "gateway/store/teamrepository.h"

#include <QLoggingCategory>

#include <mutex>

namespace tidegate {
namespace {

Q_LOGGING_CATEGORY(lcStore, "tidegate.store")

} // namespace

class Store::Private
{
public:
    Private(Store *store, QString dataDir)
        : q(store)
        , directory(std::move(dataDir))
    {
    }

    /// Runs @p work in the store thread, again while the database is busy, and brings the answer
    /// back.
    template <typename T>
    void run(std::function<Result<T>(SqliteConnection &)> work, Reply<T> reply)
    {
        auto command = makeCommand<T>(
            [work = std::move(work)](const StoreThread::Access &access) {
                return work(access.connection);
            },
            reply);
        if (!thread || !thread->submit(std::move(command))) {
            refuse(std::move(reply));
        }
    }

    /// The same, after the rows that are queued have been written or spilled.
    template <typename T>
    void runAfterRows(std::function<Result<T>(const StoreThread::Access &)> work, Reply<T> reply)
    {
        auto command = makeCommand<T>(std::move(work), reply);
        if (!thread || !thread->submitAfterRows(std::move(command))) {
            refuse(std::move(reply));
        }
    }

    void save(NamedSection section, const QByteArray &name, const QJsonObject &config,
              Reply<Done> reply)
    {
        run<Done>(
            [section, name, config](SqliteConnection &connection) {
                return ConfigRepository(connection).save(section, name, config);
            },
            std::move(reply));
    }

    void remove(NamedSection section, const QByteArray &name, Reply<Done> reply)
    {
        run<Done>(
            [section, name](SqliteConnection &connection) {
                return ConfigRepository(connection).remove(section, name);
            },
            std::move(reply));
    }

    Store *const q;
    DataDirectory directory;
    StoreThread::RowsWritten rowsWritten;
    std::unique_ptr<StoreThread> thread;

private:
    template <typename T>
    StoreThread::Command makeCommand(std::function<Result<T>(const StoreThread::Access &)> work,
                                     Reply<T> reply)
    {
        return [this, work = std::move(work),
                reply = std::move(reply)](const StoreThread::Access &access, bool lastTry) {
            access.connection.clearLastError();
            Result<T> result = work(access);
            if (!result && access.connection.wasBusy() && !lastTry) {
                return false;
            }
            post([reply, result = std::move(result)] { reply(result); });
            return true;
        };
    }

    template <typename T>
    void refuse(Reply<T> reply)
    {
        post([reply = std::move(reply)] {
            reply(Error{QStringLiteral("The database is not open.")});
        });
    }

    void post(std::function<void()> answer)
    {
        const std::lock_guard lock(m_mutex);
        m_answers.push_back(std::move(answer));
        if (m_answers.size() == 1) {
            QMetaObject::invokeMethod(
                q, [this] { deliver(); }, Qt::QueuedConnection);
        }
    }

    void deliver()
    {
        std::vector<std::function<void()>> answers;
        {
            const std::lock_guard lock(m_mutex);
            answers.swap(m_answers);
        }
        for (const auto &answer : answers) {
            answer();
        }
    }

    std::mutex m_mutex;
    std::vector<std::function<void()>> m_answers; ///< guarded by m_mutex
};

Store::Store(QString dataDir, QObject *parent)
    : QObject(parent)
    , d(std::make_unique<Private>(this, std::move(dataDir)))
{
}

Store::~Store()
{
    close();
}

Result<StoredConfig> Store::open()
{
    if (d->thread) {
        return Error{QStringLiteral("The database is open already.")};
    }
    if (auto acquired = d->directory.acquire(); !acquired) {
        return Error{acquired.error()};
    }
    d->thread = std::make_unique<StoreThread>(d->directory);
    d->thread->setRowsWritten(d->rowsWritten);
    auto config = d->thread->openAndWait();
    if (!config) {
        d->thread.reset();
        d->directory.release();
    }
    return config;
}

void Store::close()
{
    if (d->thread) {
        d->thread->closeAndWait();
    }
    d->directory.release();
}

void Store::append(std::vector<LedgerRow> &&rows)
{
    d->thread->append(std::move(rows));
}

void Store::createKey(const QString &name, const QJsonObject &config, Reply<NewKey> reply)
{
    // Made here, so that a second try after a busy database stores the same key.
    const GeneratedKey generated = KeyGenerator::generate();
    ClientKey key;
    key.name = name;
    key.sha256 = generated.sha256;
    key.prefix = generated.prefix;
    key.createdAt = QDateTime::currentDateTimeUtc();
    key.config = config;
    d->run<NewKey>(
        [key, plaintext = generated.plaintext](SqliteConnection &connection) -> Result<NewKey> {
            auto stored = KeyRepository(connection).insert(key);
            if (!stored) {
                return Error{stored.error()};
            }
            return NewKey{*stored, plaintext};
        },
        std::move(reply));
}

void Store::updateKey(qint64 id, const QString &name, const QJsonObject &config,
                      Reply<ClientKey> reply)
{
    d->run<ClientKey>(
        [id, name, config](SqliteConnection &connection) {
            return KeyRepository(connection).update(id, name, config);
        },
        std::move(reply));
}

void Store::rotateKey(qint64 id, int overlapSeconds, Reply<NewKey> reply)
{
    const GeneratedKey generated = KeyGenerator::generate();
    const qint64 nowUs = wallClockUs();
    const qint64 untilUs = nowUs + qint64(overlapSeconds) * 1'000'000;
    d->run<NewKey>(
        [id, generated, nowUs, untilUs](SqliteConnection &connection) -> Result<NewKey> {
            auto stored = KeyRepository(connection)
                              .rotate(id, generated.sha256, generated.prefix, nowUs, untilUs);
            if (!stored) {
                return Error{stored.error()};
            }
            return NewKey{*stored, generated.plaintext};
        },
        std::move(reply));
}

void Store::revokeKey(qint64 id, Reply<ClientKey> reply)
{
    d->run<ClientKey>(
        [id](SqliteConnection &connection) { return KeyRepository(connection).revoke(id); },
        std::move(reply));
}

void Store::deleteKey(qint64 id, Reply<Done> reply)
{
    d->run<Done>(
        [id](SqliteConnection &connection) { return KeyRepository(connection).remove(id); },
        std::move(reply));
}

void Store::saveTeam(qint64 id, const QString &name, const QJsonObject &config,
                     Reply<StoredTeam> reply)
{
    d->run<StoredTeam>(
        [team = StoredTeam{id, name, config}](SqliteConnection &connection) {
            return TeamRepository(connection).save(team);
        },
        std::move(reply));
}

void Store::removeTeam(qint64 id, Reply<Done> reply)
{
    d->run<Done>(
        [id](SqliteConnection &connection) { return TeamRepository(connection).remove(id); },
        std::move(reply));
}

void Store::rememberNames(std::vector<KnownName> names)
{
    d->run<Done>(
        [names = std::move(names)](SqliteConnection &connection) -> Result<Done> {
            SqliteTransaction transaction(connection);
            if (!transaction.isOpen()) {
                return connection.explainLastError();
            }
            NameRepository repository(connection);
            for (const KnownName &name : names) {
                if (auto kept = repository.remember(name); !kept) {
                    return kept;
                }
            }
            if (!transaction.commit()) {
                return connection.explainLastError();
            }
            return Done{};
        },
        [](const Result<Done> &kept) {
            if (!kept) {
                qCWarning(lcStore, "Names of keys and teams were not stored. %ls",
                          qUtf16Printable(kept.error()));
            }
        });
}

void Store::saveBackend(const QByteArray &name, const QJsonObject &config, Reply<Done> reply)
{
    d->save(NamedSection::Backends, name, config, std::move(reply));
}

void Store::removeBackend(const QByteArray &name, Reply<Done> reply)
{
    d->remove(NamedSection::Backends, name, std::move(reply));
}

void Store::saveModel(const QByteArray &name, const QJsonObject &config, Reply<Done> reply)
{
    d->save(NamedSection::Models, name, config, std::move(reply));
}

void Store::removeModel(const QByteArray &name, Reply<Done> reply)
{
    d->remove(NamedSection::Models, name, std::move(reply));
}

void Store::savePrice(const QByteArray &pattern, const QJsonObject &config, Reply<Done> reply)
{
    d->save(NamedSection::Prices, pattern, config, std::move(reply));
}

void Store::removePrice(const QByteArray &pattern, Reply<Done> reply)
{
    d->remove(NamedSection::Prices, pattern, std::move(reply));
}

void Store::saveSetting(const QString &key, const QJsonValue &value, Reply<Done> reply)
{
    d->run<Done>(
        [key, value](SqliteConnection &connection) {
            return ConfigRepository(connection).saveSetting(key, value);
        },
        std::move(reply));
}

void Store::setRowsWritten(std::function<void(const std::vector<quint64> &holdIds)> callback)
{
    d->rowsWritten = std::move(callback);
    if (d->thread) {
        d->thread->setRowsWritten(d->rowsWritten);
    }
}

void Store::findHolds(std::vector<quint64> holdIds, qint64 startedSinceUs,
                      Reply<std::vector<quint64>> reply)
{
    d->runAfterRows<std::vector<quint64>>(
        [ids = std::move(holdIds), startedSinceUs](const StoreThread::Access &access) {
            return SpendReader(access.connection, access.writer).findHolds(ids, startedSinceUs);
        },
        std::move(reply));
}

void Store::spend(std::vector<SpendQuery> queries, Reply<std::vector<Money>> reply)
{
    d->runAfterRows<std::vector<Money>>(
        [queries = std::move(queries)](const StoreThread::Access &access) {
            return SpendReader(access.connection, access.writer).spent(queries);
        },
        std::move(reply));
}

void Store::setRetentionDays(int days)
{
    if (d->thread) {
        d->thread->setRetentionDays(days);
    }
}

LedgerStats Store::ledgerStats() const
{
    return d->thread ? d->thread->stats() : LedgerStats();
}

QString Store::databasePath() const
{
    return d->directory.filePath(QStringLiteral("tidegate.db"));
}

} // namespace tidegate
