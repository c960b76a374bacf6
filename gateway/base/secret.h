// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <utility>

namespace tidegate {

/// Bytes that must never be logged, stored or shown, such as a provider key.
///
/// Value type, any thread. There is deliberately no QDebug operator and no conversion; every use
/// has to say reveal(), which is what a review looks for.
class Secret
{
public:
    Secret() = default;
    explicit Secret(QByteArray value)
        : m_value(std::move(value))
    {
    }

    [[nodiscard]] const QByteArray &reveal() const { return m_value; }
    [[nodiscard]] bool isEmpty() const { return m_value.isEmpty(); }
    bool operator==(const Secret &) const = default;

private:
    QByteArray m_value;
};

} // namespace tidegate
