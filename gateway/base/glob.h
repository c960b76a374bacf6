// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <string_view>

namespace tidegate {

/// A model name pattern: `*` matches any run of characters, `?` one byte; everything else is
/// literal.
///
/// Value type, any thread. Names are compared as UTF-8 bytes, case-sensitively.
class Glob
{
public:
    Glob() = default;
    explicit Glob(QByteArray pattern);

    [[nodiscard]] bool matches(std::string_view name) const;
    /// True when the pattern has no wildcard and so names exactly one model.
    [[nodiscard]] bool isExact() const { return m_exact; }
    /// Number of literal bytes: of two patterns that match, the one with more is the more specific.
    [[nodiscard]] int specificity() const { return m_specificity; }
    [[nodiscard]] const QByteArray &pattern() const { return m_pattern; }

    bool operator==(const Glob &) const = default;

private:
    QByteArray m_pattern;
    int m_specificity = 0;
    bool m_exact = true;
};

} // namespace tidegate
