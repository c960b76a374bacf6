// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/livefilter.h"
#include "app/viewmodels/livemodel.h"

#include <QSortFilterProxyModel>
#include <QtQml/qqmlregistration.h>

namespace tidegate {

/// The exchanges that the Live page shows: LiveModel through the chip and the filter bar.
///
/// Lives in the GUI thread; owned by AppController. Roles are LiveModel's.
class LiveFilterModel : public QSortFilterProxyModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.live")
    /// Rows shown.
    Q_PROPERTY(int count READ rowCountNow NOTIFY rowsChanged FINAL)
    /// The filter as typed. A bad one leaves the last good one in force, see filterError.
    Q_PROPERTY(QString filterText READ filterText WRITE setFilterText NOTIFY filterChanged FINAL)
    /// What is wrong with filterText, one sentence; empty when it is good.
    Q_PROPERTY(QString filterError READ filterError NOTIFY filterChanged FINAL)
    Q_PROPERTY(tidegate::LiveModel::Chip chip READ chip WRITE setChip NOTIFY filterChanged FINAL)
    /// True when a chip other than All or a filter hides rows.
    Q_PROPERTY(bool filtered READ isFiltered NOTIFY filterChanged FINAL)
    /// The view stands still; the gateway goes on.
    Q_PROPERTY(bool paused READ isPaused WRITE setPaused NOTIFY pausedChanged FINAL)
    Q_PROPERTY(int newWhilePaused READ newWhilePaused NOTIFY newWhilePausedChanged FINAL)
    /// The view keeps to the newest row. The page sets it to false when the user scrolls up.
    Q_PROPERTY(bool followTail READ followTail WRITE setFollowTail NOTIFY followTailChanged FINAL)
    Q_PROPERTY(int countAll READ countAll NOTIFY countsChanged FINAL)
    Q_PROPERTY(int countStreaming READ countStreaming NOTIFY countsChanged FINAL)
    Q_PROPERTY(int countOk READ countOk NOTIFY countsChanged FINAL)
    Q_PROPERTY(int countErrors READ countErrors NOTIFY countsChanged FINAL)
    Q_PROPERTY(int countCancelled READ countCancelled NOTIFY countsChanged FINAL)
    /// Exchanges that the gateway served but left out of the list, because there were too many.
    Q_PROPERTY(double dropped READ dropped NOTIFY countsChanged FINAL)
    /// Help for the filter bar: list of {example, meaning}.
    Q_PROPERTY(QVariantList filterHelp READ filterHelp CONSTANT FINAL)

public:
    explicit LiveFilterModel(LiveModel &source, QObject *parent = nullptr);

    [[nodiscard]] int rowCountNow() const { return rowCount(); }
    [[nodiscard]] QString filterText() const { return m_text; }
    [[nodiscard]] QString filterError() const { return m_error; }
    [[nodiscard]] LiveModel::Chip chip() const { return m_chip; }
    [[nodiscard]] bool isFiltered() const;
    [[nodiscard]] bool isPaused() const { return m_source.isPaused(); }
    [[nodiscard]] int newWhilePaused() const { return m_source.newWhilePaused(); }
    [[nodiscard]] bool followTail() const { return m_followTail; }
    [[nodiscard]] int countAll() const { return m_source.count(LiveModel::Chip::All); }
    [[nodiscard]] int countStreaming() const { return m_source.count(LiveModel::Chip::Streaming); }
    [[nodiscard]] int countOk() const { return m_source.count(LiveModel::Chip::Ok); }
    [[nodiscard]] int countErrors() const { return m_source.count(LiveModel::Chip::Errors); }
    [[nodiscard]] int countCancelled() const { return m_source.count(LiveModel::Chip::Cancelled); }
    [[nodiscard]] double dropped() const { return double(m_source.dropped()); }
    [[nodiscard]] static QVariantList filterHelp();

    void setFilterText(const QString &text);
    void setChip(LiveModel::Chip chip);
    void setPaused(bool paused);
    void setFollowTail(bool follow);

    /// Empties the view.
    Q_INVOKABLE void clear();
    /// The exchange in @p row for ExchangeDetail::show(); 0 when there is no such row.
    Q_INVOKABLE double exchangeIdAt(int row) const;
    /// The row of an exchange, -1 when it is not shown.
    Q_INVOKABLE int rowOfExchange(double exchangeId) const;
    /// Adds a term such as `key:ci` to the filter, unless it is there already.
    Q_INVOKABLE void addFilterTerm(const QString &field, const QString &value);

Q_SIGNALS:
    void rowsChanged();
    void filterChanged();
    void pausedChanged();
    void newWhilePausedChanged();
    void followTailChanged();
    void countsChanged();

protected:
    [[nodiscard]] bool filterAcceptsRow(int sourceRow, const QModelIndex &parent) const override;

private:
    LiveModel &m_source;
    LiveFilter m_filter;
    QString m_text;
    QString m_error;
    LiveModel::Chip m_chip = LiveModel::Chip::All;
    bool m_followTail = true;
};

} // namespace tidegate
