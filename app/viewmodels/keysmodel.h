// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/wallclock.h"
#include "gateway/policy/clientkey.h"

#include <QAbstractListModel>
#include <QHash>
#include <QtQml/qqmlregistration.h>

#include <vector>

namespace tidegate {

class GatewayLink;

/// The client keys, newest first, and making and revoking them.
///
/// Lives in the GUI thread; owned by AppController. Only created() ever carries a whole key.
class KeysModel : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.keys")
    Q_PROPERTY(int count READ count NOTIFY countChanged FINAL)
    Q_PROPERTY(int activeCount READ activeCount NOTIFY countChanged FINAL)
    /// A key is being made or revoked.
    Q_PROPERTY(bool busy READ isBusy NOTIFY busyChanged FINAL)

public:
    enum Role
    {
        KeyIdRole = Qt::UserRole + 1, /**< double: for revoke(); negative for keys from the file */
        NameRole,                     /**< string: name */
        PrefixRole,                   /**< string: "tg-…f3a1" */
        CreatedTextRole,              /**< string: relative, "3 days ago" */
        CreatedTooltipRole,           /**< string: absolute local date and time */
        LastUsedTextRole,             /**< string: relative, or "never" */
        LastUsedTooltipRole,          /**< string: absolute, empty when never used */
        StateRole,                    /**< KeysModel.State as int */
        StateTextRole,                /**< string: one word, translated */
        ReadOnlyRole,                 /**< bool: from file or environment, cannot be revoked here */
        CanRevokeRole,                /**< bool: in force and not read-only */
        ModelsTextRole,               /**< string: allowed models, "every model" when not limited */
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
    [[nodiscard]] bool isBusy() const { return m_pending > 0; }

    /// What is wrong with a name for a new key; empty when it can be used.
    Q_INVOKABLE QString nameProblem(const QString &name) const;
    /// Ends in created() or failed().
    Q_INVOKABLE void create(const QString &name);
    /// Ends in revoked() or failed().
    Q_INVOKABLE void revoke(double id);

    /// @p lastUsedUs: ClientKey::id to microseconds since 1970 UTC.
    void setLastUsed(const QHash<qint64, qint64> &lastUsedUs);
    [[nodiscard]] QHash<qint64, QString> names() const;

Q_SIGNALS:
    void countChanged();
    void busyChanged();
    /// The only time that the key itself can be seen.
    void created(const QString &plaintext, const QString &name);
    void revoked(const QString &name);
    void failed(const QString &message);

private:
    [[nodiscard]] State stateOf(const ClientKey &key) const;
    [[nodiscard]] QString stateText(const ClientKey &key) const;
    [[nodiscard]] QString lastUsedText(const ClientKey &key) const;
    void reload();
    void changePending(int by);

    GatewayLink &m_link;
    WallClock m_clock;
    std::vector<ClientKey> m_keys;
    QHash<qint64, qint64> m_lastUsedUs;
    int m_pending = 0;
};

} // namespace tidegate
