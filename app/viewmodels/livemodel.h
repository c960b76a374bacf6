// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/wallclock.h"
#include "gateway/observe/exchangeevent.h"

#include <QAbstractListModel>
#include <QHash>
#include <QList>
#include <QString>
#include <QTimer>
#include <QtQml/qqmlregistration.h>

#include <array>
#include <deque>
#include <utility>

namespace tidegate {

/// The last 10,000 exchanges, oldest first; the newest are at the end.
///
/// Lives in the GUI thread; owned by AppController. Fed with batches; an exchange keeps its row,
/// and a later event replaces what the row shows. QML sees it through LiveFilterModel.
class LiveModel : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.live")

public:
    enum class Phase
    {
        Waiting,
        Streaming,
        Done,
        Failed,
        Cancelled
    };
    Q_ENUM(Phase)

    /// Groups of the chips above the list. Each exchange is in All and in at most one other.
    enum class Chip
    {
        All,
        Streaming,
        Ok,
        Errors,
        Cancelled
    };
    Q_ENUM(Chip)
    static constexpr int kChipCount = 5;
    [[nodiscard]] static QString chipText(Chip chip);

    enum Role
    {
        ExchangeIdRole =
            Qt::UserRole + 1, /**< double: unique, grows with time; for ExchangeDetail */
        TimeTextRole,         /**< string: local time of arrival, "14:03:07.125" */
        MethodRole,           /**< string: "POST" */
        PathRole,             /**< string: "/v1/chat/completions" */
        KeyNameRole,          /**< string: name of the client key, empty without one */
        RequestedModelRole,   /**< string: the model the client asked for */
        ServedModelRole,      /**< string: the model that was asked for upstream */
        ModelTextRole,     /**< string: "fast → gpt-4o-mini", or one name when they are equal */
        BackendRole,       /**< string: backend name, empty until routed */
        StatusRole,        /**< int: HTTP status, 0 until known */
        PhaseRole,         /**< LiveModel.Phase as int */
        PhaseTextRole,     /**< string: one word, translated: "Streaming" */
        StreamingRole,     /**< bool: an answer is being streamed now */
        RunningRole,       /**< bool: waiting or streaming */
        TtftTextRole,      /**< string: time to the first byte, "142 ms", "–" until known */
        TotalTextRole,     /**< string: time in all; grows while running */
        TokensInRole,      /**< int: input tokens, -1 while unknown */
        TokensOutRole,     /**< int: output tokens, -1 while unknown */
        TokensInTextRole,  /**< string: "1,204" or "–" */
        TokensOutTextRole, /**< string: "340", while streaming "≈ 120", or "–" */
        TokensPerSecondTextRole, /**< string: "85.2" or "–" */
        CostTextRole,            /**< string: "$0.0042", "–" while it is not known */
        AttemptsRole,            /**< int: upstream calls made */
        ErrorTextRole,           /**< string: why it failed, for people; else empty */
        ErrorCodeRole,           /**< string: the contract's code, e.g. "rate_limit_exceeded" */
        AccessibleTextRole,      /**< string: the row as one sentence */
    };

    static constexpr int kCapacity = 10'000;

    explicit LiveModel(WallClock clock = wallClock(), QObject *parent = nullptr);

    [[nodiscard]] int rowCount(const QModelIndex &parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex &index, int role) const override;
    [[nodiscard]] QHash<int, QByteArray> roleNames() const override;

    void applyBatch(const ExchangeBatch &batch);
    /// The same, but while very many exchanges change, the list does so five times a second only:
    /// nobody reads faster, and each time costs the view some milliseconds.
    void enqueue(const ExchangeBatch &batch);
    /// Names for ExchangeEvent::keyId.
    void setKeyNames(QHash<qint64, QString> names);
    /// Names for ExchangeEvent::teamId.
    void setTeamNames(QHash<qint64, QString> names) { m_teamNames = std::move(names); }
    [[nodiscard]] QString teamName(qint64 teamId) const { return m_teamNames.value(teamId); }
    [[nodiscard]] QString keyName(qint64 keyId) const { return m_keyNames.value(keyId); }

    /// While paused the rows stand still; what arrives is held and shown on resume.
    void setPaused(bool paused);
    [[nodiscard]] bool isPaused() const { return m_paused; }
    [[nodiscard]] int newWhilePaused() const { return m_newWhilePaused; }
    /// Empties the list, held events included. Running exchanges come back with their next event.
    void clear();

    [[nodiscard]] int count(Chip chip) const { return m_counts[size_t(chip)]; }
    [[nodiscard]] qint64 dropped() const { return m_dropped; }
    [[nodiscard]] const ExchangeEvent &at(int row) const { return m_rows[size_t(row)]; }
    /// -1 when the exchange is not (or no longer) in the list.
    [[nodiscard]] int rowOf(quint64 exchangeId) const;
    [[nodiscard]] static Chip chipOf(const ExchangeEvent &event);
    [[nodiscard]] static bool isRunning(const ExchangeEvent &event);
    [[nodiscard]] qint64 nowUs() const { return m_clock(); }

Q_SIGNALS:
    void countsChanged();
    void pausedChanged();
    void newWhilePausedChanged();

private:
    void hold(const QList<ExchangeEvent> &events);
    [[nodiscard]] QList<ExchangeEvent> takeHeld();
    void endRest();
    void show(const QList<ExchangeEvent> &events);
    void refreshRunning();

    WallClock m_clock;
    std::deque<ExchangeEvent> m_rows;
    qint64 m_firstSequence = 0;          ///< sequence number of row 0; never reused
    QHash<quint64, qint64> m_sequenceOf; ///< exchange id to sequence number
    QHash<qint64, QString> m_keyNames;
    QHash<qint64, QString> m_teamNames;
    std::array<int, kChipCount> m_counts{};
    qint64 m_dropped = 0;
    bool m_paused = false;
    int m_newWhilePaused = 0;
    QList<ExchangeEvent> m_held; ///< arrived while paused or resting, one for each exchange
    QHash<quint64, qsizetype> m_heldIndex;
    QTimer m_ticker; ///< lets the times of running rows grow
    QTimer m_rest;   ///< until it ends, what comes is held
};

} // namespace tidegate
