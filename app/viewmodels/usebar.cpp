// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/usebar.h"

#include "app/viewmodels/humantext.h"

#include <QCoreApplication>

#include <algorithm>

namespace tidegate {

namespace {

constexpr qint64 kDayUs = 86'400'000'000;
/// Before this share of a period is over, or before this long, its pace says nothing.
constexpr double kEarlyShare = 0.02;
constexpr qint64 kEarlyUs = 600'000'000;
constexpr double kNear = 0.8;

enum Tone
{
    Calm,
    Near,
    Reached
};

/// The name under which translators find these texts.
class UseBar
{
    Q_DECLARE_TR_FUNCTIONS(UseBar)
};

QString note(const Forecast &forecast)
{
    switch (forecast.kind) {
    case Forecast::Kind::None:
        return {};
    case Forecast::Kind::Early:
        //: A forecast: too little is known yet
        return UseBar::tr("too early to tell");
    case Forecast::Kind::Within:
        //: A forecast: the limit will hold
        return UseBar::tr("within the limit");
    case Forecast::Kind::Reaches:
        //: A forecast; %1 is a day and a time
        return UseBar::tr("full about %1").arg(humantext::soon(forecast.atUs));
    case Forecast::Kind::Reached:
        return forecast.atUs < 0
                   ? UseBar::tr("used up")
                   //: %1 is a day and a time
                   : UseBar::tr("used up until %1").arg(humantext::soon(forecast.atUs));
    }
    return {};
}

QString spokenNote(const Forecast &forecast)
{
    if (forecast.kind == Forecast::Kind::Reaches) {
        //: Read aloud: a forecast; %1 is a day and a time
        return UseBar::tr("reaches the limit about %1").arg(humantext::soon(forecast.atUs));
    }
    return note(forecast);
}

QVariantMap bar(const QString &text, double ratio, const Forecast &forecast, const QString &spoken)
{
    const Tone tone = ratio >= 1                                                   ? Reached
                      : ratio >= kNear || forecast.kind == Forecast::Kind::Reaches ? Near
                                                                                   : Calm;
    const QString aloud = spokenNote(forecast);
    return {{QStringLiteral("limited"), ratio >= 0},
            {QStringLiteral("text"), text},
            {QStringLiteral("ratio"), std::min(ratio, 1.0)},
            {QStringLiteral("note"), note(forecast)},
            {QStringLiteral("tone"), int(tone)},
            {QStringLiteral("spoken"),
             aloud.isEmpty() ? spoken : QString(spoken + QStringLiteral(", ") + aloud)}};
}

double ratioOf(qint64 used, qint64 limit)
{
    return limit > 0 ? double(std::max<qint64>(0, used)) / double(limit) : -1;
}

QString ofText(const QString &used, const QString &limit)
{
    //: How much of a limit is used, e.g. "12 / 60"
    return UseBar::tr("%1 / %2").arg(used, limit);
}

} // namespace

Forecast forecast(qint64 used, qint64 limit, qint64 startUs, qint64 endUs, qint64 nowUs)
{
    Forecast result;
    if (limit <= 0) {
        return result;
    }
    if (used >= limit) {
        result.kind = Forecast::Kind::Reached;
        result.atUs = endUs;
        return result;
    }
    if (used <= 0 || startUs <= 0) {
        return result;
    }
    const qint64 elapsedUs = nowUs - startUs;
    const double share = endUs > startUs ? double(elapsedUs) / double(endUs - startUs) : 1;
    if (elapsedUs < kEarlyUs && share < 0.5) {
        result.kind = Forecast::Kind::Early;
        return result;
    }
    if (share < kEarlyShare) {
        result.kind = Forecast::Kind::Early;
        return result;
    }
    const double atUs = double(startUs) + double(elapsedUs) * double(limit) / double(used);
    // Further than this is not a forecast any more, and could leave the range of the type.
    constexpr double kHorizonUs = 366.0 * double(kDayUs);
    if ((endUs >= 0 && atUs >= double(endUs)) || atUs > double(nowUs) + kHorizonUs) {
        result.kind = Forecast::Kind::Within;
        return result;
    }
    result.kind = Forecast::Kind::Reaches;
    result.atUs = qint64(atUs);
    return result;
}

namespace usebar {

QVariantMap requests(const LimitUse &use)
{
    const qint64 limit = use.limits.requestsPerMinute;
    const QString used = humantext::count(use.requestsThisMinute);
    const QString spoken =
        limit > 0
            //: Read aloud
            ? UseBar::tr("%1 of %2 requests this minute").arg(used, humantext::count(limit))
            : UseBar::tr("no limit of requests");
    return bar(limit > 0 ? ofText(used, humantext::count(limit)) : humantext::none(),
               ratioOf(use.requestsThisMinute, limit), {}, spoken);
}

QVariantMap tokens(const LimitUse &use, qint64 nowUs)
{
    const qint64 limit = use.limits.tokensPerDay;
    const QString used = humantext::compactCount(use.tokensToday);
    if (limit <= 0) {
        return bar(use.tokensToday > 0 ? used : humantext::none(), -1, {},
                   UseBar::tr("no limit of tokens a day"));
    }
    const qint64 startUs = nowUs / kDayUs * kDayUs;
    return bar(ofText(used, humantext::compactCount(limit)), ratioOf(use.tokensToday, limit),
               forecast(use.tokensToday, limit, startUs, startUs + kDayUs, nowUs),
               //: Read aloud
               UseBar::tr("%1 of %2 tokens today").arg(used, humantext::compactCount(limit)));
}

QVariantMap budget(const LimitUse &use, qint64 nowUs)
{
    if (!use.budget) {
        return bar(humantext::none(), -1, {}, UseBar::tr("no budget"));
    }
    const BudgetUse &budget = *use.budget;
    const qint64 used = (budget.spent + budget.held).nano();
    const qint64 limit = budget.rule.amount.nano();
    const QString text =
        ofText(humantext::money(budget.spent + budget.held), humantext::money(budget.rule.amount));
    //: Read aloud; %3 is a period, e.g. "month"
    const QString spoken =
        UseBar::tr("%1 of %2 spent, budget of a %3")
            .arg(humantext::money(budget.spent + budget.held), humantext::money(budget.rule.amount),
                 periodText(budget.rule.period));
    QVariantMap map =
        bar(text, limit > 0 ? ratioOf(used, limit) : 1,
            forecast(used, limit, budget.periodStartUs, budget.resetUs, nowUs), spoken);
    //: After an amount of money, e.g. "a month"
    map[QStringLiteral("period")] = budget.rule.period == BudgetPeriod::Total
                                        ? UseBar::tr("in total")
                                        : UseBar::tr("a %1").arg(periodText(budget.rule.period));
    map[QStringLiteral("shadow")] = budget.rule.shadow;
    return map;
}

QString periodText(BudgetPeriod period)
{
    switch (period) {
    case BudgetPeriod::Hour:
        return UseBar::tr("hour");
    case BudgetPeriod::Day:
        return UseBar::tr("day");
    case BudgetPeriod::Week:
        return UseBar::tr("week");
    case BudgetPeriod::Month:
        return UseBar::tr("month");
    case BudgetPeriod::Total:
        return UseBar::tr("total");
    }
    return {};
}

} // namespace usebar

} // namespace tidegate
