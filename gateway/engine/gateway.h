// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/config/configsnapshot.h"
#include "gateway/config/secretsource.h"
#include "gateway/engine/adminreply.h"
#include "gateway/engine/backendtest.h"
#include "gateway/observe/exchangeevent.h"
#include "gateway/store/store.h"

#include <QJsonObject>
#include <QObject>
#include <QStringList>
#include <QUrl>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace tidegate {

/// What the command line and the environment decide.
struct GatewayOptions
{
    QString dataDir;
    QString configFile;          ///< empty: none
    std::optional<QString> host; ///< --host
    std::optional<quint16> port; ///< --port; 0 picks a free one
    std::optional<QByteArray> logLevel;
    Secret adminToken; ///< for /admin; empty: /admin answers 401
};

/// The engine as a program sees it: configuration, store and engine threads in one object.
///
/// Lives in the main (GUI) thread and is owned by the program. Nothing here blocks except stopNow()
/// and the destructor. Callbacks and signals come in the main thread.
class Gateway : public QObject
{
    Q_OBJECT

public:
    enum class State : quint8
    {
        Stopped,
        Starting,
        Running,
        Paused,
        Draining,
        Failed
    };
    Q_ENUM(State)

    template <typename T>
    using Reply = std::function<void(Result<T>)>;

    /// @p secrets may be null: then keychain references are Unavailable. Not owned.
    explicit Gateway(GatewayOptions options, SecretSource *secrets, QObject *parent = nullptr);
    ~Gateway() override;

    /// Opens the store, reads the configuration, starts the engine threads and listens. The result
    /// comes as stateChanged(): Running, or Failed with failure().
    void start();
    /// Stops accepting, lets running exchanges finish for up to server.drain_seconds, flushes the
    /// ledger. Ends with state Stopped.
    void stop();
    /// Ends at once: running exchanges are cut and recorded, the ledger is flushed. Blocks briefly.
    void stopNow();
    /// Paused: new requests get 503, running exchanges go on.
    void setAccepting(bool accepting);

    [[nodiscard]] State state() const;
    /// Why the state is Failed: for people.
    [[nodiscard]] QString failure() const;
    [[nodiscard]] quint16 port() const;
    /// "http://127.0.0.1:8080/v1", also while Paused; empty before the first start.
    [[nodiscard]] QUrl baseUrl() const;
    [[nodiscard]] ConfigPtr config() const;
    [[nodiscard]] std::vector<ConfigProblem> problems() const;
    [[nodiscard]] LedgerStats ledgerStats() const;
    [[nodiscard]] int activeExchanges() const;
    /// All client keys, revoked ones too, newest first.
    [[nodiscard]] std::vector<ClientKey> clientKeys() const;
    /// The store's database, for read-only queries.
    [[nodiscard]] QString databasePath() const;

    void reloadConfig();
    /// Keychain entries are asked for again, e.g. after the user unlocked the keychain.
    void refreshSecrets();

    /// @p config as in the file's `backends:` entry. Validates, stores, takes effect at once.
    void saveBackend(const QByteArray &name, const QJsonObject &config, Reply<Done> reply);
    void removeBackend(const QByteArray &name, Reply<Done> reply);
    /// Asks the backend for its models without saving anything. @p key overrides api_key.
    void testBackend(const QJsonObject &config, const Secret &key,
                     std::function<void(BackendTest)> reply);
    /// The same for a backend of the configuration in force, with its key.
    void testSavedBackend(const QByteArray &name, std::function<void(BackendTest)> reply);
    void createKey(const QString &name, Reply<Store::NewKey> reply);
    void revokeKey(qint64 id, Reply<ClientKey> reply);
    /// "server.host", "server.port"; takes effect at once, running exchanges go on.
    void saveSetting(const QString &key, const QJsonValue &value, Reply<Done> reply);

    /// Who answers the requests of the admin API, in the main thread. Empty: nobody does.
    void setAdminHandler(AdminHandler handler);

    /// Exchange events are only made while somebody looks.
    void setLiveFeedEnabled(bool enabled);

Q_SIGNALS:
    void stateChanged();
    void configChanged();
    void problemsChanged();
    void keysChanged();
    /// A first client key was made because there was none. Shown once, never stored.
    void firstKeyCreated(const QByteArray &plaintext);
    void exchangesChanged(const tidegate::ExchangeBatch &batch);

private:
    class Private;
    std::unique_ptr<Private> d;
};

} // namespace tidegate
