// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/limituse.h"
#include "app/viewmodels/wallclock.h"
#include "gateway/policy/team.h"

#include <QAbstractListModel>
#include <QHash>
#include <QStringList>
#include <QVariantMap>
#include <QtQml/qqmlregistration.h>

#include <vector>

namespace tidegate {

class GatewayLink;
class KeysModel;

/// The teams with their members and what they use of their limits; make, change and remove them.
///
/// Lives in the GUI thread; owned by AppController.
class TeamsModel : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.teams")
    Q_PROPERTY(int count READ count NOTIFY countChanged FINAL)
    /// For the choice of a key's team.
    Q_PROPERTY(QStringList names READ names NOTIFY countChanged FINAL)
    /// A team is being saved or removed.
    Q_PROPERTY(bool busy READ isBusy NOTIFY busyChanged FINAL)

public:
    enum Role
    {
        TeamIdRole = Qt::UserRole + 1, /**< double: for save() and remove() */
        NameRole,                      /**< string: name */
        MembersTextRole,               /**< string: "3 keys: ci, notebook, editor" */
        ReadOnlyRole,                  /**< bool: from the file, not changed here */
        RequestsBarRole,               /**< map: see usebar */
        TokensBarRole,                 /**< map: see usebar */
        BudgetBarRole,                 /**< map: see usebar */
        AccessibleTextRole,            /**< string: the row as one sentence */
    };

    TeamsModel(GatewayLink &link, const KeysModel &keys, WallClock clock = wallClock(),
               QObject *parent = nullptr);

    [[nodiscard]] int rowCount(const QModelIndex &parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex &index, int role) const override;
    [[nodiscard]] QHash<int, QByteArray> roleNames() const override;
    [[nodiscard]] int count() const { return rowCount(); }
    [[nodiscard]] QStringList names() const;
    [[nodiscard]] bool isBusy() const { return m_pending > 0; }

    /// What is wrong with a name for a team; empty when it can be used. @p id 0: a new team.
    Q_INVOKABLE QString nameProblem(const QString &name, double id = 0) const;
    /// The fields of the dialog, see policyform; of a new team for an id that is not known.
    Q_INVOKABLE QVariantMap form(double id) const;
    Q_INVOKABLE QVariantMap formProblems(const QVariantMap &form) const;
    /// @p id 0: a new one. Ends in saved() or failed().
    Q_INVOKABLE void save(double id, const QString &name, const QVariantMap &form);
    /// Only without keys in force. Ends in removed() or failed().
    Q_INVOKABLE void remove(double id);

    [[nodiscard]] QHash<qint64, QString> namesById() const;
    void setLimitUse(const std::vector<LimitUse> &uses);

Q_SIGNALS:
    void countChanged();
    void busyChanged();
    void saved(const QString &name);
    void removed(const QString &name);
    void failed(const QString &message);

private:
    [[nodiscard]] const Team *find(double id) const;
    [[nodiscard]] LimitUse useOf(const Team &team) const;
    [[nodiscard]] QString membersText(const Team &team) const;
    void reload();
    void changePending(int by);

    GatewayLink &m_link;
    const KeysModel &m_keys;
    WallClock m_clock;
    std::vector<Team> m_teams;
    QHash<qint64, LimitUse> m_uses;
    int m_pending = 0;
};

} // namespace tidegate
