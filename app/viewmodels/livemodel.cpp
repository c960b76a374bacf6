// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/livemodel.h"

#include "app/viewmodels/humantext.h"

#include <QLocale>

#include <algorithm>

namespace tidegate {

namespace {

constexpr int kTickMs = 250;
/// So many changes at once are more than anyone reads: the next ones are shown together.
constexpr qsizetype kManyChanges = 100;
constexpr int kRestMs = 200;

/// What an event can change about a row that is there already.
const QList<int> &changingRoles()
{
    static const QList<int> roles = {
        LiveModel::KeyNameRole,        LiveModel::ServedModelRole,
        LiveModel::ModelTextRole,      LiveModel::BackendRole,
        LiveModel::StatusRole,         LiveModel::PhaseRole,
        LiveModel::PhaseTextRole,      LiveModel::StreamingRole,
        LiveModel::RunningRole,        LiveModel::TtftTextRole,
        LiveModel::TotalTextRole,      LiveModel::TokensInRole,
        LiveModel::TokensOutRole,      LiveModel::TokensInTextRole,
        LiveModel::TokensOutTextRole,  LiveModel::TokensPerSecondTextRole,
        LiveModel::AttemptsRole,       LiveModel::ErrorTextRole,
        LiveModel::ErrorCodeRole,      LiveModel::AccessibleTextRole,
        LiveModel::RequestedModelRole, LiveModel::CostTextRole,
    };
    return roles;
}

QString modelText(const ExchangeEvent &event)
{
    const QString requested = QString::fromUtf8(event.requestedModel);
    if (event.servedModel.isEmpty() || event.servedModel == event.requestedModel) {
        return requested;
    }
    return requested + QStringLiteral(" → ") + QString::fromUtf8(event.servedModel);
}

QString tokensOutText(const ExchangeEvent &event)
{
    if (event.usage.output >= 0) {
        return humantext::count(event.usage.output);
    }
    if (event.phase == ExchangePhase::Streaming && event.streamedEvents > 0) {
        return QStringLiteral("≈ ") + humantext::count(event.streamedEvents);
    }
    return humantext::none();
}

QString accessibleText(const ExchangeEvent &event, const QString &keyName, qint64 nowUs)
{
    QStringList parts;
    parts << QString::fromLatin1(event.method) + u' ' + humantext::endpoint(event);
    if (!event.requestedModel.isEmpty()) {
        //: Read aloud; %1 is a model name
        parts << LiveModel::tr("model %1").arg(QString::fromUtf8(event.requestedModel));
    }
    if (!keyName.isEmpty()) {
        //: Read aloud; %1 is the name of a client key
        parts << LiveModel::tr("key %1").arg(keyName);
    }
    parts << (event.phase == ExchangePhase::Done ? QString::number(event.status)
                                                 : humantext::phase(event.phase).toLower());
    parts << humantext::spokenDuration(totalTimeUs(event, nowUs));
    if (event.usage.output >= 0) {
        //: Read aloud; how long the answer is
        parts << LiveModel::tr("%n token(s)", nullptr, int(event.usage.output));
    }
    if (!event.errorMessage.isEmpty()) {
        parts << event.errorMessage;
    }
    return parts.join(QStringLiteral(", "));
}

} // namespace

LiveModel::LiveModel(WallClock clock, QObject *parent)
    : QAbstractListModel(parent)
    , m_clock(std::move(clock))
{
    m_sequenceOf.reserve(kCapacity);
    m_ticker.setInterval(kTickMs);
    connect(&m_ticker, &QTimer::timeout, this, &LiveModel::refreshRunning);
    m_rest.setSingleShot(true);
    m_rest.setInterval(kRestMs);
    connect(&m_rest, &QTimer::timeout, this, &LiveModel::endRest);
}

int LiveModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : int(m_rows.size());
}

QVariant LiveModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const ExchangeEvent &event = at(index.row());
    switch (role) {
    case ExchangeIdRole:
        return double(event.id);
    case TimeTextRole:
        return humantext::clockTime(event.startedAtUs);
    case MethodRole:
        return QString::fromLatin1(event.method);
    case PathRole:
        return QString::fromUtf8(event.path);
    case KeyNameRole:
        return keyName(event.keyId);
    case RequestedModelRole:
        return QString::fromUtf8(event.requestedModel);
    case ServedModelRole:
        return QString::fromUtf8(event.servedModel);
    case ModelTextRole:
        return modelText(event);
    case BackendRole:
        return QString::fromUtf8(event.backend);
    case StatusRole:
        return event.status;
    case PhaseRole:
        return int(event.phase);
    case PhaseTextRole:
        return humantext::phase(event.phase);
    case StreamingRole:
        return event.phase == ExchangePhase::Streaming;
    case RunningRole:
        return isRunning(event);
    case TtftTextRole:
        return humantext::duration(event.timings.firstByteUs);
    case TotalTextRole:
        return humantext::duration(totalTimeUs(event, m_clock()));
    case TokensInRole:
        return int(event.usage.input);
    case TokensOutRole:
        return int(event.usage.output);
    case TokensInTextRole:
        return humantext::count(event.usage.input);
    case TokensOutTextRole:
        return tokensOutText(event);
    case TokensPerSecondTextRole: {
        const double rate = tokensPerSecond(event, m_clock());
        return rate < 0 ? humantext::none() : QLocale().toString(rate, 'f', 1);
    }
    case CostTextRole:
        return event.cost ? humantext::money(*event.cost) : humantext::none();
    case AttemptsRole:
        return event.attempts;
    case ErrorTextRole:
        return event.errorMessage;
    case ErrorCodeRole:
        return QString::fromLatin1(event.errorCode);
    case AccessibleTextRole:
    case Qt::AccessibleTextRole:
    case Qt::DisplayRole:
        return accessibleText(event, keyName(event.keyId), m_clock());
    default:
        return {};
    }
}

