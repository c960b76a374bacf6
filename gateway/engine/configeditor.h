// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/config/configsnapshot.h"
#include "gateway/store/store.h"

#include <QJsonObject>
#include <QObject>

#include <deque>
#include <functional>

namespace tidegate {

/// Changes what the database holds of the configuration: checks a change, stores it, and sees that
/// it counts.
///
/// Lives in the main thread, owned by the Gateway. Changes are made one after the other, so that
/// each is checked against, and a patch applied to, what the one before it left. A reply comes when
/// the change is in force. What the file or the environment sets is read-only here, and an error
/// says so.
class ConfigEditor final : public QObject
{
    Q_OBJECT

public:
    template <typename T>
    using Reply = std::function<void(Result<T>)>;
    using Applied = std::function<void(const Result<Done> &)>;

    struct Context
    {
        /// The configuration in force; null before the first.
        std::function<ConfigPtr()> config;
        /// Brings what was changed into force and calls back then.
        std::function<void(Applied applied)> apply;
    };

    ConfigEditor(Store &store, Context context, QObject *parent = nullptr);

    /// What the database holds, as of the last change.
    [[nodiscard]] const StoredConfig &stored() const { return m_stored; }
    void setStored(StoredConfig stored) { m_stored = std::move(stored); }

    void createKey(const QString &name, const QJsonObject &config, Reply<Store::NewKey> reply);
    void updateKey(qint64 id, const QString &name, const QJsonObject &config,
                   Reply<ClientKey> reply);
    void patchKey(qint64 id, const QJsonObject &patch, Reply<ClientKey> reply);
    void rotateKey(qint64 id, int overlapSeconds, Reply<Store::NewKey> reply);
    void revokeKey(qint64 id, Reply<ClientKey> reply);
    void deleteKey(qint64 id, Reply<Done> reply);

    void saveTeam(qint64 id, const QString &name, const QJsonObject &config, Reply<Team> reply);
    void patchTeam(qint64 id, const QJsonObject &patch, Reply<Team> reply);
    void removeTeam(qint64 id, Reply<Done> reply);

    void saveModel(const QByteArray &name, const QJsonObject &config, Reply<Done> reply);
    void patchModel(const QByteArray &name, const QJsonObject &patch, Reply<Done> reply);
    void removeModel(const QByteArray &name, Reply<Done> reply);

    void savePrice(const QByteArray &pattern, const QJsonObject &config, Reply<Done> reply);
    void patchPrice(const QByteArray &pattern, const QJsonObject &patch, Reply<Done> reply);
    void removePrice(const QByteArray &pattern, Reply<Done> reply);

    void saveBackend(const QByteArray &name, const QJsonObject &config, Reply<Done> reply);
    void patchBackend(const QByteArray &name, const QJsonObject &patch, Reply<Done> reply);
    void removeBackend(const QByteArray &name, Reply<Done> reply);

    void saveSetting(const QString &key, const QJsonValue &value, Reply<Done> reply);
    void patchRateLimits(const QJsonObject &patch, Reply<Done> reply);

Q_SIGNALS:
    void keysChanged();
    void teamsChanged();
    void pricesChanged();

private:
    /// Parts of the database that are maps of name to entry.
    enum class Section : quint8
    {
        Backends,
        Models,
        Prices
    };
    using Stored = std::function<void()>;

    /// Runs @p change when those before it are stored. It calls what it is given once.
    void queue(std::function<void(Stored stored)> change);
    void runNext();
    /// Takes what the store says: notes the change, lets the next one begin, and answers when the
    /// change is in force, with what @p answer makes of it then.
    template <typename S, typename T>
    Store::Reply<S> whenStored(Stored stored, Reply<T> reply, std::function<void(const S &)> note,
                               std::function<T(const S &)> answer);
    void changeKey(qint64 id, std::function<Result<ClientKey>(ClientKey)> change,
                   Reply<ClientKey> reply);
    void changeTeam(qint64 id, std::function<Result<StoredTeam>(StoredTeam)> change,
                    Reply<Team> reply);
    void changeEntry(Section section, const QByteArray &name,
                     std::function<Result<QJsonObject>()> config, Reply<Done> reply);
    void removeEntry(Section section, const QByteArray &name, Reply<Done> reply);
    void patchEntry(Section section, const QByteArray &name, const QJsonObject &patch,
                    Reply<Done> reply);
    void changeSetting(const QString &key, const QJsonValue &value, Stored stored,
                       Reply<Done> reply);

    using Entries = std::vector<std::pair<QByteArray, QJsonObject>>;
    [[nodiscard]] Entries &entries(Section section);
    [[nodiscard]] const QJsonObject *findEntry(Section section, const QByteArray &name);
    /// Whether such an entry may be stored under that name.
    [[nodiscard]] Result<Done> checkAmongModels(const ModelConfig &model) const;
    [[nodiscard]] Result<Done> checkEntry(Section section, const QByteArray &name,
                                          const QJsonObject &config) const;
    /// Why the entry of that name cannot be changed here; empty when it can.
    [[nodiscard]] QString whyReadOnly(Section section, const QByteArray &name) const;
    [[nodiscard]] Result<Done> checkKey(const ClientKey &key) const;
    [[nodiscard]] Result<Done> checkSetting(const QString &key, const QJsonValue &value) const;
    [[nodiscard]] Result<ClientKey> storedKey(qint64 id) const;
    [[nodiscard]] Result<StoredTeam> storedTeam(qint64 id) const;
    [[nodiscard]] QStringList teamNames() const;
    [[nodiscard]] QStringList backendNames() const;
    /// Names of the keys of the file that name the team.
    [[nodiscard]] QStringList fileKeysOf(qint64 team) const;
    [[nodiscard]] ClientKey keyInForce(const ClientKey &stored) const;
    [[nodiscard]] Team teamInForce(const StoredTeam &stored) const;
    void noteKey(const ClientKey &key);

    Store &m_store;
    Context m_context;
    StoredConfig m_stored;
    std::deque<std::function<void(Stored)>> m_queue;
    bool m_busy = false;
};

} // namespace tidegate
