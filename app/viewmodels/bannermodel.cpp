// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/bannermodel.h"

#include <algorithm>

namespace tidegate {

int BannerModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : int(m_banners.size());
}

QVariant BannerModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const Banner &banner = m_banners[index.row()];
    switch (role) {
    case BannerIdRole:
        return banner.id;
    case SeverityRole:
        return int(banner.severity);
    case SeverityTextRole:
        return banner.severity == Severity::Error     ? tr("Error")
               : banner.severity == Severity::Warning ? tr("Warning")
                                                      : tr("Note");
    case TextRole:
    case Qt::DisplayRole:
        return banner.text;
    case ActionTextRole:
        return banner.actionText;
    case DismissibleRole:
        return banner.dismissible;
    default:
        return {};
    }
}

QHash<int, QByteArray> BannerModel::roleNames() const
{
    return {
        {BannerIdRole, "bannerId"},         {SeverityRole, "severity"},
        {SeverityTextRole, "severityText"}, {TextRole, "text"},
        {ActionTextRole, "actionText"},     {DismissibleRole, "dismissible"},
    };
}

void BannerModel::trigger(const QString &id)
{
    const int row = rowOf(id);
    if (row >= 0 && m_banners[row].action) {
        // A copy: the action may withdraw its banner.
        const std::function<void()> action = m_banners[row].action;
        action();
    }
}

void BannerModel::dismiss(const QString &id)
{
    const int row = rowOf(id);
    if (row < 0 || !m_banners[row].dismissible) {
        return;
    }
    m_dismissed.insert(id, m_banners[row].text);
    removeAt(row);
}

void BannerModel::show(Banner banner)
{
    const auto dismissed = m_dismissed.constFind(banner.id);
    if (dismissed != m_dismissed.cend()) {
        if (*dismissed == banner.text) {
            return;
        }
        m_dismissed.erase(dismissed);
    }
    const int row = rowOf(banner.id);
    if (row >= 0 && m_banners[row].severity == banner.severity) {
        m_banners[row] = std::move(banner);
        Q_EMIT dataChanged(index(row), index(row));
        return;
    }
    if (row >= 0) {
        removeAt(row);
    }
    const auto place =
        std::find_if(m_banners.cbegin(), m_banners.cend(),
                     [&banner](const Banner &other) { return other.severity > banner.severity; });
    const int at = int(place - m_banners.cbegin());
    beginInsertRows({}, at, at);
    m_banners.insert(at, std::move(banner));
    endInsertRows();
    Q_EMIT countChanged();
}

void BannerModel::withdraw(const QString &id)
{
    m_dismissed.remove(id);
    const int row = rowOf(id);
    if (row >= 0) {
        removeAt(row);
    }
}

int BannerModel::rowOf(const QString &id) const
{
    for (int row = 0; row < m_banners.size(); ++row) {
        if (m_banners[row].id == id) {
            return row;
        }
    }
    return -1;
}

void BannerModel::removeAt(int row)
{
    beginRemoveRows({}, row, row);
    m_banners.removeAt(row);
    endRemoveRows();
    Q_EMIT countChanged();
}

} // namespace tidegate
