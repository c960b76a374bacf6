// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/usagemodel.h"

#include "app/viewmodels/fileexport.h"
#include "app/viewmodels/gatewaylink.h"
#include "app/viewmodels/humantext.h"

#include <QDateTime>
#include <QLocale>
#include <QPointer>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace tidegate {

namespace {

constexpr qint64 kSecondUs = 1'000'000;
constexpr qint64 kMinuteUs = 60 * kSecondUs;
constexpr qint64 kHourUs = 60 * kMinuteUs;
constexpr qint64 kDayUs = 24 * kHourUs;
constexpr int kFastRefreshMs = 10'000;
constexpr int kSlowRefreshMs = 60'000;
constexpr int kMostTimeTicks = 9;
constexpr int kValueTicks = 4;
constexpr qint64 kLongestCustomUs = 3'700 * kDayUs;
/// More bars than that nobody can tell apart.
constexpr qint64 kLongestByDayUs = 400 * kDayUs;

qint64 roundedUp(qint64 us, qint64 unit)
{
    return (us + unit - 1) / unit * unit;
}

/// 1, 2 or 5 times a power of ten, at least @p value.
double niceStep(double value)
{
    const double power = std::pow(10, std::floor(std::log10(value)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= value * 0.999999) {
            return factor * power;
        }
    }
    return 10 * power;
}

/// Where an axis for values up to @p highest ends.
double axisTop(double highest, double smallestStep)
{
    if (highest <= 0) {
        return smallestStep * kValueTicks;
    }
    const double step = std::max(smallestStep, niceStep(highest / kValueTicks));
    return std::ceil(highest / step * 0.999999) * step;
}

template <typename Text>
QVariantList axisTicks(double top, double smallestStep, Text text)
{
    const double step = std::max(smallestStep, niceStep(top / kValueTicks * 0.999));
    QVariantList ticks;
    for (double value = 0; value <= top * 1.000001; value += step) {
        ticks << QVariantMap{{QStringLiteral("position"), value / top},
                             {QStringLiteral("text"), text(value)}};
    }
    return ticks;
}

QString changeText(double now, double before)
{
    if (before <= 0) {
        return {};
    }
    const QLocale locale;
    const double change = (now - before) / before;
    if (change >= 9.995) {
        return QStringLiteral("×") + locale.toString(now / before, 'f', 0);
    }
    const QString sign = change >= 0.0005    ? QStringLiteral("+")
                         : change <= -0.0005 ? QStringLiteral("−")
                                             : QStringLiteral("±");
    //: A change in percent, with its sign
    return UsageModel::tr("%1%2 %").arg(
        sign, locale.toString(std::abs(change) * 100, 'f', std::abs(change) < 0.0995 ? 1 : 0));
}

void add(UsageFigures &to, const UsageFigures &figures)
{
    to.requests += figures.requests;
    to.errors += figures.errors;
    to.cancelled += figures.cancelled;
    to.tokensIn += figures.tokensIn;
    to.tokensOut += figures.tokensOut;
    to.cachedIn += figures.cachedIn;
    to.reasoning += figures.reasoning;
    to.cost += figures.cost;
    to.unknownCost += figures.unknownCost;
    to.estimated += figures.estimated;
}

/// A number of requests without a price has a cost of "at least".
QString costText(const UsageFigures &figures)
{
    const bool nothingKnown = figures.unknownCost > 0 && figures.unknownCost == figures.requests;
    return nothingKnown ? humantext::none()
           : figures.unknownCost > 0
               ? QString(QStringLiteral("≥ ") + humantext::money(figures.cost))
               : humantext::money(figures.cost);
}

QString typedTime(qint64 us, const QTimeZone &zone)
{
    return QDateTime::fromMSecsSinceEpoch(us / 1'000, zone)
        .toString(QStringLiteral("yyyy-MM-dd HH:mm"));
}

/// The start of the day for a date alone; invalid when it is neither.
QDateTime parseTime(const QString &typed, const QTimeZone &zone)
{
    const QString text = typed.simplified();
    const QDate date = QDate::fromString(text.left(10), Qt::ISODate);
    if (!date.isValid()) {
        return {};
    }
    if (text.size() == 10) {
        return date.startOfDay(zone);
    }
    const QTime time = QTime::fromString(text.mid(11), QStringLiteral("HH:mm"));
    return time.isValid() ? QDateTime(date, time, zone) : QDateTime();
}

qint64 toUs(const QDateTime &time)
{
    return time.toMSecsSinceEpoch() * 1'000;
}

} // namespace

UsageModel::UsageModel(GatewayLink &link, WallClock clock, QObject *parent)
    : QObject(parent)
    , m_link(link)
    , m_clock(std::move(clock))
    , m_groups(1, true)
    , m_times(0, true)
{
    connect(&m_timer, &QTimer::timeout, this, &UsageModel::ask);
}

bool UsageModel::isEmpty() const
{
    return m_answered && m_error.isEmpty() && m_report.total.requests == 0;
}

void UsageModel::setRange(Range range)
{
    if (m_range == range) {
        return;
    }
    if (range == Range::Custom && m_customToUs == 0) {
        const UsageRequest now = question();
        m_customFromUs = now.fromUs;
        m_customToUs = now.toUs;
    }
    m_range = range;
    Q_EMIT questionChanged();
    ask();
}

void UsageModel::setUtc(bool utc)
{
    if (m_utc != utc) {
        m_utc = utc;
        Q_EMIT questionChanged();
        ask();
    }
}

void UsageModel::setGroup(Group group)
{
    if (m_group != group) {
        m_group = group;
        m_hidden.clear();
        Q_EMIT questionChanged();
        ask();
    }
}

void UsageModel::setMeasure(Measure measure)
{
    if (m_measure != measure) {
        m_measure = measure;
        measureStacks();
        Q_EMIT changed();
    }
}

void UsageModel::setWatched(bool watched)
{
    if (m_watched == watched) {
        return;
    }
    m_watched = watched;
    if (watched) {
        ask();
    } else {
        m_timer.stop();
    }
    Q_EMIT watchedChanged();
}

QTimeZone UsageModel::zone() const
{
    return m_utc ? QTimeZone::utc() : QTimeZone::systemTimeZone();
}

UsageRequest UsageModel::question() const
{
    const QTimeZone zone = this->zone();
    const qint64 nowUs = m_clock();
    const QDate today = QDateTime::fromMSecsSinceEpoch(nowUs / 1'000, zone).date();
    const auto dayStart = [&](int daysAgo) {
        return toUs(today.addDays(-daysAgo).startOfDay(zone));
    };

    UsageRequest request;
    request.group = UsageGroup(m_group);
    request.timeZone = m_utc ? QByteArrayLiteral("UTC") : zone.id();
    request.toUs = roundedUp(nowUs, kMinuteUs);
    switch (m_range) {
    case Range::QuarterHour:
        request.fromUs = request.toUs - 15 * kMinuteUs;
        request.step = UsageRequest::Step::Minute;
        break;
    case Range::Hour:
        request.fromUs = request.toUs - kHourUs;
        request.step = UsageRequest::Step::Minute;
        break;
    case Range::Today:
        request.fromUs = dayStart(0);
        break;
    case Range::Week:
        request.fromUs = dayStart(6);
        break;
    case Range::Month:
        request.fromUs = dayStart(29);
        request.step = UsageRequest::Step::Day;
        break;
    case Range::Custom:
        request.fromUs = m_customFromUs;
        request.toUs = m_customToUs;
        request.step = m_customToUs - m_customFromUs <= 3 * kHourUs  ? UsageRequest::Step::Minute
                       : m_customToUs - m_customFromUs <= 8 * kDayUs ? UsageRequest::Step::Hour
                       : m_customToUs - m_customFromUs <= kLongestByDayUs
                           ? UsageRequest::Step::Day
                           : UsageRequest::Step::Month;
        break;
    }
    // The same stretch of the days before: what is half over is compared with a half.
    const qint64 backUs = m_range == Range::Today   ? kDayUs
                          : m_range == Range::Week  ? 7 * kDayUs
                          : m_range == Range::Month ? 30 * kDayUs
                                                    : request.toUs - request.fromUs;
    request.previousFromUs = request.fromUs - backUs;
    request.previousToUs = std::min(request.toUs - backUs, request.fromUs);
    return request;
}

QString UsageModel::fromText() const
{
    return typedTime(m_range == Range::Custom ? m_customFromUs : question().fromUs, zone());
}

QString UsageModel::toText() const
{
    return typedTime(m_range == Range::Custom ? m_customToUs : question().toUs, zone());
}

QString UsageModel::setCustom(const QString &from, const QString &to)
{
    const QTimeZone zone = this->zone();
    const QDateTime begin = parseTime(from, zone);
    QDateTime end = parseTime(to, zone);
    if (!begin.isValid() || !end.isValid()) {
        return tr("Write a day like 2026-11-01, or a day and time like 2026-11-01 14:30.");
    }
    if (to.simplified().size() == 10) {
        end = end.addDays(1); // "to the 20th" has the 20th in it
    }
    if (begin >= end) {
        return tr("The end is not after the beginning.");
    }
    if (toUs(end) - toUs(begin) > kLongestCustomUs) {
        return tr("That is more than ten years.");
    }
    m_customFromUs = toUs(begin);
    m_customToUs = toUs(end);
    m_range = Range::Custom;
    Q_EMIT questionChanged();
    ask();
    return {};
}

void UsageModel::toggleSeries(const QString &name)
{
    if (!m_hidden.remove(name)) {
        m_hidden.insert(name);
    }
    measureStacks();
    Q_EMIT changed();
}

void UsageModel::refresh()
{
    ask();
}

void UsageModel::ask()
{
    const UsageRequest request = question();
    const quint64 number = ++m_lastQuestion;
    if (!m_reading) {
        m_reading = true;
        Q_EMIT readingChanged();
    }
    m_link.readReport(request,
                      [self = QPointer(this), number, request](const Result<UsageReport> &result) {
                          if (!self || number != self->m_lastQuestion) {
                              return;
                          }
                          if (result) {
                              self->take(request, *result);
                              return;
                          }
                          self->m_answered = true;
                          self->m_reading = false;
                          self->m_error = result.error();
                          Q_EMIT self->changed();
                          Q_EMIT self->readingChanged();
                      });
    if (m_watched) {
        m_timer.start(request.step == UsageRequest::Step::Minute ? kFastRefreshMs : kSlowRefreshMs);
    }
}

void UsageModel::take(const UsageRequest &request, UsageReport report)
{
    m_asked = request;
    m_reading = false;
    m_report = std::move(report);
    m_error.clear();
    m_answered = true;
    makeBands();
    measureStacks();
    qint64 slowest = 0;
    for (const UsageFigures &figures : m_report.steps) {
        slowest = std::max(slowest, figures.p99Us);
    }
    m_latencyTop = axisTop(double(slowest) / 1e3, 1);
    fillTables();
    Q_EMIT changed();
    Q_EMIT readingChanged();
}

QString UsageModel::seriesName(const QString &name) const
{
    if (!name.isEmpty()) {
        return name;
    }
    switch (UsageGroup(m_asked.group)) {
    case UsageGroup::Key:
        return tr("no key");
    case UsageGroup::Team:
        return tr("no team");
    case UsageGroup::Model:
        return tr("no model");
    case UsageGroup::Backend:
        return tr("no backend");
    }
    return {};
}

void UsageModel::makeBands()
{
    m_bands.clear();
    const auto &series = m_report.series;
    const bool all = series.size() <= size_t(kColors);
    for (size_t i = 0; i < series.size(); ++i) {
        const size_t color = std::min(i, size_t(kColors) - 1);
        if (color < m_bands.size()) {
            Band &others = m_bands[color];
            add(others.total, series[i].total);
            for (size_t s = 0; s < others.steps.size() && s < series[i].steps.size(); ++s) {
                add(others.steps[s], series[i].steps[s]);
            }
            continue;
        }
        Band band;
        band.name = all || color + 1 < size_t(kColors) ? seriesName(series[i].name)
                                                       //: Series of a chart: all that are not named
                                                       : tr("others");
        band.color = int(color);
        band.total = series[i].total;
        band.steps = series[i].steps;
        band.steps.resize(m_report.startsUs.size());
        m_bands.push_back(std::move(band));
    }
}

double UsageModel::valueOf(const UsageFigures &figures) const
{
    switch (m_measure) {
    case Measure::Requests:
        return double(figures.requests);
    case Measure::Tokens:
        return double(figures.tokens());
    case Measure::Cost:
        return double(figures.cost.nano());
    }
    return 0;
}

QString UsageModel::valueText(double value) const
{
    return m_measure == Measure::Cost ? humantext::money(Money::fromNano(qint64(value)))
                                      : humantext::compactCount(qint64(value));
}

void UsageModel::measureStacks()
{
    double highest = 0;
    for (size_t step = 0; step < m_report.startsUs.size(); ++step) {
        double sum = 0;
        for (const Band &band : m_bands) {
            if (!m_hidden.contains(band.name)) {
                sum += valueOf(band.steps[step]);
            }
        }
        highest = std::max(highest, sum);
    }
    m_stackTop = axisTop(highest, m_measure == Measure::Cost ? 1'000 : 1);
}

QVariantList UsageModel::tiles() const
{
    const UsageFigures &now = m_report.total;
    const UsageFigures &before = m_report.previous;
    const QLocale locale;
    QVariantList list;
    const auto tile = [&](const QString &label, const QString &value, const QString &detail,
                          double current, double earlier, bool moreIsWorse) {
        const QString delta = changeText(current, earlier);
        //: Read aloud: a figure, and how it changed since the period before
        const QString spoken =
            delta.isEmpty() ? QString(label + QStringLiteral(": ") + value)
                            : tr("%1: %2, %3 against the period before").arg(label, value, delta);
        list << QVariantMap{
            {QStringLiteral("label"), label},
            {QStringLiteral("value"), value},
            {QStringLiteral("detail"), detail},
            {QStringLiteral("delta"), delta},
            {QStringLiteral("worse"), moreIsWorse && current > earlier * 1.0005 && earlier > 0},
            {QStringLiteral("better"), moreIsWorse && current < earlier * 0.9995},
            {QStringLiteral("spoken"), spoken}};
    };
    tile(tr("Requests"), humantext::count(now.requests),
         tr("%n cancelled", nullptr, int(now.cancelled)), double(now.requests),
         double(before.requests), false);
    tile(tr("Tokens"), humantext::compactCount(now.tokens()),
         //: Tokens in and out
         tr("%1 in, %2 out")
             .arg(humantext::compactCount(now.tokensIn), humantext::compactCount(now.tokensOut)),
         double(now.tokens()), double(before.tokens()), false);
    const double perRequest = now.requests > now.unknownCost
                                  ? double(now.cost.nano()) / double(now.requests - now.unknownCost)
                                  : 0;
    tile(tr("Cost"), costText(now),
         //: %1 is an amount of money
         tr("%1 a request").arg(humantext::money(Money::fromNano(qint64(perRequest)))),
         double(now.cost.nano()), double(before.cost.nano()), false);
    const double rate = now.requests > 0 ? double(now.errors) * 100 / double(now.requests) : 0;
    tile(tr("Errors"), humantext::count(now.errors),
         //: A share of all requests
         tr("%1 % of requests").arg(locale.toString(rate, 'f', 1)), double(now.errors),
         double(before.errors), true);
    tile(tr("Cached input"),
         now.tokensIn > 0
             ? locale.toString(double(now.cachedIn) * 100 / double(now.tokensIn), 'f', 1) +
                   QStringLiteral(" %")
             : humantext::none(),
         //: Tokens that the provider had in its cache
         tr("%1 tokens").arg(humantext::compactCount(now.cachedIn)), double(now.cachedIn),
         double(before.cachedIn), false);
    return list;
}

QVariantList UsageModel::legend() const
{
    QVariantList list;
    for (const Band &band : m_bands) {
        list << QVariantMap{{QStringLiteral("name"), band.name},
                            {QStringLiteral("colorIndex"), band.color},
                            {QStringLiteral("hidden"), m_hidden.contains(band.name)},
                            {QStringLiteral("value"), valueText(valueOf(band.total))}};
    }
    return list;
}

QVariantList UsageModel::stacks() const
{
    QVariantList list;
    for (const Band &band : m_bands) {
        if (m_hidden.contains(band.name)) {
            continue;
        }
        QVariantList values;
        values.reserve(qsizetype(band.steps.size()));
        for (const UsageFigures &figures : band.steps) {
            values << valueOf(figures);
        }
        list << QVariantMap{{QStringLiteral("name"), band.name},
                            {QStringLiteral("colorIndex"), band.color},
                            {QStringLiteral("values"), values}};
    }
    return list;
}

QVariantList UsageModel::timeTicks() const
{
    QVariantList ticks;
    const int count = stepCount();
    if (count == 0) {
        return ticks;
    }
    const QTimeZone zone(m_asked.timeZone);
    const QLocale locale;
    const bool wholeDays = m_asked.step >= UsageRequest::Step::Day;
    const bool byDay =
        wholeDays || m_report.startsUs.back() - m_report.startsUs.front() > 30 * kHourUs;
    const QString dayFormat = m_asked.step == UsageRequest::Step::Month
                                  //: Format of a month and year, see QDate::toString()
                                  ? tr("MMM yyyy")
                                  //: Format of a day and month, see QDate::toString()
                                  : tr("d MMM");
    std::vector<int> candidates;
    for (int i = 0; i < count; ++i) {
        const QTime time =
            QDateTime::fromMSecsSinceEpoch(m_report.startsUs[size_t(i)] / 1'000, zone).time();
        if (!byDay || wholeDays || time.hour() == 0) {
            candidates.push_back(i);
        }
    }
    const int stride = std::max(1, int((candidates.size() + kMostTimeTicks - 1) / kMostTimeTicks));
    for (size_t c = 0; c < candidates.size(); c += size_t(stride)) {
        const int i = candidates[c];
        const QDateTime start =
            QDateTime::fromMSecsSinceEpoch(m_report.startsUs[size_t(i)] / 1'000, zone);
        const QString text =
            byDay ? locale.toString(start.date(), dayFormat) : humantext::timeOfDay(start.time());
        ticks << QVariantMap{{QStringLiteral("position"), (i + 0.5) / count},
                             {QStringLiteral("text"), text}};
    }
    return ticks;
}

QVariantList UsageModel::stackTicks() const
{
    return axisTicks(m_stackTop, m_measure == Measure::Cost ? 1'000 : 1,
                     [this](double value) { return valueText(value); });
}

QVariantList UsageModel::latencyTicks() const
{
    return axisTicks(m_latencyTop, 1, [](double value) {
        const QLocale locale;
        //: A time in seconds, and one in milliseconds
        return value >= 1'000 ? tr("%1 s").arg(locale.toString(value / 1'000, 'g', 3))
                              : tr("%1 ms").arg(locale.toString(value, 'f', 0));
    });
}

QList<double> UsageModel::percentiles(qint64 UsageFigures::*which) const
{
    QList<double> values;
    values.reserve(qsizetype(m_report.steps.size()));
    for (const UsageFigures &figures : m_report.steps) {
        values << (figures.*which < 0 ? -1 : double(figures.*which) / 1e3);
    }
    return values;
}

QList<double> UsageModel::p50() const
{
    return percentiles(&UsageFigures::p50Us);
}

QList<double> UsageModel::p95() const
{
    return percentiles(&UsageFigures::p95Us);
}

QList<double> UsageModel::p99() const
{
    return percentiles(&UsageFigures::p99Us);
}

QString UsageModel::rangeText() const
{
    if (m_report.startsUs.empty()) {
        return {};
    }
    const QTimeZone zone(m_asked.timeZone);
    const auto text = [&](qint64 us) {
        const QDateTime time = QDateTime::fromMSecsSinceEpoch(us / 1'000, zone);
        const QLocale locale;
        return QString(locale.toString(time.date(), tr("d MMM yyyy")) + QStringLiteral(", ") +
                       humantext::timeOfDay(time.time()));
    };
    //: A range of time and its time zone
    return tr("%1 to %2, %3")
        .arg(text(m_asked.fromUs), text(m_asked.toUs), QString::fromLatin1(m_asked.timeZone));
}

QString UsageModel::stackSummary() const
{
    QStringList parts;
    for (const Band &band : m_bands) {
        parts << band.name + QStringLiteral(": ") + valueText(valueOf(band.total));
    }
    //: Read aloud for a chart: what it shows, the range, and the total of each series
    return tr("Stacked bars, %1. %2").arg(rangeText(), parts.join(QStringLiteral(", ")));
}

QString UsageModel::latencySummary() const
{
    const UsageFigures &total = m_report.total;
    //: Read aloud for a chart of response times
    return tr("Lines of response times, %1. Half of the requests took at most %2, 95 % at most %3, "
              "99 % at most %4")
        .arg(rangeText(), humantext::spokenDuration(total.p50Us),
             humantext::spokenDuration(total.p95Us), humantext::spokenDuration(total.p99Us));
}

QString UsageModel::unknownCostText() const
{
    const qint64 count = m_report.total.unknownCost;
    return count > 0 ? tr("%n request(s) have no known price, so the real cost is higher.", nullptr,
                          int(count))
                     : QString();
}

QString UsageModel::estimatedText() const
{
    const qint64 count = m_report.total.estimated;
    return count > 0
               ? tr("The tokens of %n request(s) are estimated, because the answer was cut or "
                    "told none.",
                    nullptr, int(count))
               : QString();
}

QString UsageModel::stepTitle(int step) const
{
    const QTimeZone zone(m_asked.timeZone);
    const QLocale locale;
    const QDateTime start =
        QDateTime::fromMSecsSinceEpoch(m_report.startsUs[size_t(step)] / 1'000, zone);
    if (m_asked.step == UsageRequest::Step::Month) {
        return locale.toString(start.date(), tr("MMMM yyyy"));
    }
    const QString day = locale.toString(start.date(), tr("ddd d MMM"));
    if (m_asked.step == UsageRequest::Step::Day) {
        return day;
    }
    return day + QStringLiteral(", ") + humantext::timeOfDay(start.time());
}

QVariantMap UsageModel::stackAt(int step) const
{
    if (step < 0 || step >= stepCount()) {
        return {};
    }
    QVariantList lines;
    double total = 0;
    for (const Band &band : m_bands) {
        const double value = valueOf(band.steps[size_t(step)]);
        if (m_hidden.contains(band.name) || value <= 0) {
            continue;
        }
        total += value;
        lines << QVariantMap{{QStringLiteral("name"), band.name},
                             {QStringLiteral("colorIndex"), band.color},
                             {QStringLiteral("value"), valueText(value)}};
    }
    return {{QStringLiteral("title"), stepTitle(step)},
            {QStringLiteral("lines"), lines},
            {QStringLiteral("total"), valueText(total)}};
}

QVariantMap UsageModel::latencyAt(int step) const
{
    if (step < 0 || step >= stepCount()) {
        return {};
    }
    const UsageFigures &figures = m_report.steps[size_t(step)];
    QVariantList lines;
    const std::array<std::pair<QString, qint64>, 3> rows = {
        {{QStringLiteral("p50"), figures.p50Us},
         {QStringLiteral("p95"), figures.p95Us},
         {QStringLiteral("p99"), figures.p99Us}}};
    int color = 0;
    for (const auto &[name, us] : rows) {
        lines << QVariantMap{{QStringLiteral("name"), name},
                             {QStringLiteral("colorIndex"), color++},
                             {QStringLiteral("value"), humantext::duration(us)}};
    }
    return {{QStringLiteral("title"), stepTitle(step)},
            {QStringLiteral("lines"), lines},
            {QStringLiteral("total"), tr("%n request(s)", nullptr, int(figures.requests))}};
}

void UsageModel::fillTables()
{
    const auto figuresCells = [](UsageTable::Row &row, const UsageFigures &f) {
        row.cells.push_back({humantext::count(f.requests), double(f.requests)});
        row.cells.push_back({humantext::count(f.errors), double(f.errors)});
        row.cells.push_back({humantext::count(f.tokensIn), double(f.tokensIn)});
        row.cells.push_back(
            {(f.estimated > 0 ? QStringLiteral("≈ ") : QString()) + humantext::count(f.tokensOut),
             double(f.tokensOut)});
        row.cells.push_back({costText(f), double(f.cost.nano())});
        row.cells.push_back({humantext::duration(f.p50Us), double(f.p50Us)});
        row.cells.push_back({humantext::duration(f.p95Us), double(f.p95Us)});
        row.cells.push_back({humantext::duration(f.p99Us), double(f.p99Us)});
    };
    const auto columns = [](const QString &first, bool number) {
        return std::vector<UsageTable::Column>{{first, number},
                                               {tr("Requests"), true},
                                               {tr("Errors"), true},
                                               {tr("Tokens in"), true},
                                               {tr("Tokens out"), true},
                                               {tr("Cost"), true},
                                               {QStringLiteral("p50"), true},
                                               {QStringLiteral("p95"), true},
                                               {QStringLiteral("p99"), true}};
    };
    static constexpr const char *kGroups[] = {QT_TR_NOOP("Key"), QT_TR_NOOP("Team"),
                                              QT_TR_NOOP("Model"), QT_TR_NOOP("Backend")};
    std::vector<UsageTable::Row> rows;
    for (size_t i = 0; i < m_report.series.size(); ++i) {
        UsageTable::Row row;
        row.color = int(std::min(i, size_t(kColors) - 1));
        row.cells.push_back({seriesName(m_report.series[i].name), 0});
        figuresCells(row, m_report.series[i].total);
        rows.push_back(std::move(row));
    }
    m_groups.setRows(columns(tr(kGroups[int(m_asked.group)]), false), std::move(rows));

    rows.clear();
    for (size_t i = 0; i < m_report.steps.size(); ++i) {
        UsageTable::Row row;
        row.cells.push_back({stepTitle(int(i)), double(m_report.startsUs[i])});
        figuresCells(row, m_report.steps[i]);
        rows.push_back(std::move(row));
    }
    std::vector<UsageTable::Column> timeColumns = columns(tr("Time"), true);
    m_times.setRows(std::move(timeColumns), std::move(rows));
}

QByteArray UsageModel::csv() const
{
    static constexpr const char *kNames[] = {"key", "team", "model", "backend"};
    QStringList header = {QStringLiteral("start"), QLatin1String(kNames[int(m_asked.group)])};
    header << QStringLiteral("requests,errors,cancelled,tokens_in,tokens_out,cached_tokens_in,"
                             "reasoning_tokens,cost_usd,requests_without_price,requests_estimated")
                  .split(u',');
    std::vector<QStringList> rows;
    for (size_t step = 0; step < m_report.startsUs.size(); ++step) {
        const QString start =
            QDateTime::fromMSecsSinceEpoch(m_report.startsUs[step] / 1'000, QTimeZone::utc())
                .toString(Qt::ISODate);
        for (const UsageReport::Series &series : m_report.series) {
            if (step >= series.steps.size() || series.steps[step].requests == 0) {
                continue;
            }
            const UsageFigures &f = series.steps[step];
            rows.push_back({start, series.name, QString::number(f.requests),
                            QString::number(f.errors), QString::number(f.cancelled),
                            QString::number(f.tokensIn), QString::number(f.tokensOut),
                            QString::number(f.cachedIn), QString::number(f.reasoning),
                            QString::fromLatin1(f.cost.toString()), QString::number(f.unknownCost),
                            QString::number(f.estimated)});
        }
    }
    return fileexport::csv(header, rows);
}

QString UsageModel::fileName() const
{
    static constexpr const char *kNames[] = {"key", "team", "model", "backend"};
    const QDate day =
        QDateTime::fromMSecsSinceEpoch(m_asked.toUs / 1'000, QTimeZone(m_asked.timeZone)).date();
    return QStringLiteral("tidegate-usage-%1-%2")
        .arg(QLatin1String(kNames[int(m_asked.group)]), day.toString(Qt::ISODate));
}

} // namespace tidegate
