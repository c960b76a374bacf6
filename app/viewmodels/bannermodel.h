// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractListModel>
#include <QHash>
#include <QList>
#include <QString>
#include <QtQml/qqmlregistration.h>

#include <functional>

namespace tidegate {

/// Messages under the header that stay until their cause is gone or they are dismissed.
///
/// Lives in the GUI thread; owned by AppController. The gravest come first.
class BannerModel : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.banners")
    Q_PROPERTY(int count READ count NOTIFY countChanged FINAL)

public:
    enum class Severity
    {
        Error,
        Warning,
        Info
    };
    Q_ENUM(Severity)

    enum Role
    {
        BannerIdRole = Qt::UserRole + 1, /**< string: for trigger() and dismiss() */
        SeverityRole,                    /**< BannerModel.Severity as int */
        SeverityTextRole,                /**< string: one word, translated */
        TextRole,                        /**< string: what, why and what next */
        ActionTextRole,                  /**< string: label of the one action, empty for none */
        DismissibleRole,                 /**< bool */
    };

    struct Banner
    {
        QString id;
        Severity severity = Severity::Info;
        QString text;
        QString actionText;
        std::function<void()> action;
        bool dismissible = true;
    };

    using QAbstractListModel::QAbstractListModel;

    [[nodiscard]] int rowCount(const QModelIndex &parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex &index, int role) const override;
    [[nodiscard]] QHash<int, QByteArray> roleNames() const override;
    [[nodiscard]] int count() const { return rowCount(); }

    /// Runs the action of a banner.
    Q_INVOKABLE void trigger(const QString &id);
    /// Takes a banner away; the same text does not come back before its cause was gone once.
    Q_INVOKABLE void dismiss(const QString &id);

    /// Adds or replaces the banner of that id.
    void show(Banner banner);
    /// The cause is gone.
    void withdraw(const QString &id);

Q_SIGNALS:
    void countChanged();

private:
    [[nodiscard]] int rowOf(const QString &id) const;
    void removeAt(int row);

    QList<Banner> m_banners;
    QHash<QString, QString> m_dismissed; ///< id to the text that was dismissed
};

} // namespace tidegate
