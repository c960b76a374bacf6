// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/money.h"
#include "gateway/observe/exchangeevent.h"

#include <QString>
#include <QTime>

namespace tidegate {

/// Numbers and times as people read them, in the default locale. Any thread.
namespace humantext {

/// What stands for a value that is not known.
[[nodiscard]] QString none();
/// "85 µs", "142 ms", "1.24 s", "2 min 05 s"; none() when negative.
[[nodiscard]] QString duration(qint64 microseconds);
/// The same for a screen reader: "142 milliseconds", "1.2 seconds".
[[nodiscard]] QString spokenDuration(qint64 microseconds);
/// A time to come in whole units, rounded up: "12 s", "4 min", "2 h"; "0 s" when it is over.
[[nodiscard]] QString seconds(qint64 milliseconds);
/// "1,204"; none() when negative.
[[nodiscard]] QString count(qint64 number);
/// "1,204", from ten thousand on "12.4 k", "3.1 M"; none() when negative.
[[nodiscard]] QString compactCount(qint64 number);
/// "$3.10"; amounts below a cent with as many decimals as they need: "$0.0042".
[[nodiscard]] QString money(Money amount);
/// "14:03" or "2:03 PM".
[[nodiscard]] QString timeOfDay(QTime time);
/// "14:03:07.125", local time.
[[nodiscard]] QString clockTime(qint64 wallClockUs);
/// Absolute local date and time.
[[nodiscard]] QString dateTime(qint64 wallClockUs);
/// A day and a time without the year, "21 Nov, 14:00", local time.
[[nodiscard]] QString soon(qint64 wallClockUs);
/// "just now", "3 minutes ago", "yesterday", …; a date when more than 30 days ago.
[[nodiscard]] QString ago(qint64 wallClockUs, qint64 nowUs);
/// "1.5 MB"
[[nodiscard]] QString bytes(qint64 count);
/// "Waiting", "Streaming", …
[[nodiscard]] QString phase(ExchangePhase phase);
/// "chat completions", "embeddings", …; the path for others.
[[nodiscard]] QString endpoint(const ExchangeEvent &event);

} // namespace humantext

/// Microseconds from the first request byte: of a finished exchange its whole time, of a running
/// one until @p nowUs.
[[nodiscard]] qint64 totalTimeUs(const ExchangeEvent &event, qint64 nowUs);
/// Output tokens per second of the streamed part; negative when it cannot be told.
[[nodiscard]] double tokensPerSecond(const ExchangeEvent &event, qint64 nowUs);

} // namespace tidegate
