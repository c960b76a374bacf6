// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/calendar.h"

#include <QDateTime>

#include <algorithm>

namespace tidegate {

namespace {

constexpr qint64 kDayMs = 86'400'000;
constexpr qint64 kHourMs = 3'600'000;
// No zone is or was further from UTC.
constexpr qint64 kMaxOffsetMs = 26 * kHourMs;

qint64 floorTo(qint64 value, qint64 step)
{
    const qint64 rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

qint64 offsetMs(const QTimeZone &zone, qint64 utcMs)
{
    return zone.isValid() ? qint64(zone.offsetFromUtc(
                                QDateTime::fromMSecsSinceEpoch(utcMs, QTimeZone::utc()))) *
                                1000
                          : 0;
}

// Days since 1970 of the date that the zone's calendar shows.
qint64 localDay(const QTimeZone &zone, qint64 utcMs)
{
    return floorTo(utcMs + offsetMs(zone, utcMs), kDayMs) / kDayMs;
}

// The first millisecond in (before, after] for which `reached` is true; it is false for `before`.
template <typename Predicate>
qint64 firstMs(qint64 before, qint64 after, Predicate reached)
{
    while (after - before > 1) {
        const qint64 middle = before + (after - before) / 2;
        (reached(middle) ? after : before) = middle;
    }
    return after;
}

qint64 startOfDay(const QTimeZone &zone, qint64 day)
{
    const qint64 nominal = day * kDayMs;
    // Midnight by the offset of the hours before it: right also where it comes twice or the clock
    // jumps from it.
    const qint64 guess = nominal - offsetMs(zone, nominal - offsetMs(zone, nominal));
    const qint64 start = nominal - offsetMs(zone, guess - 2 * kHourMs);
    if (localDay(zone, start) >= day && localDay(zone, start - 1) < day) {
        return start;
    }
    return firstMs(nominal - kMaxOffsetMs, nominal + kMaxOffsetMs,
                   [&](qint64 ms) { return localDay(zone, ms) >= day; });
}

BudgetWindow days(const QTimeZone &zone, qint64 first, qint64 next)
{
    return {startOfDay(zone, first) * 1000, startOfDay(zone, next) * 1000};
}

// The clock may show yesterday's date once more when it is put back around midnight; the day has
// begun all the same.
qint64 begunDay(const QTimeZone &zone, qint64 utcMs)
{
    qint64 day = localDay(zone, utcMs);
    while (utcMs < startOfDay(zone, day)) {
        --day;
    }
    while (utcMs >= startOfDay(zone, day + 1)) {
        ++day;
    }
    return day;
}

BudgetWindow hour(const QTimeZone &zone, qint64 utcMs)
{
    const qint64 offset = offsetMs(zone, utcMs);
    const auto sameOffset = [&](qint64 ms) { return offsetMs(zone, ms) == offset; };
    qint64 start = floorTo(utcMs + offset, kHourMs) - offset;
    qint64 end = start + kHourMs;
    if (start < utcMs && !sameOffset(start)) {
        start = firstMs(start, utcMs, sameOffset);
    }
    if (!sameOffset(end - 1)) {
        end = firstMs(utcMs, end - 1, [&](qint64 ms) { return !sameOffset(ms); });
    }
    return {start * 1000, end * 1000};
}

} // namespace

BudgetWindow Calendar::window(BudgetPeriod period, const QTimeZone &zone, qint64 wallUs)
{
    const qint64 utcMs = floorTo(wallUs, 1000) / 1000;
    switch (period) {
    case BudgetPeriod::Hour:
        return hour(zone, utcMs);
    case BudgetPeriod::Day: {
        const qint64 day = begunDay(zone, utcMs);
        return days(zone, day, day + 1);
    }
    case BudgetPeriod::Week: {
        // 1970-01-01 was a Thursday.
        const qint64 monday = floorTo(begunDay(zone, utcMs) + 3, 7) - 3;
        return days(zone, monday, monday + 7);
    }
    case BudgetPeriod::Month: {
        const QDate epoch(1970, 1, 1);
        const QDate date = epoch.addDays(begunDay(zone, utcMs));
        const QDate first(date.year(), date.month(), 1);
        return days(zone, epoch.daysTo(first), epoch.daysTo(first.addMonths(1)));
    }
    case BudgetPeriod::Total:
        break;
    }
    return {};
}

} // namespace tidegate
