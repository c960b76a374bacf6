// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/usagereport.h"
#include "app/viewmodels/usagetable.h"
#include "app/viewmodels/wallclock.h"

#include <QList>
#include <QObject>
#include <QSet>
#include <QTimeZone>
#include <QTimer>
#include <QVariantList>
#include <QVariantMap>
#include <QtQml/qqmlregistration.h>

namespace tidegate {

class GatewayLink;

/// The Usage page: a range of time, told apart by key, team, model or backend.
///
/// Lives in the GUI thread; owned by AppController. The ledger is read elsewhere; of several
/// questions on their way only the answer to the last one is taken.
class UsageModel : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.usage")
    Q_PROPERTY(Range range READ range WRITE setRange NOTIFY questionChanged FINAL)
    /// Times are UTC, not local.
    Q_PROPERTY(bool utc READ isUtc WRITE setUtc NOTIFY questionChanged FINAL)
    Q_PROPERTY(Group group READ group WRITE setGroup NOTIFY questionChanged FINAL)
    /// What the first chart shows.
    Q_PROPERTY(Measure measure READ measure WRITE setMeasure NOTIFY changed FINAL)
    /// The custom range as the user would type it: "2026-11-01 00:00".
    Q_PROPERTY(QString fromText READ fromText NOTIFY questionChanged FINAL)
    Q_PROPERTY(QString toText READ toText NOTIFY questionChanged FINAL)
    /// The range in words, with its time zone.
    Q_PROPERTY(QString rangeText READ rangeText NOTIFY changed FINAL)

    /// Nothing is known yet: show skeletons.
    Q_PROPERTY(bool loading READ isLoading NOTIFY changed FINAL)
    /// An answer is on its way; until then the one before is shown.
    Q_PROPERTY(bool reading READ isReading NOTIFY readingChanged FINAL)
    /// There is an answer, and no request is in it.
    Q_PROPERTY(bool empty READ isEmpty NOTIFY changed FINAL)
    /// Why there is no answer, for people.
    Q_PROPERTY(QString error READ error NOTIFY changed FINAL)
    /// The page is in sight: keep it up to date.
    Q_PROPERTY(bool watched READ isWatched WRITE setWatched NOTIFY watchedChanged FINAL)

    /// Maps with label, value, delta ("+12 %"), worse (bool) and spoken.
    Q_PROPERTY(QVariantList tiles READ tiles NOTIFY changed FINAL)
    /// Maps with name, colorIndex, hidden and value.
    Q_PROPERTY(QVariantList legend READ legend NOTIFY changed FINAL)
    /// Maps with name, colorIndex and values: the bars of the series that are not hidden.
    Q_PROPERTY(QVariantList stacks READ stacks NOTIFY changed FINAL)
    Q_PROPERTY(int stepCount READ stepCount NOTIFY changed FINAL)
    /// Maps with position (0 to 1) and text: for the axis of time.
    Q_PROPERTY(QVariantList timeTicks READ timeTicks NOTIFY changed FINAL)
    /// Maps with position (0 to 1) and text; the axis ends at the last one.
    Q_PROPERTY(QVariantList stackTicks READ stackTicks NOTIFY changed FINAL)
    Q_PROPERTY(double stackTop READ stackTop NOTIFY changed FINAL)
    /// Milliseconds by step; negative: no requests.
    Q_PROPERTY(QList<double> p50 READ p50 NOTIFY changed FINAL)
    Q_PROPERTY(QList<double> p95 READ p95 NOTIFY changed FINAL)
    Q_PROPERTY(QList<double> p99 READ p99 NOTIFY changed FINAL)
    Q_PROPERTY(QVariantList latencyTicks READ latencyTicks NOTIFY changed FINAL)
    Q_PROPERTY(double latencyTop READ latencyTop NOTIFY changed FINAL)
    /// One sentence on each chart, for the screen reader.
    Q_PROPERTY(QString stackSummary READ stackSummary NOTIFY changed FINAL)
    Q_PROPERTY(QString latencySummary READ latencySummary NOTIFY changed FINAL)
    /// "12 requests have no known price.", empty when all are known.
    Q_PROPERTY(QString unknownCostText READ unknownCostText NOTIFY changed FINAL)
    Q_PROPERTY(QString estimatedText READ estimatedText NOTIFY changed FINAL)
    /// Older requests are still being added up.
    Q_PROPERTY(bool incomplete READ isIncomplete NOTIFY changed FINAL)
    Q_PROPERTY(tidegate::UsageTable *groups READ groups CONSTANT FINAL)
    Q_PROPERTY(tidegate::UsageTable *times READ times CONSTANT FINAL)

public:
    enum class Range
    {
        QuarterHour,
        Hour,
        Today,
        Week,
        Month,
        Custom
    };
    Q_ENUM(Range)
    enum class Group
    {
        Key,
        Team,
        Model,
        Backend
    };
    Q_ENUM(Group)
    enum class Measure
    {
        Requests,
        Tokens,
        Cost
    };
    Q_ENUM(Measure)

