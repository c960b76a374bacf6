// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/backendactivity.h"
#include "app/viewmodels/sessionsecrets.h"
#include "app/viewmodels/wallclock.h"
#include "gateway/config/configsnapshot.h"
#include "gateway/engine/backendstatus.h"
#include "gateway/engine/gateway.h"

#include <QAbstractListModel>
#include <QHash>
#include <QTimer>
#include <QVariantList>
#include <QVariantMap>
#include <QtQml/qqmlregistration.h>

#include <functional>
#include <vector>

namespace tidegate {

class GatewayLink;

/// The backends in force and how they are doing, by priority; adding, changing, ordering, testing
/// and removing them, and what people do to them by hand.
///
/// Lives in the GUI thread; owned by AppController. Keys go to the keychain, never into the
/// configuration; the model never gives a key back.
class BackendsModel : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.backends")
    Q_PROPERTY(int count READ count NOTIFY countChanged FINAL)
    /// For the type combo, in order: list of {type, label, defaultUrl, needsKey, needsUrl, hint}.
    Q_PROPERTY(QVariantList typeInfo READ typeInfo CONSTANT FINAL)
    /// How the advanced part of the form looks, see backendform::groups().
    Q_PROPERTY(QVariantList advancedGroups READ advancedGroups CONSTANT FINAL)
    /// A save or removal is on its way.
    Q_PROPERTY(bool busy READ isBusy NOTIFY busyChanged FINAL)
    /// A test() is on its way.
    Q_PROPERTY(bool testing READ isTesting NOTIFY busyChanged FINAL)
    /// Somebody looks: the gateway is asked once a second how the backends are.
    Q_PROPERTY(bool watched READ isWatched WRITE setWatched NOTIFY watchedChanged FINAL)
    Q_PROPERTY(QStringList names READ names NOTIFY namesChanged FINAL)

public:
    enum Role
    {
        NameRole = Qt::UserRole + 1, /**< string: unique name */
        TypeRole,                    /**< string: as in the file, "openai" */
        TypeLabelRole,               /**< string: for people, "OpenAI" */
        UrlRole,                     /**< string: base URL, empty for echo and noop */
        KeyStateRole,                /**< BackendsModel.KeyState as int */
        KeyStateTextRole,   /**< string: "in keychain ✓", "from environment", "missing", … */
        ModelsRole,         /**< list of strings: names and patterns it serves */
        ModelsTextRole,     /**< string: the same, comma-separated, or "any model" */
        OriginTextRole,     /**< string: "from config file" or "from environment", else empty */
        ReadOnlyRole,       /**< bool: set by file or environment, cannot be changed here */
        DefaultRole,        /**< bool: unknown models go here */
        TestStateRole,      /**< BackendsModel.TestState as int */
        TestTextRole,       /**< string: result of the last test of this row, else empty */
        RankRole,           /**< int: 1 for the first to be tried; equals share a rank */
        PriorityTextRole,   /**< string: "Priority 20", with whom it shares it */
        ConditionRole,      /**< BackendsModel.Condition as int */
        ConditionTextRole,  /**< string: one or two words: "Healthy" */
        ReasonTextRole,     /**< string: one sentence on the condition; may be empty */
        LoadTextRole,       /**< string: "3 of 8 busy, 1 waiting" */
        LatenciesRole,      /**< list of numbers: ms per slice of time, -1: no answers */
        ErrorsRole,         /**< list of numbers: share of failures per slice, -1: no requests */
        LatencyTextRole,    /**< string: typical time to the first byte, "–" when not known */
        ErrorTextRole,      /**< string: "0.4 %", "–" without requests */
        RateTextRole,       /**< string: "12/min", "–" without requests */
        AccessibleTextRole, /**< string: the row as one sentence */
    };

    enum class KeyState
    {
        NotNeeded,
        Ready,
        Pending,
        Missing,
        Locked,
        Unavailable
    };
    Q_ENUM(KeyState)
    enum class TestState
    {
        Untested,
        Running,
        Passed,
        Failed
    };
    Q_ENUM(TestState)

    /// How a backend is doing, in one word: what counts first when several are true.
    enum class Condition
    {
        Unknown,
        Healthy,
        Loading,
        Probing,
        Cooling,
        Draining,
        Starting,
        Stopping,
        Stopped,
        Unconfirmed,
        NoKey,
        Unhealthy,
        Open,
        Broken
    };
    Q_ENUM(Condition)

    /// @p secrets is not owned.
    BackendsModel(GatewayLink &link, SessionSecrets &secrets, WallClock clock = wallClock(),
                  QObject *parent = nullptr);

    [[nodiscard]] int rowCount(const QModelIndex &parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex &index, int role) const override;
    [[nodiscard]] QHash<int, QByteArray> roleNames() const override;
    [[nodiscard]] int count() const { return rowCount(); }
    [[nodiscard]] bool isBusy() const { return m_pending > 0; }
    [[nodiscard]] bool isTesting() const { return m_testing > 0; }
    [[nodiscard]] static QVariantList typeInfo();
    [[nodiscard]] static QVariantList advancedGroups();
    /// The typeInfo entry of @p type; empty when unknown.
    Q_INVOKABLE static QVariantMap typeInfoFor(const QString &type);

    /// What the edit form starts from: {name, type, url, models (list), priority, weight,
    /// allowPrivateNetwork, advanced (map, see backendform), hasKey, readOnly}; empty for an
    /// unknown name.
    Q_INVOKABLE QVariantMap get(const QString &name) const;
    /// The advanced part of a new backend.
    Q_INVOKABLE static QVariantMap emptyAdvanced();
    /// What is wrong in the advanced part, by field.
    Q_INVOKABLE static QVariantMap advancedProblems(const QVariantMap &form);
    /// What is wrong with a name for a new backend; empty when it can be used.
    Q_INVOKABLE QString nameProblem(const QString &name) const;
    /// A free name for a backend of that type: "ollama", "ollama-2".
    Q_INVOKABLE QString suggestedName(const QString &type) const;

