// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/livefilter.h"

#include "app/viewmodels/humantext.h"

#include <QCoreApplication>
#include <QStringList>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>

namespace tidegate {

namespace {

QString tr(const char *text)
{
    return QCoreApplication::translate("LiveFilter", text);
}

/// Splits at blanks; double quotes keep blanks together.
Result<QStringList> splitWords(const QString &text)
{
    QStringList words;
    QString word;
    bool quoted = false;
    bool any = false;
    for (const QChar c : text) {
        if (c == u'"') {
            quoted = !quoted;
            any = true;
        } else if (c.isSpace() && !quoted) {
            if (any) {
                words << word;
            }
            word.clear();
            any = false;
        } else {
            word += c;
            any = true;
        }
    }
    if (quoted) {
        return Error{tr("A closing quotation mark is missing.")};
    }
    if (any) {
        words << word;
    }
    return words;
}

/// `*` and `?` as in file names, over a whole text. Both lower-cased.
bool wildcardMatches(QStringView pattern, QStringView text)
{
    qsizetype p = 0;
    qsizetype t = 0;
    qsizetype star = -1;
    qsizetype mark = 0;
    while (t < text.size()) {
        if (p < pattern.size() && (pattern[p] == u'?' || pattern[p] == text[t])) {
            ++p;
            ++t;
        } else if (p < pattern.size() && pattern[p] == u'*') {
            star = p++;
            mark = t;
        } else if (star >= 0) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == u'*') {
        ++p;
    }
    return p == pattern.size();
}

bool textMatches(const QString &pattern, const QString &text)
{
    const QString lower = text.toLower();
    if (pattern.contains(u'*') || pattern.contains(u'?')) {
        return wildcardMatches(pattern, lower);
    }
    return lower.contains(pattern);
}

bool textMatches(const QString &pattern, const QByteArray &text)
{
    return textMatches(pattern, QString::fromUtf8(text));
}

/// "2s", "150ms", "1.5m", "80us"; microseconds. A bare number is milliseconds.
std::optional<qint64> parseDuration(const QString &text)
{
    qsizetype end = 0;
    while (end < text.size() && (text[end].isDigit() || text[end] == u'.')) {
        ++end;
    }
    bool ok = false;
    const double number = QStringView(text).left(end).toDouble(&ok);
    const QStringView unit = QStringView(text).mid(end);
    if (!ok || number > 1e9) {
        return std::nullopt;
    }
    double factor = 0;
    if (unit.isEmpty() || unit == u"ms") {
        factor = 1e3;
    } else if (unit == u"s") {
        factor = 1e6;
    } else if (unit == u"us" || unit == u"µs") {
        factor = 1;
    } else if (unit == u"m" || unit == u"min") {
        factor = 60e6;
    } else {
        return std::nullopt;
    }
    return qint64(std::llround(number * factor));
}

} // namespace

Result<LiveFilter> LiveFilter::parse(const QString &text)
{
    const Result<QStringList> words = splitWords(text);
    if (!words) {
        return Error{words.error()};
    }
    LiveFilter filter;
    for (const QString &word : words.value()) {
        if (word.isEmpty()) {
            continue;
        }
        Result<Term> term = parseTerm(word);
        if (!term) {
            return Error{term.error()};
        }
        filter.m_terms.append(std::move(term).value());
    }
    return filter;
}

Result<LiveFilter::Term> LiveFilter::parseTerm(const QString &word)
{
    enum class Kind
    {
        Text,
        Number,
        Duration,
        YesNo
    };
    struct FieldInfo
    {
        std::u16string_view name;
        Field field;
        Kind kind;
    };
    static constexpr std::array kFields = {
        FieldInfo{u"model", Field::Model, Kind::Text},
        FieldInfo{u"key", Field::Key, Kind::Text},
        FieldInfo{u"backend", Field::Backend, Kind::Text},
        FieldInfo{u"path", Field::Path, Kind::Text},
        FieldInfo{u"method", Field::Method, Kind::Text},
        FieldInfo{u"phase", Field::Phase, Kind::Text},
        FieldInfo{u"error", Field::Error, Kind::Text},
        FieldInfo{u"status", Field::Status, Kind::Number},
        FieldInfo{u"attempts", Field::Attempts, Kind::Number},
        FieldInfo{u"in", Field::TokensIn, Kind::Number},
        FieldInfo{u"out", Field::TokensOut, Kind::Number},
        FieldInfo{u"ttft", Field::Ttft, Kind::Duration},
        FieldInfo{u"total", Field::Total, Kind::Duration},
        FieldInfo{u"stream", Field::Stream, Kind::YesNo},
    };

    Term term;
    QString rest = word;
    if (rest.size() > 1 && rest.startsWith(u'-')) {
        term.negated = true;
        rest.remove(0, 1);
    }
    const qsizetype colon = rest.indexOf(u':');
    const QString name = rest.left(colon).toLower();
    const bool named =
        colon > 0 && std::all_of(name.cbegin(), name.cend(), [](QChar c) { return c.isLetter(); });
    if (!named) {
        term.text = rest.toLower();
        return term;
    }
    const auto *info = std::find_if(kFields.begin(), kFields.end(), [&name](const FieldInfo &f) {
        return name == QStringView(f.name.data(), qsizetype(f.name.size()));
    });
    if (info == kFields.end()) {
        QStringList known;
        for (const FieldInfo &field : kFields) {
            known << QString::fromUtf16(field.name.data(), qsizetype(field.name.size()));
        }
        return Error{tr("There is no field “%1”. The fields are: %2.")
                         .arg(name, known.join(QStringLiteral(", ")))};
    }
    term.field = info->field;
    QString value = rest.mid(colon + 1).toLower();
    if (value.isEmpty()) {
        return Error{tr("“%1:” needs a value, for example %2.")
                         .arg(name, info->kind == Kind::Text     ? name + QStringLiteral(":gpt*")
                                    : info->kind == Kind::YesNo  ? name + QStringLiteral(":yes")
                                    : info->kind == Kind::Number ? name + QStringLiteral(":>=400")
                                                                 : name + QStringLiteral(":>2s"))};
    }
    if (info->kind == Kind::Text) {
        term.text = value;
        return term;
    }
    if (info->kind == Kind::YesNo) {
        if (value == u"yes" || value == u"true" || value == u"1") {
            term.number = 1;
        } else if (value != u"no" && value != u"false" && value != u"0") {
            return Error{tr("“%1” is either yes or no.").arg(name)};
        }
        return term;
    }

    struct Operator
    {
        std::u16string_view text;
        Compare compare;
    };
    // The longer ones first.
    static constexpr std::array kOperators = {
        Operator{u">=", Compare::GreaterEqual}, Operator{u"<=", Compare::LessEqual},
        Operator{u"!=", Compare::NotEqual},     Operator{u">", Compare::Greater},
        Operator{u"<", Compare::Less},          Operator{u"=", Compare::Equal},
    };
    for (const Operator &op : kOperators) {
        if (value.startsWith(QStringView(op.text.data(), qsizetype(op.text.size())))) {
            term.compare = op.compare;
            value.remove(0, qsizetype(op.text.size()));
            break;
        }
    }
    if (info->kind == Kind::Duration) {
        const std::optional<qint64> microseconds = parseDuration(value);
        if (!microseconds) {
            return Error{
                tr("“%1” is not a time. Write for example %2:>2s or %2:<150ms.").arg(value, name)};
        }
        term.number = term.upTo = *microseconds;
        return term;
    }
    bool ok = false;
    if (term.field == Field::Status && value.size() == 3 && value.endsWith(u"xx")) {
        const int hundreds = value.left(1).toInt(&ok);
        term.number = hundreds * 100;
        term.upTo = term.number + 99;
    } else {
        term.number = term.upTo = value.toLongLong(&ok);
    }
    if (!ok) {
        return Error{term.field == Field::Status
                         ? tr("“%1” is not a status. Write for example status:429, status:4xx or "
                              "status:>=400.")
                               .arg(value)
                         : tr("“%1” is not a number. Write for example %2:>100.").arg(value, name)};
    }
    return term;
}

bool LiveFilter::accepts(const ExchangeEvent &event, const QString &keyName) const
{
    return std::all_of(m_terms.cbegin(), m_terms.cend(), [&](const Term &term) {
        return matches(term, event, keyName) != term.negated;
    });
}

bool LiveFilter::matches(const Term &term, const ExchangeEvent &event, const QString &keyName)
{
    // A value that is not known yet is neither more nor less than anything.
    const auto compare = [&term](qint64 value) {
        if (value < 0) {
            return false;
        }
        switch (term.compare) {
        case Compare::Equal:
            return value >= term.number && value <= term.upTo;
        case Compare::NotEqual:
            return value < term.number || value > term.upTo;
        case Compare::Less:
            return value < term.number;
        case Compare::LessEqual:
            return value <= term.upTo;
        case Compare::Greater:
            return value > term.upTo;
        case Compare::GreaterEqual:
            return value >= term.number;
        }
        return false;
    };
    const QString &text = term.text;
    switch (term.field) {
    case Field::Any:
        return textMatches(text, event.requestedModel) || textMatches(text, event.servedModel) ||
               textMatches(text, event.backend) || textMatches(text, event.path) ||
               textMatches(text, keyName) || textMatches(text, event.requestId) ||
               textMatches(text, event.errorCode) || textMatches(text, event.errorMessage);
    case Field::Model:
        return textMatches(text, event.requestedModel) || textMatches(text, event.servedModel);
    case Field::Key:
        return textMatches(text, keyName);
    case Field::Backend:
        return textMatches(text, event.backend);
    case Field::Path:
        return textMatches(text, event.path);
    case Field::Method:
        return textMatches(text, event.method);
    case Field::Phase:
        return textMatches(text, humantext::phase(event.phase));
    case Field::Error:
        return textMatches(text, event.errorCode) || textMatches(text, event.errorMessage);
    case Field::Status:
        return compare(event.status > 0 ? event.status : -1);
    case Field::Attempts:
        return compare(event.attempts);
    case Field::TokensIn:
        return compare(event.usage.input);
    case Field::TokensOut:
        return compare(event.usage.output);
    case Field::Ttft:
        return compare(event.timings.firstByteUs);
    case Field::Total:
        return compare(event.timings.endUs);
    case Field::Stream:
        return event.stream == (term.number == 1);
    }
    return false;
}

} // namespace tidegate
