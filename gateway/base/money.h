// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QByteArrayView>

#include <compare>
#include <optional>

namespace tidegate {

/// An amount of US dollars, exact to 1e-9 of one: a whole number of nano-dollars.
///
/// Value type, any thread. Between ±9,223,372,036 USD; sums beyond that stay at the bound, so that
/// an overflow can never turn spending into credit.
class Money
{
public:
    constexpr Money() = default;
    [[nodiscard]] static constexpr Money fromNano(qint64 nano) { return Money(nano); }
    /// Reads a plain decimal such as "12", "-0.5" or "0.000000001". Nothing for anything else: more
    /// than nine decimals, an exponent, spaces, or an amount out of range.
    [[nodiscard]] static std::optional<Money> parse(QByteArrayView text);

    [[nodiscard]] constexpr qint64 nano() const { return m_nano; }
    /// With all nine decimals: "1.000000000".
    [[nodiscard]] QByteArray toString() const;

    [[nodiscard]] constexpr bool isZero() const { return m_nano == 0; }
    friend constexpr auto operator<=>(Money, Money) = default;
    Money &operator+=(Money other);
    Money &operator-=(Money other);
    [[nodiscard]] friend Money operator+(Money a, Money b) { return a += b; }
    [[nodiscard]] friend Money operator-(Money a, Money b) { return a -= b; }

private:
    constexpr explicit Money(qint64 nano)
        : m_nano(nano)
    {
    }
    qint64 m_nano = 0;
};

} // namespace tidegate
