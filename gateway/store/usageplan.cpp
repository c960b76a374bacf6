// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/usageplan.h"

#include <QDateTime>
#include <QTimeZone>

#include <algorithm>

namespace tidegate {
namespace {

constexpr qint64 kSecond = 1'000'000;
constexpr qint64 kMinute = 60 * kSecond;
constexpr qint64 kQuarter = 15 * kMinute;
constexpr qint64 kHour = 60 * kMinute;
constexpr qint64 kDay = 24 * kHour;

qint64 modulo(qint64 value, qint64 length)
{
    const qint64 rest = value % length;
    return rest < 0 ? rest + length : rest;
}

qint64 roundDown(qint64 us, qint64 length)
{
    return us - modulo(us, length);
}

qint64 roundUp(qint64 us, qint64 length)
{
    return roundDown(us + length - 1, length);
}

qint64 lengthOf(UsageQuery::By by)
{
    switch (by) {
    case UsageQuery::By::Minute:
        return kMinute;
    case UsageQuery::By::QuarterHour:
        return kQuarter;
    case UsageQuery::By::Hour:
        return kHour;
    default: // a month is longer, but never shorter
        return kDay;
    }
}

/// Where steps of time begin in a zone's clock.
class Steps
{
public:
    Steps(UsageQuery::By by, const QTimeZone &zone)
        : m_by(by)
        , m_length(lengthOf(by))
        , m_zone(zone)
    {
    }

