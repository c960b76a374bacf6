// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"
#include "gateway/engine/gateway.h"

#include <QAbstractListModel>
#include <QVariantList>
#include <QVariantMap>
#include <QtQml/qqmlregistration.h>

namespace tidegate {

class GatewayLink;

/// The public model names with their targets; make, change, order and remove them.
///
/// Lives in the GUI thread; owned by AppController.
class ModelsModel : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.models")
    Q_PROPERTY(int count READ count NOTIFY countChanged FINAL)
    /// For the choice of a strategy: list of {value, text, hint}.
    Q_PROPERTY(QVariantList strategies READ strategies CONSTANT FINAL)
    /// All names that a client may ask for as they are written: public ones, aliases without
    /// wildcards, and what backends list.
    Q_PROPERTY(QStringList askable READ askable NOTIFY askableChanged FINAL)
    /// A model is being saved or removed.
    Q_PROPERTY(bool busy READ isBusy NOTIFY busyChanged FINAL)

public:
    enum Role
    {
        NameRole = Qt::UserRole + 1, /**< string: public name */
        TargetsRole,        /**< list of {backend, model, weight, shareText, known (bool)} */
        StrategyTextRole,   /**< string: "By weight" */
        StrategyHintRole,   /**< string: one sentence on it */
        NotesRole,          /**< list of {icon, label, value}: aliases, fallbacks, affinity, … */
        OriginTextRole,     /**< string: "from config file", else empty */
        ReadOnlyRole,       /**< bool: set by the file, cannot be changed here */
        AccessibleTextRole, /**< string: the row as one sentence */
    };

    explicit ModelsModel(GatewayLink &link, QObject *parent = nullptr);

    [[nodiscard]] int rowCount(const QModelIndex &parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex &index, int role) const override;
    [[nodiscard]] QHash<int, QByteArray> roleNames() const override;
    [[nodiscard]] int count() const { return rowCount(); }
    [[nodiscard]] static QVariantList strategies();
    [[nodiscard]] QStringList askable() const;
    [[nodiscard]] bool isBusy() const { return m_pending > 0; }

    /// What is wrong with a name for a new model; empty when it can be used.
    Q_INVOKABLE QString nameProblem(const QString &name) const;
    /// The fields of the dialog, see modelform; of a new model for an unknown name.
    Q_INVOKABLE QVariantMap form(const QString &name) const;
    Q_INVOKABLE static QVariantMap formProblems(const QVariantMap &form);
    /// Ends in saved() or failed().
    Q_INVOKABLE void save(const QString &name, const QVariantMap &form);
    /// Puts the target @p from at the place @p to. Ends in saved() or failed().
    Q_INVOKABLE void moveTarget(const QString &name, int from, int to);
    /// Ends in removed() or failed().
    Q_INVOKABLE void remove(const QString &name);

Q_SIGNALS:
    void countChanged();
    void askableChanged();
    void busyChanged();
    void saved(const QString &name);
    void removed(const QString &name);
    void failed(const QString &message);

private:
    [[nodiscard]] const ModelConfig *find(const QString &name) const;
    [[nodiscard]] QVariantList targets(const ModelConfig &model) const;
    [[nodiscard]] static QVariantList notes(const ModelConfig &model);
    void store(const QString &name, const QJsonObject &config);
    void reload();
    void changePending(int by);

    GatewayLink &m_link;
    ConfigPtr m_config; ///< its models are the rows
    int m_pending = 0;
};

} // namespace tidegate
