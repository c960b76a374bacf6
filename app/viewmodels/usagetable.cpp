// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/usagetable.h"

#include <QVariantMap>

#include <algorithm>
#include <utility>

namespace tidegate {

UsageTable::UsageTable(int sortColumn, bool descending, QObject *parent)
    : QAbstractListModel(parent)
    , m_sortColumn(sortColumn)
    , m_descending(descending)
{
}

int UsageTable::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : int(m_rows.size());
}

QVariant UsageTable::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const Row &row = m_rows[size_t(index.row())];
    switch (role) {
    case CellsRole: {
        QStringList cells;
        for (const Cell &cell : row.cells) {
            cells << cell.text;
        }
        return cells;
    }
    case ColorRole:
        return row.color;
    case AccessibleTextRole:
    case Qt::AccessibleTextRole:
    case Qt::DisplayRole: {
        QStringList parts;
        for (size_t i = 0; i < row.cells.size() && i < m_columns.size(); ++i) {
            //: Read aloud: a column's title and its value
            parts << (i == 0 ? row.cells[i].text
                             : tr("%1: %2").arg(m_columns[i].title, row.cells[i].text));
        }
        return parts.join(QStringLiteral(", "));
    }
    default:
        return {};
    }
}

QHash<int, QByteArray> UsageTable::roleNames() const
{
    return {
        {CellsRole, "cells"}, {ColorRole, "colorIndex"}, {AccessibleTextRole, "accessibleText"}};
}

QVariantList UsageTable::columns() const
{
    QVariantList list;
    for (const Column &column : m_columns) {
        list << QVariantMap{{QStringLiteral("title"), column.title},
                            {QStringLiteral("number"), column.number}};
    }
    return list;
}

void UsageTable::sortBy(int column)
{
    if (column < 0 || column >= int(m_columns.size())) {
        return;
    }
    // Numbers are asked for from the top, names from A.
    m_descending = column == m_sortColumn ? !m_descending : m_columns[size_t(column)].number;
    m_sortColumn = column;
    Q_EMIT layoutAboutToBeChanged({}, VerticalSortHint);
    arrange();
    Q_EMIT layoutChanged({}, VerticalSortHint);
    Q_EMIT sortingChanged();
}

void UsageTable::setRows(std::vector<Column> columns, std::vector<Row> rows)
{
    beginResetModel();
    m_columns = std::move(columns);
    m_rows = std::move(rows);
    arrange();
    endResetModel();
    Q_EMIT countChanged();
}

void UsageTable::arrange()
{
    const auto column = size_t(m_sortColumn);
    if (column >= m_columns.size()) {
        return;
    }
    const bool number = m_columns[column].number;
    std::stable_sort(m_rows.begin(), m_rows.end(),
                     [column, number, descending = m_descending](const Row &a, const Row &b) {
                         const Cell &one = descending ? b.cells[column] : a.cells[column];
                         const Cell &other = descending ? a.cells[column] : b.cells[column];
                         return number ? one.order < other.order
                                       : one.text.localeAwareCompare(other.text) < 0;
                     });
}

} // namespace tidegate
