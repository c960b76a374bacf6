// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/config/configsnapshot.h"
#include "gateway/config/secretsource.h"
#include "gateway/engine/adminreply.h"
#include "gateway/engine/backendstatus.h"
#include "gateway/engine/backendtest.h"
#include "gateway/engine/configimport.h"
#include "gateway/observe/exchangeevent.h"
#include "gateway/policy/budgetbook.h"
#include "gateway/policy/limiter.h"
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
    /// Called in an engine's thread when it has had nothing to do for a second; may be empty.
    std::function<void()> engineQuiet;
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
    /// What is used of the limits now, by every scope that has any and uses it. Cheap.
    [[nodiscard]] std::vector<LimitUsage> limitUsage() const;
    /// How the budgets stand now. Cheap.
    [[nodiscard]] std::vector<BudgetUsage> budgetUsage() const;

    /// All teams, by the order of file and database.
    [[nodiscard]] std::vector<Team> teams() const;

    /// Reads the file again. Also happens by itself when it or the price file changes.
    void reloadConfig();
    /// @p reply comes when what the file says is in force, or why it is not.
    void reloadConfig(Reply<Done> reply);
    /// Keychain entries are asked for again, e.g. after the user unlocked the keychain.
    void refreshSecrets();

    // What is changed here is validated, stored, and in force when the reply comes; running
    // exchanges go on with what they began with. Entries of the file and the environment are
    // read-only, and an error says so. A reply must not be empty. "Patch" is an RFC 7396 merge
    // patch: null removes.

    /// @p config as in the file's `backends:` entry.
    void saveBackend(const QByteArray &name, const QJsonObject &config, Reply<Done> reply);
    void updateBackend(const QByteArray &name, const QJsonObject &patch, Reply<Done> reply);
    void removeBackend(const QByteArray &name, Reply<Done> reply);
    /// Asks the backend for its models without saving anything. @p key overrides api_key.
    void testBackend(const QJsonObject &config, const Secret &key,
                     std::function<void(BackendTest)> reply);
    /// The same for a backend of the configuration in force, with its key.
    void testSavedBackend(const QByteArray &name, std::function<void(BackendTest)> reply);

    // What people do to a backend by hand. In force when the reply comes.

    /// How every backend of the configuration is now, in its order. Cheap.
    [[nodiscard]] std::vector<BackendStatus> backendStatus() const;
    /// No new requests for it; those under way go on. Kept across changes of the configuration and
    /// restarts, until resumeBackend().
    void drainBackend(const QByteArray &name, Reply<Done> reply);
    void resumeBackend(const QByteArray &name, Reply<Done> reply);
    /// Opens the breaker for @p seconds; 0: until it is reset, or the program ends.
    void tripBreaker(const QByteArray &name, int seconds, Reply<Done> reply);
    /// Closes the breaker, forgets what it counted, and makes the backend's keys ready.
    void resetBreaker(const QByteArray &name, Reply<Done> reply);

    /// The managed command, or the SSH tunnel, of that backend may run from now on, exactly as it
    /// is configured now. Kept in the database by a hash of the command.
    void confirmCommand(const QByteArray &backend, Reply<Done> reply);
    /// By hand, at once; the reply does not wait for the end of it.
    void startManaged(const QByteArray &backend, Reply<Done> reply);
    /// Requests under way get some time to end; those that come meanwhile start it again.
    void stopManaged(const QByteArray &backend, Reply<Done> reply);

    /// What would happen now to a request: @p question has `model` and, if wanted, `key_id` or
    /// `key` (its name), `backend`, `tools`, `headers` and `body`. Changes nothing. The answer's
    /// fields are in docs/routing.md.
    [[nodiscard]] Result<QJsonObject> explainRoute(const QJsonObject &question) const;

    void createKey(const QString &name, Reply<Store::NewKey> reply);
    /// @p config as in the file's `keys:` entry, without the key.
    void createKey(const QString &name, const QJsonObject &config, Reply<Store::NewKey> reply);
    /// Replaces name and config.
    void updateKey(qint64 id, const QString &name, const QJsonObject &config,
                   Reply<ClientKey> reply);
    /// Patches the config; "name" in @p patch renames the key.
    void updateKey(qint64 id, const QJsonObject &patch, Reply<ClientKey> reply);
    /// The key before works for @p overlapSeconds more: 0 to 30 days.
    void rotateKey(qint64 id, int overlapSeconds, Reply<Store::NewKey> reply);
    void revokeKey(qint64 id, Reply<ClientKey> reply);
    /// What it spent stays in the ledger.
    void deleteKey(qint64 id, Reply<Done> reply);

    /// @p id 0: a new one. @p config as in the file's `teams:` entry. Keys of the database follow
    /// a change of the name; it is refused while keys of the file name the team.
    void saveTeam(qint64 id, const QString &name, const QJsonObject &config, Reply<Team> reply);
    void updateTeam(qint64 id, const QJsonObject &patch, Reply<Team> reply);
    /// Refused while keys that are not revoked belong to it.
    void removeTeam(qint64 id, Reply<Done> reply);

    /// Public model names. @p config as in the file's `models:` entry.
    void saveModel(const QByteArray &name, const QJsonObject &config, Reply<Done> reply);
    void updateModel(const QByteArray &name, const QJsonObject &patch, Reply<Done> reply);
    void removeModel(const QByteArray &name, Reply<Done> reply);

    /// @p config as in the price file; counts before the file's and the shipped price of the same
    /// pattern.
    void savePrice(const QByteArray &pattern, const QJsonObject &config, Reply<Done> reply);
    void updatePrice(const QByteArray &pattern, const QJsonObject &patch, Reply<Done> reply);
    /// The file's or the shipped price of the same pattern counts again.
    void removePrice(const QByteArray &pattern, Reply<Done> reply);

    /// Patches the database's part of `rate_limits:`; the file's entries win.
    void updateRateLimits(const QJsonObject &patch, Reply<Done> reply);
    /// "server.host", "server.port", "default_backend", "prices.unknown" or "rate_limits"; null
    /// removes it.
    void saveSetting(const QString &key, const QJsonValue &value, Reply<Done> reply);

    /// The configuration in force in the form of the file; secrets only as the references they are.
    [[nodiscard]] QJsonObject configJson() const;
    /// What the database holds of the configuration, without any secret, for importConfig().
    [[nodiscard]] QJsonObject exportConfig() const;
    /// Makes and changes what an export holds, and removes nothing. When anything in it is wrong,
    /// nothing is changed. @p dryRun: only says what would be done.
    void importConfig(const QJsonObject &json, bool dryRun, Reply<ImportReport> reply);

    /// Who answers the requests of the admin API, in the main thread. Empty: nobody does.
    void setAdminHandler(AdminHandler handler);

    /// Exchange events are only made while somebody looks.
    void setLiveFeedEnabled(bool enabled);

Q_SIGNALS:
    void stateChanged();
    void configChanged();
    void problemsChanged();
    void keysChanged();
    void teamsChanged();
    void pricesChanged();
    /// A first client key was made because there was none. Shown once, never stored.
    void firstKeyCreated(const QByteArray &plaintext);
    void exchangesChanged(const tidegate::ExchangeBatch &batch);
    /// Something else than counters of backendStatus() has changed.
    void backendStatusChanged();
    /// A breaker went into another state; each once, within half a second.
    void breakerChanged(const QByteArray &backend, const tidegate::BreakerEvent &event);
    /// A budget reached its soft threshold or its end; once for each kind and window.
    void budgetEvent(const tidegate::BudgetEvent &event);

private:
    class Private;
    std::unique_ptr<Private> d;
};

} // namespace tidegate
