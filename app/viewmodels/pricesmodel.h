// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/pricelist.h"

#include <QAbstractListModel>
#include <QVariantMap>
#include <QtQml/qqmlregistration.h>

namespace tidegate {

class GatewayLink;

/// What the models cost; changing a price of one.
///
/// Lives in the GUI thread; owned by AppController.
class PricesModel : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.prices")
    Q_PROPERTY(int count READ count NOTIFY countChanged FINAL)
    /// "Prices of 1 November 2026", empty when the date is not known.
    Q_PROPERTY(QString dateText READ dateText NOTIFY countChanged FINAL)
    /// A price is being saved.
    Q_PROPERTY(bool busy READ isBusy NOTIFY busyChanged FINAL)

public:
    enum Role
    {
        PatternRole = Qt::UserRole + 1, /**< string: model name or glob */
        InputRole,                      /**< string: "$0.15", for a million tokens */
        OutputRole,                     /**< string: the same */
        CachedRole,                     /**< string: the same, "–" when as input */
        OriginTextRole,                 /**< string: "shipped", "yours", "from config file" */
        RemovableRole,                  /**< bool: made in the panel */
        AccessibleTextRole,             /**< string: the row as one sentence */
    };

    explicit PricesModel(GatewayLink &link, QObject *parent = nullptr);

    [[nodiscard]] int rowCount(const QModelIndex &parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex &index, int role) const override;
    [[nodiscard]] QHash<int, QByteArray> roleNames() const override;
    [[nodiscard]] int count() const { return rowCount(); }
    [[nodiscard]] QString dateText() const;
    [[nodiscard]] bool isBusy() const { return m_busy; }

    /// The fields of the dialog, see policyform::priceFromConfig(), and `pattern`.
    Q_INVOKABLE QVariantMap form(const QString &pattern) const;
    /// What is wrong, by field.
    Q_INVOKABLE QVariantMap problems(const QVariantMap &form) const;
    /// Ends in saved() or failed().
    Q_INVOKABLE void save(const QVariantMap &form);
    /// Back to the shipped price, or to none. Ends in saved() or failed().
    Q_INVOKABLE void remove(const QString &pattern);

Q_SIGNALS:
    void countChanged();
    void busyChanged();
    void saved();
    void failed(const QString &message);

private:
    [[nodiscard]] const PriceEntry *find(const QString &pattern) const;
    void reload();
    void finish(const QString &error);

    GatewayLink &m_link;
    PriceList m_prices;
    bool m_busy = false;
};

} // namespace tidegate
