// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractListModel>
#include <QStringList>
#include <QVariantList>
#include <QtQml/qqmlregistration.h>

#include <vector>

namespace tidegate {

/// A table of texts that can be sorted by each column: the twin of a chart.
///
/// Lives in the GUI thread; owned by UsageModel.
class UsageTable : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.usage")
    Q_PROPERTY(int count READ count NOTIFY countChanged FINAL)
    /// Maps with `title` and `number` (right-aligned, in figures of one width).
    Q_PROPERTY(QVariantList columns READ columns NOTIFY countChanged FINAL)
    Q_PROPERTY(int sortColumn READ sortColumn NOTIFY sortingChanged FINAL)
    Q_PROPERTY(bool descending READ isDescending NOTIFY sortingChanged FINAL)

public:
    enum Role
    {
        CellsRole = Qt::UserRole + 1, /**< list of strings, one for each column */
        ColorRole,                    /**< int: index of the series' colour, -1: none */
        AccessibleTextRole,           /**< string: the row as one sentence */
    };

    struct Column
    {
        QString title;
        bool number = true;
    };
    struct Cell
    {
        QString text;
        double order = 0; ///< what it is sorted by; not used in columns of text
    };
    struct Row
    {
        std::vector<Cell> cells;
        int color = -1;
    };

    /// Sorted by @p sortColumn at first, biggest first when @p descending.
    UsageTable(int sortColumn, bool descending, QObject *parent = nullptr);

    [[nodiscard]] int rowCount(const QModelIndex &parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex &index, int role) const override;
    [[nodiscard]] QHash<int, QByteArray> roleNames() const override;
    [[nodiscard]] int count() const { return rowCount(); }
    [[nodiscard]] QVariantList columns() const;
    [[nodiscard]] int sortColumn() const { return m_sortColumn; }
    [[nodiscard]] bool isDescending() const { return m_descending; }

    /// Sorts by a column; the same one again turns the order around.
    Q_INVOKABLE void sortBy(int column);

    void setRows(std::vector<Column> columns, std::vector<Row> rows);

Q_SIGNALS:
    void countChanged();
    void sortingChanged();

private:
    void arrange();

    std::vector<Column> m_columns;
    std::vector<Row> m_rows;
    int m_sortColumn;
    bool m_descending;
};

} // namespace tidegate
