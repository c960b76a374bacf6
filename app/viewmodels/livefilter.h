// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/observe/exchangeevent.h"

#include <QList>
#include <QString>

#include <variant>

namespace tidegate {

/// A filter over exchanges, as typed: `model:gpt* status:>=400 key:ci ttft:>2s free words`.
///
/// Value type, any thread. All terms must hold. Text is compared without case; `*` and `?` are
/// wildcards, without one a field matches by substring. `-term` negates.
class LiveFilter
{
public:
    /// An empty filter accepts everything.
    LiveFilter() = default;
    /// The error says which term is wrong and what would be right.
    [[nodiscard]] static Result<LiveFilter> parse(const QString &text);

    [[nodiscard]] bool accepts(const ExchangeEvent &event, const QString &keyName) const;
    [[nodiscard]] bool isEmpty() const { return m_terms.isEmpty(); }

private:
    enum class Field
    {
        Any,
        Model,
        Status,
        Key,
        Backend,
        Path,
        Method,
        Phase,
        Error,
        Stream,
        Ttft,
        Total,
        TokensIn,
        TokensOut,
        Attempts
    };
    enum class Compare
    {
        Equal,
        NotEqual,
        Less,
        LessEqual,
        Greater,
        GreaterEqual
    };
    struct Term
    {
        Field field = Field::Any;
        bool negated = false;
        QString text; ///< for text fields, lower-cased
        Compare compare = Compare::Equal;
        qint64 number = 0; ///< microseconds for times
        qint64 upTo = 0;   ///< last number of a class such as status:4xx
    };

    [[nodiscard]] static Result<Term> parseTerm(const QString &word);
    [[nodiscard]] static bool matches(const Term &term, const ExchangeEvent &event,
                                      const QString &keyName);

    QList<Term> m_terms;
};

} // namespace tidegate
