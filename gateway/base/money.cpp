// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/base/money.h"

#include <QString>

#include <array>
#include <charconv>
#include <limits>

namespace tidegate {

namespace {

constexpr int kDecimals = 9;
constexpr qint64 kNanoPerDollar = 1'000'000'000;
constexpr qint64 kMaximum = std::numeric_limits<qint64>::max();

bool isDigit(char c)
{
    return c >= '0' && c <= '9';
}

} // namespace

std::optional<Money> Money::parse(QByteArrayView text)
{
    const bool negative = text.startsWith('-');
    if (negative) {
        text = text.sliced(1);
    }
    const qsizetype point = text.indexOf('.');
    const QByteArrayView whole = point < 0 ? text : text.first(point);
    const QByteArrayView fraction = point < 0 ? QByteArrayView() : text.sliced(point + 1);
    if (whole.isEmpty() || (point >= 0 && fraction.isEmpty()) || fraction.size() > kDecimals) {
        return std::nullopt;
    }
    qint64 nano = 0;
    const auto append = [&nano](int digit) {
        return !__builtin_mul_overflow(nano, 10, &nano) &&
               !__builtin_add_overflow(nano, digit, &nano);
    };
    for (const char c : whole) {
        if (!isDigit(c) || !append(c - '0')) {
            return std::nullopt;
        }
    }
    for (int i = 0; i < kDecimals; ++i) {
        const char c = i < fraction.size() ? fraction[i] : '0';
        if (!isDigit(c) || !append(c - '0')) {
            return std::nullopt;
        }
    }
    return Money(negative ? -nano : nano);
}

QByteArray Money::toString() const
{
    // Through unsigned, because the smallest number has no positive counterpart.
    const quint64 nano = m_nano < 0 ? quint64(0) - quint64(m_nano) : quint64(m_nano);
    std::array<char, 32> text{};
    char *to = text.data();
    if (m_nano < 0) {
        *to++ = '-';
    }
    to = std::to_chars(to, to + 20, nano / kNanoPerDollar).ptr;
    *to++ = '.';
    char *const end = to + kDecimals;
    quint64 decimals = nano % kNanoPerDollar;
    for (char *digit = end; digit != to; decimals /= 10) {
        *--digit = char('0' + decimals % 10);
    }
    return {text.data(), end - text.data()};
}

Money &Money::operator+=(Money other)
{
    if (__builtin_add_overflow(m_nano, other.m_nano, &m_nano)) {
        m_nano = other.m_nano > 0 ? kMaximum : -kMaximum;
    }
    return *this;
}

Money &Money::operator-=(Money other)
{
    if (__builtin_sub_overflow(m_nano, other.m_nano, &m_nano)) {
        m_nano = other.m_nano < 0 ? kMaximum : -kMaximum;
    }
    return *this;
}

} // namespace tidegate
