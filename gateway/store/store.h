// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/ledger/ledgerrow.h"
#include "gateway/policy/clientkey.h"
#include "gateway/store/namerepository.h"
#include "gateway/store/spendquery.h"
#include "gateway/store/storedteam.h"

#include <QJsonObject>
#include <QObject>

#include <functional>
#include <memory>
#include <vector>

namespace tidegate {

/// What the database holds of the configuration.
struct StoredConfig
{
    std::vector<ClientKey> keys; ///< revoked ones too; identity and config, not the typed rules
    std::vector<std::pair<QByteArray, QJsonObject>> backends; ///< name, as in the file's section
    std::vector<StoredTeam> teams;
    std::vector<std::pair<QByteArray, QJsonObject>> models; ///< name, as in the file's section
    std::vector<std::pair<QByteArray, QJsonObject>> prices; ///< pattern, as in the price file
    QJsonObject settings;                                   ///< e.g. {"server.port": 8080}
};

/// How the ledger is doing.
struct LedgerStats
{
    qint64 queued = 0;  ///< rows not yet written
    qint64 written = 0; ///< since start
    qint64 spilled = 0; ///< rows in the spill file, because the database could not take them yet
    qint64 lost = 0;    ///< rows dropped since start: the queue was full, or neither file took them
    QString lastError;  ///< empty when the last write worked
};

/// The database: keys, panel-made configuration and the ledger, written by one thread of its own.
///
/// The object lives in the thread that made it (the GUI or main thread); it owns the store thread.
/// Calls return at once; answers arrive as callbacks in the object's thread. append() alone may be
/// called from any thread, and never waits for disk.
class Store : public QObject
{
    Q_OBJECT

public:
    template <typename T>
    using Reply = std::function<void(Result<T>)>;

    explicit Store(QString dataDir, QObject *parent = nullptr);
    ~Store() override;

    /// Creates the data directory (0700) and database (0600), takes the lock, migrates, reads the
    /// configuration. Blocks; called once at start. The error says which file and what to do.
    Result<StoredConfig> open();
    /// Writes everything that is queued and closes. Blocks, at most some seconds. Called by the
    /// destructor. Rows that are appended later are lost, so the engine threads must be gone.
    void close();

    /// Queues rows for the ledger; written within 250 ms, in one transaction or, while the database
    /// cannot take them, to DATA_DIR/ledger-spill.jsonl, from where they come back by themselves.
    /// Only after open() succeeded.
    void append(std::vector<LedgerRow> &&rows);

    /// Makes a new random key, stores its hash, and returns record and key; the key is not kept.
    struct NewKey
    {
        ClientKey record;
        QByteArray plaintext; ///< "tg-…"
    };
    /// @p config as in the file's `keys:` entry, without the key; validated by the caller.
    void createKey(const QString &name, const QJsonObject &config, Reply<NewKey> reply);
    /// Replaces name and configuration as a whole.
    void updateKey(qint64 id, const QString &name, const QJsonObject &config,
                   Reply<ClientKey> reply);
    /// Gives the key a new secret; the one before works for @p overlapSeconds more (0: not at all).
    /// A key has at most one secret before: a second rotation ends the first one's overlap. An
    /// error for a revoked key.
    void rotateKey(qint64 id, int overlapSeconds, Reply<NewKey> reply);
    void revokeKey(qint64 id, Reply<ClientKey> reply);
    /// The ledger keeps the key's rows; its id is never used again and its name stays known.
    void deleteKey(qint64 id, Reply<Done> reply);

    /// Makes a team (@p id 0) or changes one. Keys in the database whose config names a team that
    /// is renamed here are changed with it, in the same transaction. An error when another team
    /// has the name.
    void saveTeam(qint64 id, const QString &name, const QJsonObject &config,
                  Reply<StoredTeam> reply);
    /// An error while keys that are not revoked name the team.
    void removeTeam(qint64 id, Reply<Done> reply);
    /// The names by which reports shall know keys and teams that are not in the database, such as
    /// those of the file (with negative ids). Names of the database's own are kept by themselves.
    void rememberNames(std::vector<KnownName> names);

    void saveModel(const QByteArray &name, const QJsonObject &config, Reply<Done> reply);
    void removeModel(const QByteArray &name, Reply<Done> reply);
    void savePrice(const QByteArray &pattern, const QJsonObject &config, Reply<Done> reply);
    void removePrice(const QByteArray &pattern, Reply<Done> reply);
    void saveBackend(const QByteArray &name, const QJsonObject &config, Reply<Done> reply);
    void removeBackend(const QByteArray &name, Reply<Done> reply);
    /// A null value removes the setting.
    void saveSetting(const QString &key, const QJsonValue &value, Reply<Done> reply);

    /// Called in the store thread with LedgerRow::holdId of rows that have just come into the
    /// database or the spill file, where a kill of the process cannot lose them. Must be quick. To
    /// be set before the first row is appended.
    void setRowsWritten(std::function<void(const std::vector<quint64> &holdIds)> callback);
    /// Those of @p holdIds that a ledger row ends, wherever it is, whose request started at
    /// @p startedSinceUs or later: the later that is, the less has to be read.
    void findHolds(std::vector<quint64> holdIds, qint64 startedSinceUs,
                   Reply<std::vector<quint64>> reply);
    /// Money spent according to the ledger, with all rows that are appended by now: one answer for
    /// each query. Requests whose cost is unknown count nothing. Where rows and details have been
    /// deleted it counts from the begin of the quarter hour or UTC day, never too little. An error
    /// while the rows of an older Tidegate are still being added up (some 20 s for 10 million).
    void spend(std::vector<SpendQuery> queries, Reply<std::vector<Money>> reply);

    /// Ledger rows that started longer ago are deleted, now and then every hour. 0: none is.
    void setRetentionDays(int days);

    [[nodiscard]] LedgerStats ledgerStats() const;
    [[nodiscard]] QString databasePath() const;

private:
    class Private;
    std::unique_ptr<Private> d;
};

} // namespace tidegate