    /// Adds or changes a backend. @p backend has the keys of get(); @p key empty keeps the key
    /// there is. A key goes to the keychain first. Ends in saved() or saveFailed().
    Q_INVOKABLE void save(const QVariantMap &backend, const QString &key);
    /// As save(), but the key is only kept in memory until the program ends.
    Q_INVOKABLE void saveForSession(const QVariantMap &backend, const QString &key);
    /// Ends in removed() or removeFailed(). The keychain entry goes too, if nobody else uses it.
    Q_INVOKABLE void remove(const QString &name);
    /// Tries a backend as in the form, without saving. Ends in testFinished().
    Q_INVOKABLE void test(const QVariantMap &backend, const QString &key);
    /// Tries a saved backend; the result is shown in its row, and told by testFinished().
    Q_INVOKABLE void testSaved(const QString &name);
    /// Puts a backend at the place @p to of the list by changing priorities. Ends in moved() or
    /// actionFailed().
    Q_INVOKABLE void move(const QString &name, int to);

    // Each of these ends in actionDone() or actionFailed().

    Q_INVOKABLE void drain(const QString &name);
    Q_INVOKABLE void resume(const QString &name);
    /// @p seconds 0: until it is reset.
    Q_INVOKABLE void trip(const QString &name, int seconds);
    Q_INVOKABLE void resetBreaker(const QString &name);
    Q_INVOKABLE void confirmCommand(const QString &name);
    Q_INVOKABLE void startManaged(const QString &name);
    Q_INVOKABLE void stopManaged(const QString &name);

    /// Asks the keychain again, e.g. after it was unlocked.
    Q_INVOKABLE void retryKeychain();

    /// Null for an unknown name.
    [[nodiscard]] const BackendConfig *find(const QString &name) const;
    /// As the gateway last told; empty before it did.
    [[nodiscard]] BackendStatus statusOf(const QString &name) const;
    [[nodiscard]] static Condition conditionOf(const BackendConfig &backend,
                                               const BackendStatus &status);
    [[nodiscard]] static QString conditionText(Condition condition);
    [[nodiscard]] QString reasonText(const BackendConfig &backend,
                                     const BackendStatus &status) const;
    [[nodiscard]] static QString loadText(const BackendStatus &status);
    [[nodiscard]] static QString typeLabel(const QString &type);
    [[nodiscard]] static bool isReadOnly(const BackendConfig &backend);
    [[nodiscard]] static QString originText(const BackendConfig &backend);
    [[nodiscard]] bool isWatched() const { return m_timer.isActive() || m_watchedOnce; }
    void setWatched(bool watched);
    /// Asks only when somebody begins to look: for screenshots.
    void setFrozen(bool frozen) { m_frozen = frozen; }
    [[nodiscard]] QStringList names() const;
    /// For latencies and errors.
    void applyBatch(const ExchangeBatch &batch) { m_activity.add(batch); }
    /// Asks the gateway how the backends are.
    void refresh();

    /// What a saved backend listed when it was tested; empty before.
    [[nodiscard]] QStringList modelsOf(const QString &name) const;
    [[nodiscard]] TestState testStateOf(const QString &name) const;
    [[nodiscard]] QString testTextOf(const QString &name) const;
    [[nodiscard]] static QString keyStateText(const BackendConfig &backend);

Q_SIGNALS:
    void countChanged();
    void namesChanged();
    void busyChanged();
    void watchedChanged();
    /// statusOf() may say something new.
    void statusChanged();
    void moved(const QString &name);
    /// Something was done by hand; @p message says what.
    void actionDone(const QString &name, const QString &message);
    void actionFailed(const QString &name, const QString &message);
    void saved(const QString &name);
    /// @p canUseForSession: the keychain did not take the key; saveForSession() would work.
    void saveFailed(const QString &name, const QString &message, bool canUseForSession);
    void removed(const QString &name);
    void removeFailed(const QString &name, const QString &message);
    void testFinished(const QString &name, bool ok, const QString &message,
                      const QStringList &models);

private:
    struct TestResult
    {
        TestState state = TestState::Untested;
        QString text;
        QStringList models;
    };

    void reload();
    void store(const QVariantMap &backend, const QString &keyReference);
    void changePending(int by);
    void changeTesting(int by);
    void setTestResult(const QString &name, TestResult result);
    [[nodiscard]] QVariant statusData(const BackendConfig &backend, int row, int role) const;
    [[nodiscard]] int rankOf(int row) const;
    [[nodiscard]] QString priorityText(int row) const;
    /// A reply that ends the pending call and says how it went.
    [[nodiscard]] Gateway::Reply<Done> reply(const QString &name, const QString &done);
    [[nodiscard]] QJsonObject toConfig(const QVariantMap &backend,
                                       const QString &keyReference) const;

    GatewayLink &m_link;
    SessionSecrets &m_secrets;
    WallClock m_clock;
    ConfigPtr m_config;
    std::vector<const BackendConfig *> m_rows; ///< into m_config
    QHash<QByteArray, BackendStatus> m_status;
    BackendActivity m_activity;
    QTimer m_timer; ///< while somebody looks
    bool m_frozen = false;
    bool m_watchedOnce = false; ///< looked at while frozen
    QHash<QString, TestResult> m_tests;
    int m_pending = 0;
    int m_testing = 0;
};

} // namespace tidegate
