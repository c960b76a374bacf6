// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/limituse.h"
#include "app/viewmodels/wallclock.h"
#include "gateway/policy/clientkey.h"

#include <QAbstractListModel>
#include <QHash>
#include <QVariantMap>
#include <QtQml/qqmlregistration.h>

#include <vector>

namespace tidegate {

class GatewayLink;

/// The client keys, newest first, with what they use of their limits; and all that can be done to
/// them.
///
/// Lives in the GUI thread; owned by AppController. Only created() and rotated() ever carry a whole
/// key.
class KeysModel : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.keys")
    Q_PROPERTY(int count READ count NOTIFY countChanged FINAL)
    Q_PROPERTY(int activeCount READ activeCount NOTIFY countChanged FINAL)
    /// Names of the keys that let requests in.
    Q_PROPERTY(QStringList activeNames READ activeNames NOTIFY countChanged FINAL)
    /// A key is being made or changed.
    Q_PROPERTY(bool busy READ isBusy NOTIFY busyChanged FINAL)

public:
    enum Role
    {
        KeyIdRole = Qt::UserRole + 1, /**< double: for the calls below; negative: from the file */
        NameRole,                     /**< string: name */
        PrefixRole,                   /**< string: "tg-…f3a1" */
        TeamRole,                     /**< string: name of the team, may be empty */
        CreatedTextRole,              /**< string: relative, "3 days ago" */
        CreatedTooltipRole,           /**< string: absolute local date and time */
        LastUsedTextRole,             /**< string: relative, or "never" */
        LastUsedTooltipRole,          /**< string: absolute, empty when never used */
        StateRole,                    /**< KeysModel.State as int */
        StateTextRole,                /**< string: one word, translated */
        ReadOnlyRole,                 /**< bool: from file or environment, not changed here */
        CanRevokeRole,                /**< bool: in force and not read-only */
        ModelsTextRole,               /**< string: allowed models, "every model" when not limited */
        ExpiryTextRole,               /**< string: "expires 31 Jan 2027", empty for never */
        RequestsBarRole,              /**< map: see usebar */
        TokensBarRole,                /**< map: see usebar */
        BudgetBarRole,                /**< map: see usebar */
        AccessibleTextRole,           /**< string: the row as one sentence */
    };

    enum class State
    {
        Active,
        Revoked,
        Expired,
        Disabled
    };
    Q_ENUM(State)

    explicit KeysModel(GatewayLink &link, WallClock clock = wallClock(), QObject *parent = nullptr);

    [[nodiscard]] int rowCount(const QModelIndex &parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex &index, int role) const override;
    [[nodiscard]] QHash<int, QByteArray> roleNames() const override;
    [[nodiscard]] int count() const { return rowCount(); }
    [[nodiscard]] int activeCount() const;
    [[nodiscard]] QStringList activeNames() const;
    [[nodiscard]] bool isBusy() const { return m_pending > 0; }

    /// What is wrong with a name for a key; empty when it can be used. @p id 0: a new key.
    Q_INVOKABLE QString nameProblem(const QString &name, double id = 0) const;
    /// The fields of the dialog, see policyform; of a new key for an id that is not known.
    Q_INVOKABLE QVariantMap form(double id) const;
    Q_INVOKABLE QVariantMap formProblems(const QVariantMap &form) const;

    /// Ends in created() or failed().
    Q_INVOKABLE void create(const QString &name, const QVariantMap &form = {});
    /// Ends in updated() or failed().
    Q_INVOKABLE void update(double id, const QString &name, const QVariantMap &form);
    /// Ends in disabledChanged() or failed().
    Q_INVOKABLE void setDisabled(double id, bool disabled);
    /// A new key in place of the old one, which works for @p overlapHours more. Ends in rotated()
    /// or failed().
    Q_INVOKABLE void rotate(double id, int overlapHours);
    /// Ends in revoked() or failed().
    Q_INVOKABLE void revoke(double id);
    /// Takes the key out of the list for good; usage keeps its name. Ends in removed() or failed().
    Q_INVOKABLE void remove(double id);

    /// @p lastUsedUs: ClientKey::id to microseconds since 1970 UTC.
    void setLastUsed(const QHash<qint64, qint64> &lastUsedUs);
    void setLimitUse(const std::vector<LimitUse> &uses);
    [[nodiscard]] QHash<qint64, QString> names() const;
    /// How many keys in force are in the team of that name.
    [[nodiscard]] QStringList membersOf(const QString &team) const;
    /// All that the list shows, for a spreadsheet.
    [[nodiscard]] QByteArray csv() const;

Q_SIGNALS:
    void countChanged();
    void busyChanged();
    /// The only time that the key itself can be seen.
    void created(const QString &plaintext, const QString &name);
    /// The same, for the key that takes the place of an old one.
    void rotated(const QString &plaintext, const QString &name, int overlapHours);
    void updated(const QString &name);
    void disabledChanged(double id, const QString &name, bool disabled);
    void revoked(const QString &name);
    void removed(const QString &name);
    void failed(const QString &message);

private:
    [[nodiscard]] const ClientKey *find(double id) const;
    [[nodiscard]] State stateOf(const ClientKey &key) const;
    [[nodiscard]] QString stateText(const ClientKey &key) const;
    [[nodiscard]] QString lastUsedText(const ClientKey &key) const;
    [[nodiscard]] QString accessibleText(const ClientKey &key) const;
    /// With the limits of the configuration until the use is known.
    [[nodiscard]] LimitUse useOf(const ClientKey &key) const;
    void reload();
    void changePending(int by);
    /// A reply that ends the pending call, and reports its failure or goes on with @p then.
    template <typename T, typename Then>
    auto reply(Then then);

    GatewayLink &m_link;
    WallClock m_clock;
    std::vector<ClientKey> m_keys;
    QHash<qint64, qint64> m_lastUsedUs;
    QHash<qint64, LimitUse> m_uses;
    int m_pending = 0;
};

} // namespace tidegate
