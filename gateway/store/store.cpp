// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/store.h"

#include "gateway/policy/keygenerator.h"
#include "gateway/store/configrepository.h"
#include "gateway/store/datadirectory.h"
#include "gateway/store/keyrepository.h"
#include "gateway/store/sqliteconnection.h"
#include "gateway/store/storethread.h"

#include <mutex>

namespace tidegate {

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
        auto command = [this, work = std::move(work), reply](SqliteConnection &connection,
                                                             bool lastTry) {
            connection.clearLastError();
            Result<T> result = work(connection);
            if (!result && connection.wasBusy() && !lastTry) {
                return false;
            }
            post([reply, result = std::move(result)] { reply(result); });
            return true;
        };
        if (!thread || !thread->submit(std::move(command))) {
            post([reply] { reply(Error{QStringLiteral("The database is not open.")}); });
        }
    }

    Store *const q;
    DataDirectory directory;
    std::unique_ptr<StoreThread> thread;

private:
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

void Store::createKey(const QString &name, Reply<NewKey> reply)
{
    // Made here, so that a second try after a busy database stores the same key.
    const GeneratedKey generated = KeyGenerator::generate();
    ClientKey key;
    key.name = name;
    key.sha256 = generated.sha256;
    key.prefix = generated.prefix;
    key.createdAt = QDateTime::currentDateTimeUtc();
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

void Store::revokeKey(qint64 id, Reply<ClientKey> reply)
{
    d->run<ClientKey>(
        [id](SqliteConnection &connection) { return KeyRepository(connection).revoke(id); },
        std::move(reply));
}

void Store::saveBackend(const QByteArray &name, const QJsonObject &config, Reply<Done> reply)
{
    d->run<Done>(
        [name, config](SqliteConnection &connection) {
            return ConfigRepository(connection).saveBackend(name, config);
        },
        std::move(reply));
}

void Store::removeBackend(const QByteArray &name, Reply<Done> reply)
{
    d->run<Done>(
        [name](SqliteConnection &connection) {
            return ConfigRepository(connection).removeBackend(name);
        },
        std::move(reply));
}

void Store::saveSetting(const QString &key, const QJsonValue &value, Reply<Done> reply)
{
    d->run<Done>(
        [key, value](SqliteConnection &connection) {
            return ConfigRepository(connection).saveSetting(key, value);
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