    /// Colours there are; what has none is added up as "others" in the last one.
    static constexpr int kColors = 8;

    explicit UsageModel(GatewayLink &link, WallClock clock = wallClock(),
                        QObject *parent = nullptr);

    [[nodiscard]] Range range() const { return m_range; }
    [[nodiscard]] bool isUtc() const { return m_utc; }
    [[nodiscard]] Group group() const { return m_group; }
    [[nodiscard]] Measure measure() const { return m_measure; }
    [[nodiscard]] QString fromText() const;
    [[nodiscard]] QString toText() const;
    [[nodiscard]] QString rangeText() const;
    [[nodiscard]] bool isLoading() const { return !m_answered; }
    [[nodiscard]] bool isReading() const { return m_reading; }
    [[nodiscard]] bool isEmpty() const;
    [[nodiscard]] QString error() const { return m_error; }
    [[nodiscard]] bool isWatched() const { return m_watched; }
    [[nodiscard]] QVariantList tiles() const;
    [[nodiscard]] QVariantList legend() const;
    [[nodiscard]] QVariantList stacks() const;
    [[nodiscard]] int stepCount() const { return int(m_report.startsUs.size()); }
    [[nodiscard]] QVariantList timeTicks() const;
    [[nodiscard]] QVariantList stackTicks() const;
    [[nodiscard]] double stackTop() const { return m_stackTop; }
    [[nodiscard]] QList<double> p50() const;
    [[nodiscard]] QList<double> p95() const;
    [[nodiscard]] QList<double> p99() const;
    [[nodiscard]] QVariantList latencyTicks() const;
    [[nodiscard]] double latencyTop() const { return m_latencyTop; }
    [[nodiscard]] QString stackSummary() const;
    [[nodiscard]] QString latencySummary() const;
    [[nodiscard]] QString unknownCostText() const;
    [[nodiscard]] QString estimatedText() const;
    [[nodiscard]] bool isIncomplete() const { return !m_report.complete; }
    [[nodiscard]] UsageTable *groups() { return &m_groups; }
    [[nodiscard]] UsageTable *times() { return &m_times; }

    void setRange(Range range);
    void setUtc(bool utc);
    void setGroup(Group group);
    void setMeasure(Measure measure);
    void setWatched(bool watched);

    /// Takes a range as typed: "2026-11-01", with or without a time. What is wrong with it, or
    /// empty when it is taken.
    Q_INVOKABLE QString setCustom(const QString &from, const QString &to);
    /// Shows or hides one series of the chart.
    Q_INVOKABLE void toggleSeries(const QString &name);
    /// Asks again.
    Q_INVOKABLE void refresh();
    /// One step of the first chart: title, lines (maps with name, colorIndex, value), total.
    Q_INVOKABLE QVariantMap stackAt(int step) const;
    /// One step of the latency chart, likewise.
    Q_INVOKABLE QVariantMap latencyAt(int step) const;

    /// All steps of all series, for a spreadsheet.
    [[nodiscard]] QByteArray csv() const;
    /// "tidegate-usage-key-2026-11-20", without an ending.
    [[nodiscard]] QString fileName() const;

Q_SIGNALS:
    void questionChanged();
    void changed();
    void readingChanged();
    void watchedChanged();

private:
    /// One colour of the chart: a series, or all that have no colour of their own.
    struct Band
    {
        QString name;
        int color = 0;
        UsageFigures total;
        std::vector<UsageFigures> steps;
    };

    [[nodiscard]] UsageRequest question() const;
    void ask();
    void take(const UsageRequest &request, UsageReport report);
    void makeBands();
    void measureStacks();
    void fillTables();
    [[nodiscard]] double valueOf(const UsageFigures &figures) const;
    [[nodiscard]] QString valueText(double value) const;
    [[nodiscard]] QString seriesName(const QString &name) const;
    [[nodiscard]] QString stepTitle(int step) const;
    [[nodiscard]] QTimeZone zone() const;
    [[nodiscard]] QList<double> percentiles(qint64 UsageFigures::*which) const;

    GatewayLink &m_link;
    WallClock m_clock;
    Range m_range = Range::Today;
    Group m_group = Group::Key;
    Measure m_measure = Measure::Requests;
    bool m_utc = false;
    qint64 m_customFromUs = 0;
    qint64 m_customToUs = 0;
    bool m_watched = false;
    bool m_reading = false;
    bool m_answered = false;
    QString m_error;
    quint64 m_lastQuestion = 0;
    UsageRequest m_asked; ///< what m_report answers
    UsageReport m_report;
    std::vector<Band> m_bands;
    QSet<QString> m_hidden;
    double m_stackTop = 1;
    double m_latencyTop = 1;
    UsageTable m_groups;
    UsageTable m_times;
    QTimer m_timer;
};

} // namespace tidegate
