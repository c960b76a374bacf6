// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/humantext.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QLocale>

#include <cmath>

namespace tidegate {

namespace humantext {

namespace {

constexpr qint64 kSecondUs = 1'000'000;

/// The name under which translators find these texts.
class HumanText
{
    Q_DECLARE_TR_FUNCTIONS(HumanText)
};

} // namespace

QString none()
{
    return QStringLiteral("–");
}

QString duration(qint64 microseconds)
{
    const QLocale locale;
    if (microseconds < 0) {
        return none();
    }
    if (microseconds < 1'000) {
        //: A time in microseconds
        return HumanText::tr("%1 µs").arg(locale.toString(microseconds));
    }
    if (microseconds < 10'000) {
        //: A time in milliseconds
        return HumanText::tr("%1 ms").arg(locale.toString(double(microseconds) / 1e3, 'f', 1));
    }
    if (microseconds < kSecondUs) {
        return HumanText::tr("%1 ms").arg(locale.toString(microseconds / 1'000));
    }
    if (microseconds < 60 * kSecondUs) {
        //: A time in seconds
        return HumanText::tr("%1 s").arg(locale.toString(double(microseconds) / 1e6, 'f', 2));
    }
    const qint64 seconds = microseconds / kSecondUs;
    //: A time: minutes and two-digit seconds
    return HumanText::tr("%1 min %2 s")
        .arg(locale.toString(seconds / 60))
        .arg(seconds % 60, 2, 10, QLatin1Char('0'));
}

QString spokenDuration(qint64 microseconds)
{
    if (microseconds < 0) {
        return {};
    }
    if (microseconds < kSecondUs) {
        //: Read aloud
        return HumanText::tr("%n millisecond(s)", nullptr, int(microseconds / 1'000));
    }
    //: Read aloud; the number has one decimal
    return HumanText::tr("%1 seconds").arg(QLocale().toString(double(microseconds) / 1e6, 'f', 1));
}

QString seconds(qint64 milliseconds)
{
    const QLocale locale;
    const qint64 whole = (qMax<qint64>(0, milliseconds) + 999) / 1'000;
    if (whole < 120) {
        //: A time in seconds
        return HumanText::tr("%1 s").arg(locale.toString(whole));
    }
    if (whole < 7'200) {
        //: A time in minutes
        return HumanText::tr("%1 min").arg(locale.toString((whole + 59) / 60));
    }
    //: A time in hours
    return HumanText::tr("%1 h").arg(locale.toString((whole + 3'599) / 3'600));
}

QString count(qint64 number)
{
    return number < 0 ? none() : QLocale().toString(number);
}

QString compactCount(qint64 number)
{
    static constexpr const char *kUnits[] = {"k", "M", "G", "T"};
    if (number < 10'000) {
        return count(number);
    }
    double value = double(number);
    int unit = -1;
    // 999,950 would be "1000.0 k".
    while (value >= 999.95 && unit + 1 < int(std::size(kUnits))) {
        value /= 1'000;
        ++unit;
    }
    return QLocale().toString(value, 'f', value < 100 ? 1 : 0) + u' ' + QLatin1String(kUnits[unit]);
}

QString money(Money amount)
{
    const double dollars = double(amount.nano()) / 1e9;
    int decimals = 2;
    if (amount.nano() != 0 && std::abs(dollars) < 0.01) {
        decimals = std::abs(dollars) < 0.0001 ? 6 : 4;
    }
    const QLocale locale;
    // The locale "C" writes amounts as nobody does.
    return (locale.language() == QLocale::C ? QLocale(QLocale::English, QLocale::UnitedStates)
                                            : locale)
        .toCurrencyString(dollars, QStringLiteral("$"), decimals);
}

QString timeOfDay(QTime time)
{
    const QLocale locale;
    return locale.language() == QLocale::C ? time.toString(QStringLiteral("HH:mm"))
                                           : locale.toString(time, QLocale::ShortFormat);
}

QString clockTime(qint64 wallClockUs)
{
    return QDateTime::fromMSecsSinceEpoch(wallClockUs / 1'000)
        .time()
        .toString(QStringLiteral("HH:mm:ss.zzz"));
}

QString dateTime(qint64 wallClockUs)
{
    return QLocale().toString(QDateTime::fromMSecsSinceEpoch(wallClockUs / 1'000),
                              QLocale::ShortFormat);
}

QString soon(qint64 wallClockUs)
{
    const QDateTime time = QDateTime::fromMSecsSinceEpoch(wallClockUs / 1'000);
    const QLocale locale;
    //: %1 is a day and month, %2 a time of day
    return HumanText::tr("%1, %2").arg(
        //: Format of a day and month, see QDate::toString()
        locale.toString(time.date(), HumanText::tr("d MMM")), timeOfDay(time.time()));
}

QString ago(qint64 wallClockUs, qint64 nowUs)
{
    const qint64 seconds = qMax(qint64(0), nowUs - wallClockUs) / kSecondUs;
    if (seconds < 60) {
        return HumanText::tr("just now");
    }
    if (seconds < 3'600) {
        return HumanText::tr("%n minute(s) ago", nullptr, int(seconds / 60));
    }
    if (seconds < 86'400) {
        return HumanText::tr("%n hour(s) ago", nullptr, int(seconds / 3'600));
    }
    if (seconds < 30 * 86'400) {
        return HumanText::tr("%n day(s) ago", nullptr, int(seconds / 86'400));
    }
    return QLocale().toString(QDateTime::fromMSecsSinceEpoch(wallClockUs / 1'000).date(),
                              QLocale::ShortFormat);
}

QString bytes(qint64 count)
{
    return QLocale().formattedDataSize(count, 1, QLocale::DataSizeSIFormat);
}

QString phase(ExchangePhase phase)
{
    switch (phase) {
    case ExchangePhase::Waiting:
        return HumanText::tr("Waiting");
    case ExchangePhase::Streaming:
        return HumanText::tr("Streaming");
    case ExchangePhase::Done:
        return HumanText::tr("Done");
    case ExchangePhase::Failed:
        return HumanText::tr("Failed");
    case ExchangePhase::Cancelled:
        return HumanText::tr("Cancelled");
    }
    return {};
}

QString endpoint(const ExchangeEvent &event)
{
    switch (event.endpoint) {
    case Endpoint::ChatCompletions:
        return HumanText::tr("chat completions");
    case Endpoint::Completions:
        return HumanText::tr("completions");
    case Endpoint::Embeddings:
        return HumanText::tr("embeddings");
    case Endpoint::Models:
        return HumanText::tr("models");
    case Endpoint::Other:
        break;
    }
    return QString::fromUtf8(event.path);
}

} // namespace humantext

qint64 totalTimeUs(const ExchangeEvent &event, qint64 nowUs)
{
    if (event.timings.endUs >= 0) {
        return event.timings.endUs;
    }
    return qMax(qint64(0), nowUs - event.startedAtUs);
}

double tokensPerSecond(const ExchangeEvent &event, qint64 nowUs)
{
    const qint64 firstUs = event.timings.firstByteUs;
    if (!event.stream || firstUs < 0) {
        return -1;
    }
    // A chat stream has about one token in each event, which will do until the usage is known.
    const qint64 tokens = event.usage.output >= 0 ? event.usage.output : event.streamedEvents;
    const qint64 streamedUs = totalTimeUs(event, nowUs) - firstUs;
    if (tokens <= 0 || streamedUs < 1'000) {
        return -1;
    }
    return double(tokens) * 1e6 / double(streamedUs);
}

} // namespace tidegate
