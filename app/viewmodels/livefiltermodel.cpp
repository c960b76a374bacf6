// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/livefiltermodel.h"

#include <QVariantMap>

namespace tidegate {

LiveFilterModel::LiveFilterModel(LiveModel &source, QObject *parent)
    : QSortFilterProxyModel(parent)
    , m_source(source)
{
    setSourceModel(&source);
    connect(&source, &LiveModel::countsChanged, this, &LiveFilterModel::countsChanged);
    connect(&source, &LiveModel::pausedChanged, this, &LiveFilterModel::pausedChanged);
    connect(&source, &LiveModel::newWhilePausedChanged, this,
            &LiveFilterModel::newWhilePausedChanged);
    connect(this, &QAbstractItemModel::rowsInserted, this, &LiveFilterModel::rowsChanged);
    connect(this, &QAbstractItemModel::rowsRemoved, this, &LiveFilterModel::rowsChanged);
    connect(this, &QAbstractItemModel::modelReset, this, &LiveFilterModel::rowsChanged);
}

bool LiveFilterModel::filterAcceptsRow(int sourceRow, const QModelIndex &parent) const
{
    if (parent.isValid()) {
        return false;
    }
    if (m_chip == LiveModel::Chip::All && m_filter.isEmpty()) {
        return true;
    }
    const ExchangeEvent &event = m_source.at(sourceRow);
    if (m_chip != LiveModel::Chip::All && LiveModel::chipOf(event) != m_chip) {
        return false;
    }
    return m_filter.isEmpty() || m_filter.accepts(event, m_source.keyName(event.keyId));
}

bool LiveFilterModel::isFiltered() const
{
    return m_chip != LiveModel::Chip::All || !m_filter.isEmpty();
}

void LiveFilterModel::setFilterText(const QString &text)
{
    if (m_text == text) {
        return;
    }
    m_text = text;
    Result<LiveFilter> filter = LiveFilter::parse(text);
    if (filter) {
        m_error.clear();
        m_filter = std::move(filter).value();
        invalidateFilter();
    } else {
        m_error = filter.error();
    }
    Q_EMIT filterChanged();
}

void LiveFilterModel::setChip(LiveModel::Chip chip)
{
    if (m_chip == chip) {
        return;
    }
    m_chip = chip;
    invalidateFilter();
    Q_EMIT filterChanged();
}

void LiveFilterModel::setPaused(bool paused)
{
    m_source.setPaused(paused);
}

void LiveFilterModel::setFollowTail(bool follow)
{
    if (m_followTail == follow) {
        return;
    }
    m_followTail = follow;
    Q_EMIT followTailChanged();
}

void LiveFilterModel::clear()
{
    m_source.clear();
}

double LiveFilterModel::exchangeIdAt(int row) const
{
    return index(row, 0).data(LiveModel::ExchangeIdRole).toDouble();
}

int LiveFilterModel::rowOfExchange(double exchangeId) const
{
    const int sourceRow = m_source.rowOf(quint64(exchangeId));
    return sourceRow < 0 ? -1 : mapFromSource(m_source.index(sourceRow)).row();
}

void LiveFilterModel::addFilterTerm(const QString &field, const QString &value)
{
    const QString quoted = value.contains(u' ') ? QString(u'"' + value + u'"') : value;
    const QString term = field + u':' + quoted;
    if (m_text.split(u' ').contains(term)) {
        return;
    }
    setFilterText(m_text.trimmed().isEmpty() ? term : QString(m_text.trimmed() + u' ' + term));
}

QVariantList LiveFilterModel::filterHelp()
{
    const auto entry = [](const char *example, const QString &meaning) {
        return QVariantMap{{QStringLiteral("example"), QString::fromLatin1(example)},
                           {QStringLiteral("meaning"), meaning}};
    };
    return {
        entry("timeout", tr("the word anywhere: model, backend, path, key, error")),
        entry("model:gpt*", tr("asked for or served by a model of that name")),
        entry("status:>=400", tr("compare with =, !=, <, <=, > or >=; also status:4xx")),
        entry("key:ci", tr("sent with that client key")),
        entry("backend:openai", tr("sent to that backend")),
        entry("ttft:>2s", tr("first byte after more than two seconds; also total:<150ms")),
        entry("out:>1000", tr("more than 1000 output tokens; also in:")),
        entry("stream:yes", tr("streamed answers only")),
        entry("error:rate", tr("the error's code or message")),
        entry("-path:models", tr("a minus sign turns a term round")),
    };
}

} // namespace tidegate