QHash<int, QByteArray> LiveModel::roleNames() const
{
    return {
        {ExchangeIdRole, "exchangeId"},
        {TimeTextRole, "timeText"},
        {MethodRole, "method"},
        {PathRole, "path"},
        {KeyNameRole, "keyName"},
        {RequestedModelRole, "requestedModel"},
        {ServedModelRole, "servedModel"},
        {ModelTextRole, "modelText"},
        {BackendRole, "backend"},
        {StatusRole, "status"},
        {PhaseRole, "phase"},
        {PhaseTextRole, "phaseText"},
        {StreamingRole, "streaming"},
        {RunningRole, "running"},
        {TtftTextRole, "ttftText"},
        {TotalTextRole, "totalText"},
        {TokensInRole, "tokensIn"},
        {TokensOutRole, "tokensOut"},
        {TokensInTextRole, "tokensInText"},
        {TokensOutTextRole, "tokensOutText"},
        {TokensPerSecondTextRole, "tokensPerSecondText"},
        {CostTextRole, "costText"},
        {AttemptsRole, "attempts"},
        {ErrorTextRole, "errorText"},
        {ErrorCodeRole, "errorCode"},
        {AccessibleTextRole, "accessibleText"},
    };
}

void LiveModel::applyBatch(const ExchangeBatch &batch)
{
    const qint64 droppedBefore = m_dropped;
    m_dropped += batch.dropped;
    if (m_paused) {
        hold(batch.events);
    } else {
        show(batch.events);
    }
    if (m_dropped != droppedBefore && (m_paused || batch.events.isEmpty())) {
        Q_EMIT countsChanged();
    }
}

void LiveModel::enqueue(const ExchangeBatch &batch)
{
    if (m_rest.isActive()) {
        m_dropped += batch.dropped;
        hold(batch.events);
        return;
    }
    applyBatch(batch);
    if (!m_paused && batch.events.size() > kManyChanges) {
        m_rest.start();
    }
}

void LiveModel::endRest()
{
    const QList<ExchangeEvent> held = takeHeld();
    show(held);
    if (held.size() > kManyChanges) {
        m_rest.start();
    }
}

QList<ExchangeEvent> LiveModel::takeHeld()
{
    m_heldIndex.clear();
    return std::exchange(m_held, {});
}

void LiveModel::show(const QList<ExchangeEvent> &events)
{
    if (events.isEmpty()) {
        return;
    }
    int firstChanged = INT_MAX;
    int lastChanged = -1;
    QList<const ExchangeEvent *> added;
    for (const ExchangeEvent &event : events) {
        const int row = rowOf(event.id);
        if (row < 0) {
            added.append(&event);
            continue;
        }
        ExchangeEvent &shown = m_rows[size_t(row)];
        const Chip before = chipOf(shown);
        shown = event;
        const Chip after = chipOf(shown);
        if (before != after) {
            if (before != Chip::All) {
                --m_counts[size_t(before)];
            }
            if (after != Chip::All) {
                ++m_counts[size_t(after)];
            }
        }
        firstChanged = std::min(firstChanged, row);
        lastChanged = std::max(lastChanged, row);
    }
    if (lastChanged >= 0) {
        Q_EMIT dataChanged(index(firstChanged), index(lastChanged), changingRoles());
    }

    if (!added.isEmpty()) {
        // More than the list can hold: the oldest of them would go again at once.
        if (added.size() > kCapacity) {
            added.remove(0, added.size() - kCapacity);
        }
        const int excess = int(m_rows.size()) + int(added.size()) - kCapacity;
        if (excess > 0) {
            beginRemoveRows({}, 0, excess - 1);
            for (int i = 0; i < excess; ++i) {
                const ExchangeEvent &oldest = m_rows.front();
                m_sequenceOf.remove(oldest.id);
                const Chip chip = chipOf(oldest);
                --m_counts[size_t(Chip::All)];
                if (chip != Chip::All) {
                    --m_counts[size_t(chip)];
                }
                m_rows.pop_front();
                ++m_firstSequence;
            }
            endRemoveRows();
        }
        const int first = int(m_rows.size());
        beginInsertRows({}, first, first + int(added.size()) - 1);
        for (const ExchangeEvent *event : std::as_const(added)) {
            m_sequenceOf.insert(event->id, m_firstSequence + qint64(m_rows.size()));
            m_rows.push_back(*event);
            const Chip chip = chipOf(*event);
            ++m_counts[size_t(Chip::All)];
            if (chip != Chip::All) {
                ++m_counts[size_t(chip)];
            }
        }
        endInsertRows();
    }
    Q_EMIT countsChanged();
    if (count(Chip::Streaming) > 0 && !m_ticker.isActive()) {
        m_ticker.start();
    }
}

