// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/httpdate.h"

#include <QDate>
#include <QTime>

#include <array>

namespace tidegate {

namespace {

constexpr qint64 kMsPerDay = 86'400'000;

std::optional<qint64> msOf(int year, int month, int day, int hour, int minute, int second)
{
    const QDate date(year, month, day);
    const bool leapSecond = second == 60;
    const QTime time(hour, minute, leapSecond ? 59 : second);
    if (!date.isValid() || !time.isValid()) {
        return std::nullopt;
    }
    static const qint64 epoch = QDate(1970, 1, 1).toJulianDay();
    return (date.toJulianDay() - epoch) * kMsPerDay + time.msecsSinceStartOfDay() +
           (leapSecond ? 1000 : 0);
}

// Takes pieces off the front of a text; after the first one that is not there all fail.
class Scanner
{
public:
    explicit Scanner(std::string_view text)
        : m_rest(text)
    {
    }

    bool literal(std::string_view expected)
    {
        m_ok = m_ok && m_rest.starts_with(expected);
        m_rest.remove_prefix(m_ok ? expected.size() : 0);
        return m_ok;
    }
    bool number(size_t digits, int &value)
    {
        value = 0;
        m_ok = m_ok && m_rest.size() >= digits;
        for (size_t i = 0; m_ok && i < digits; ++i) {
            m_ok = m_rest[i] >= '0' && m_rest[i] <= '9';
            value = value * 10 + (m_rest[i] - '0');
        }
        m_rest.remove_prefix(m_ok ? digits : 0);
        return m_ok;
    }
    // 1-based index of the name that stands next.
    template <size_t N>
    bool name(const std::array<std::string_view, N> &names, int &index)
    {
        index = 0;
        for (size_t i = 0; m_ok && index == 0 && i < N; ++i) {
            index = m_rest.starts_with(names[i]) ? int(i) + 1 : 0;
        }
        m_ok = m_ok && index > 0;
        m_rest.remove_prefix(m_ok ? names[size_t(index) - 1].size() : 0);
        return m_ok;
    }
    bool time(int &hour, int &minute, int &second)
    {
        return number(2, hour) && literal(":") && number(2, minute) && literal(":") &&
               number(2, second);
    }
    [[nodiscard]] bool atEnd() const { return m_ok && m_rest.empty(); }
    [[nodiscard]] std::string_view rest() const { return m_rest; }
    void skip(size_t bytes) { m_rest.remove_prefix(bytes); }

private:
    std::string_view m_rest;
    bool m_ok = true;
};

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kShortDays = {"Mon", "Tue", "Wed", "Thu",
                                                        "Fri", "Sat", "Sun"};
constexpr std::array<std::string_view, 7> kLongDays = {
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};

struct DateParts
{
    int weekday = 0;
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;

    [[nodiscard]] std::optional<qint64> ms() const
    {
        return msOf(year, month, day, hour, minute, second);
    }
};

// Sun, 06 Nov 1994 08:49:37 GMT
bool readFixdate(std::string_view text, DateParts &p)
{
    Scanner in(text);
    return in.name(kShortDays, p.weekday) && in.literal(", ") && in.number(2, p.day) &&
           in.literal(" ") && in.name(kMonths, p.month) && in.literal(" ") &&
           in.number(4, p.year) && in.literal(" ") && in.time(p.hour, p.minute, p.second) &&
           in.literal(" GMT") && in.atEnd();
}

// Sunday, 06-Nov-94 08:49:37 GMT
bool readRfc850(std::string_view text, DateParts &p)
{
    Scanner in(text);
    return in.name(kLongDays, p.weekday) && in.literal(", ") && in.number(2, p.day) &&
           in.literal("-") && in.name(kMonths, p.month) && in.literal("-") &&
           in.number(2, p.year) && in.literal(" ") && in.time(p.hour, p.minute, p.second) &&
           in.literal(" GMT") && in.atEnd();
}

// Sun Nov  6 08:49:37 1994
bool readAsctime(std::string_view text, DateParts &p)
{
    Scanner in(text);
    if (!in.name(kShortDays, p.weekday) || !in.literal(" ") || !in.name(kMonths, p.month) ||
        !in.literal(" ")) {
        return false;
    }
    const bool padded = in.rest().starts_with(' ');
    in.skip(padded ? 1 : 0);
    return in.number(padded ? 1 : 2, p.day) && in.literal(" ") &&
           in.time(p.hour, p.minute, p.second) && in.literal(" ") && in.number(4, p.year) &&
           in.atEnd();
}

} // namespace

std::optional<qint64> parseHttpDate(std::string_view text, qint64 nowMs)
{
    DateParts parts;
    if (readFixdate(text, parts) || readAsctime(text, parts)) {
        return parts.ms();
    }
    if (!readRfc850(text, parts)) {
        return std::nullopt;
    }
    const QDate today = QDate(1970, 1, 1).addDays(nowMs / kMsPerDay);
    parts.year += today.year() / 100 * 100;
    if (parts.year > today.year() + 50) {
        parts.year -= 100;
    } else if (parts.year < today.year() - 50) {
        parts.year += 100;
    }
    return parts.ms();
}

std::optional<qint64> parseRfc3339(std::string_view text)
{
    Scanner in(text);
    DateParts p;
    if (!(in.number(4, p.year) && in.literal("-") && in.number(2, p.month) && in.literal("-") &&
          in.number(2, p.day)) ||
        !(in.rest().starts_with('T') || in.rest().starts_with('t') || in.rest().starts_with(' '))) {
        return std::nullopt;
    }
    in.skip(1);
    if (!in.time(p.hour, p.minute, p.second)) {
        return std::nullopt;
    }
    std::optional<qint64> ms = p.ms();
    if (!ms) {
        return std::nullopt;
    }
    if (in.rest().starts_with('.')) {
        in.skip(1);
        qint64 worth = 100; // milliseconds of the next digit
        size_t digits = 0;
        for (; digits < in.rest().size() && in.rest()[digits] >= '0' && in.rest()[digits] <= '9';
             ++digits) {
            *ms += worth * (in.rest()[digits] - '0');
            worth /= 10;
        }
        if (digits == 0) {
            return std::nullopt;
        }
        in.skip(digits);
    }
    if (in.rest() == "Z" || in.rest() == "z") {
        return ms;
    }
    const bool ahead = in.rest().starts_with('+');
    int hours = 0;
    int minutes = 0;
    if ((!ahead && !in.rest().starts_with('-')) || !in.literal(ahead ? "+" : "-") ||
        !in.number(2, hours) || !in.literal(":") || !in.number(2, minutes) || !in.atEnd() ||
        hours > 23 || minutes > 59) {
        return std::nullopt;
    }
    const qint64 offsetMs = (qint64(hours) * 60 + minutes) * 60'000;
    return ahead ? *ms - offsetMs : *ms + offsetMs;
}

} // namespace tidegate