    /// The begin of the step that @p us is in.
    [[nodiscard]] qint64 startAt(qint64 us) const
    {
        if (m_by == UsageQuery::By::Day) {
            return midnight(dateAt(us));
        }
        if (m_by == UsageQuery::By::Month) {
            return midnight(monthOf(dateAt(us)));
        }
        const qint64 start = us - modulo(us + offset(us), m_length);
        if (offset(start) == offset(us)) {
            return start;
        }
        // The clock was changed by a part of the length since: that is where this step begins.
        return m_zone.previousTransition(timeAt(us + 1'000)).atUtc.toMSecsSinceEpoch() * 1'000;
    }

    /// The begin of the step after the one that begins at @p us.
    [[nodiscard]] qint64 after(qint64 us) const
    {
        if (m_by == UsageQuery::By::Day) {
            return midnight(dateAt(us).addDays(1));
        }
        if (m_by == UsageQuery::By::Month) {
            return midnight(monthOf(dateAt(us)).addMonths(1));
        }
        // Where the clock is changed by a part of the length, the step after that is shorter.
        const qint64 next = us + m_length;
        return next - modulo(next + offset(next - 1), m_length);
    }

private:
    [[nodiscard]] QDateTime timeAt(qint64 us) const
    {
        return QDateTime::fromMSecsSinceEpoch(roundDown(us, 1'000) / 1'000, m_zone);
    }
    [[nodiscard]] QDate dateAt(qint64 us) const { return timeAt(us).date(); }
    [[nodiscard]] static QDate monthOf(QDate date) { return {date.year(), date.month(), 1}; }
    [[nodiscard]] qint64 midnight(QDate date) const
    {
        return date.startOfDay(m_zone).toMSecsSinceEpoch() * 1'000;
    }
    [[nodiscard]] qint64 offset(qint64 us) const
    {
        return qint64(timeAt(us).offsetFromUtc()) * kSecond;
    }

    UsageQuery::By m_by;
    qint64 m_length;
    QTimeZone m_zone;
};

/// Adds a span, or makes the last one longer.
void append(std::vector<UsagePlan::Span> &spans, qint64 start, qint64 end, int step)
{
    if (start >= end) {
        return;
    }
    if (!spans.empty() && spans.back().end == start && spans.back().step == step) {
        spans.back().end = end;
        return;
    }
    spans.push_back({start, end, step});
}

} // namespace

Result<UsagePlan> UsagePlan::make(const UsageQuery &query, const LedgerState &state)
{
    UsagePlan plan;
    plan.fromUs = query.fromUs;
    plan.toUs = std::max(query.fromUs, query.toUs);
    const auto widen = [&plan](qint64 beforeUs, qint64 length) {
        if (plan.fromUs < beforeUs) {
            plan.fromUs = roundDown(plan.fromUs, length);
        }
        if (plan.toUs < beforeUs) {
            plan.toUs = roundUp(plan.toUs, length);
        }
    };
    const qint64 detailsSinceUs = state.detailsSinceS * kSecond;
    widen(state.rowsSinceUs, kQuarter);
    widen(detailsSinceUs, kDay);
    if (query.groupBy == UsageQuery::By::Minute && plan.fromUs < state.rowsSinceUs) {
        return Error{QStringLiteral("Usage by minute is only known as far back as the ledger's "
                                    "rows are kept. Ask by hour or by day.")};
    }
    if (auto made = plan.makeSteps(query); !made) {
        return Error{made.error()};
    }
    // Where only days are left, each belongs to the step at its noon.
    const qint64 daysEndUs = std::min(detailsSinceUs, plan.toUs);
    for (qint64 day = plan.fromUs; day < daysEndUs; day += kDay) {
        if (plan.stepsUs.size() == 1) {
            append(plan.days, day / kSecond, roundUp(daysEndUs, kDay) / kSecond, 0);
            break;
        }
        append(plan.days, day / kSecond, (day + kDay) / kSecond, plan.stepAt(day + kDay / 2));
    }
    for (size_t i = 0; i < plan.stepsUs.size(); ++i) {
        const qint64 end = i + 1 < plan.stepsUs.size() ? plan.stepsUs[i + 1] : plan.toUs;
        const qint64 start = std::max({plan.stepsUs[i], plan.fromUs, detailsSinceUs});
        plan.divide(start, std::min(end, plan.toUs), int(i));
    }
    return plan;
}

Result<Done> UsagePlan::makeSteps(const UsageQuery &query)
{
    if (!UsageQuery::isTime(query.groupBy)) {
        stepsUs.push_back(fromUs);
        return Done{};
    }
    const QTimeZone zone(query.timeZone);
    if (!zone.isValid()) {
        return Error{
            QStringLiteral("There is no time zone \"%1\".").arg(QString::fromUtf8(query.timeZone))};
    }
    if ((toUs - fromUs) / lengthOf(query.groupBy) > UsageQuery::kMaxSteps) {
        return Error{QStringLiteral("This is too long a time for such short steps. Ask for a "
                                    "shorter time or longer steps.")};
    }
    const Steps steps(query.groupBy, zone);
    for (qint64 us = steps.startAt(fromUs); us < toUs; us = steps.after(us)) {
        stepsUs.push_back(us);
    }
    return Done{};
}

int UsagePlan::stepAt(qint64 us) const
{
    const auto after = std::upper_bound(stepsUs.begin(), stepsUs.end(), us);
    return std::max(0, int(after - stepsUs.begin()) - 1);
}

void UsagePlan::divide(qint64 start, qint64 end, int step)
{
    const qint64 firstQuarter = roundUp(start, kQuarter);
    const qint64 lastQuarter = roundDown(end, kQuarter);
    if (firstQuarter >= lastQuarter) {
        append(rows, start, end, step);
        return;
    }
    append(rows, start, firstQuarter, step);
    append(rows, lastQuarter, end, step);
    const auto add = [step](std::vector<Span> &spans, qint64 fromUsec, qint64 toUsec) {
        append(spans, fromUsec / kSecond, toUsec / kSecond, step);
    };
    const qint64 firstHour = roundUp(firstQuarter, kHour);
    const qint64 lastHour = roundDown(lastQuarter, kHour);
    if (firstHour >= lastHour) {
        add(quarters, firstQuarter, lastQuarter);
        return;
    }
    add(quarters, firstQuarter, firstHour);
    add(quarters, lastHour, lastQuarter);
    const qint64 firstDay = roundUp(firstHour, kDay);
    const qint64 lastDay = roundDown(lastHour, kDay);
    if (firstDay >= lastDay) {
        add(hours, firstHour, lastHour);
        return;
    }
    add(hours, firstHour, firstDay);
    add(hours, lastDay, lastHour);
    add(days, firstDay, lastDay);
}

} // namespace tidegate