void LiveModel::hold(const QList<ExchangeEvent> &events)
{
    const int newBefore = m_newWhilePaused;
    for (const ExchangeEvent &event : events) {
        const auto known = m_heldIndex.constFind(event.id);
        if (known != m_heldIndex.cend()) {
            m_held[*known] = event;
            continue;
        }
        if (m_paused && !m_sequenceOf.contains(event.id)) {
            ++m_newWhilePaused;
        }
        m_heldIndex.insert(event.id, m_held.size());
        m_held.append(event);
    }
    // Twice the capacity before trimming, so that a long pause does not trim with every batch.
    if (m_held.size() > 2 * kCapacity) {
        m_held.remove(0, m_held.size() - kCapacity);
        m_heldIndex.clear();
        for (qsizetype i = 0; i < m_held.size(); ++i) {
            m_heldIndex.insert(m_held[i].id, i);
        }
    }
    if (m_newWhilePaused != newBefore) {
        Q_EMIT newWhilePausedChanged();
    }
}

void LiveModel::refreshRunning()
{
    int first = -1;
    int last = -1;
    int running = count(Chip::Streaming);
    // Running rows are among the newest, so that this ends early.
    for (int row = int(m_rows.size()) - 1; row >= 0 && running > 0; --row) {
        if (isRunning(at(row))) {
            --running;
            first = row;
            last = std::max(last, row);
        }
    }
    if (first < 0) {
        m_ticker.stop();
        return;
    }
    if (!m_paused) {
        Q_EMIT dataChanged(index(first), index(last), {TotalTextRole, TokensPerSecondTextRole});
    }
}

void LiveModel::setKeyNames(QHash<qint64, QString> names)
{
    if (m_keyNames == names) {
        return;
    }
    m_keyNames = std::move(names);
    if (!m_rows.empty()) {
        Q_EMIT dataChanged(index(0), index(rowCount() - 1), {KeyNameRole, AccessibleTextRole});
    }
}

void LiveModel::setPaused(bool paused)
{
    if (m_paused == paused) {
        return;
    }
    if (m_rest.isActive()) {
        // What came before the pause is not held back by it.
        m_rest.stop();
        show(takeHeld());
    }
    m_paused = paused;
    Q_EMIT pausedChanged();
    if (!paused) {
        m_newWhilePaused = 0;
        Q_EMIT newWhilePausedChanged();
        show(takeHeld());
    }
}

void LiveModel::clear()
{
    beginResetModel();
    m_firstSequence += qint64(m_rows.size());
    m_rows.clear();
    m_sequenceOf.clear();
    m_held.clear();
    m_heldIndex.clear();
    m_newWhilePaused = 0;
    m_dropped = 0;
    m_counts.fill(0);
    endResetModel();
    Q_EMIT countsChanged();
    Q_EMIT newWhilePausedChanged();
}

int LiveModel::rowOf(quint64 exchangeId) const
{
    const auto sequence = m_sequenceOf.constFind(exchangeId);
    return sequence == m_sequenceOf.cend() ? -1 : int(*sequence - m_firstSequence);
}

LiveModel::Chip LiveModel::chipOf(const ExchangeEvent &event)
{
    switch (event.phase) {
    case ExchangePhase::Waiting:
    case ExchangePhase::Streaming:
        return Chip::Streaming;
    case ExchangePhase::Cancelled:
        return Chip::Cancelled;
    case ExchangePhase::Failed:
        return Chip::Errors;
    case ExchangePhase::Done:
        return event.status >= 400 ? Chip::Errors : Chip::Ok;
    }
    return Chip::All;
}

QString LiveModel::chipText(Chip chip)
{
    switch (chip) {
    case Chip::All:
        return tr("All");
    case Chip::Streaming:
        return tr("Streaming");
    case Chip::Ok:
        //: Requests that succeeded
        return tr("OK");
    case Chip::Errors:
        return tr("Errors");
    case Chip::Cancelled:
        return tr("Cancelled");
    }
    return {};
}

bool LiveModel::isRunning(const ExchangeEvent &event)
{
    return event.phase == ExchangePhase::Waiting || event.phase == ExchangePhase::Streaming;
}

} // namespace tidegate
