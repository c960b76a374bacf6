// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/configvalidator.h"

#include "gateway/config/closestmatch.h"
#include "gateway/config/variables.h"

#include <QDateTime>
#include <QDir>
#include <QFileInfo>
#include <QHash>
#include <QHostAddress>
#include <QRegularExpression>
#include <QTimeZone>

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

using Kind = SchemaField::Kind;
using NameRule = SchemaField::NameRule;

constexpr qsizetype kLongestShown = 60;
constexpr qsizetype kLongestText = 8192;

QString joined(const QString &path, const QString &key)
{
    return path.isEmpty() ? key : path + u'.' + key;
}

/// As written in the file, cut to a length that fits a message. Variables stay unexpanded.
QString shown(const QString &raw)
{
    QString text = raw.size() > kLongestShown ? raw.left(kLongestShown) + u'…' : raw;
    for (QChar &c : text) {
        if (!c.isPrint()) {
            c = u'?';
        }
    }
    return u'"' + text + u'"';
}

bool hasControlCharacter(const QString &text)
{
    return std::any_of(text.cbegin(), text.cend(),
                       [](QChar c) { return c.category() == QChar::Other_Control; });
}

bool hasSpace(const QString &text)
{
    return std::any_of(text.cbegin(), text.cend(), [](QChar c) { return c.isSpace(); });
}

std::optional<qint64> parseInteger(const QString &text)
{
    static const QRegularExpression kDigits(u"\\A[+-]?[0-9]{1,18}\\z"_s);
    if (!kDigits.match(text).hasMatch()) {
        return std::nullopt;
    }
    return text.toLongLong();
}

struct Unit
{
    QStringView name;
    double factor;
};

/// A whole number with an optional unit; nothing when the result is not whole.
std::optional<qint64> parseWithUnit(const QString &text, std::initializer_list<Unit> units)
{
    static const QRegularExpression kForm(u"\\A([0-9]{1,15})\\s*([A-Za-z]*)\\z"_s);
    const QRegularExpressionMatch match = kForm.match(text);
    if (!match.hasMatch()) {
        return std::nullopt;
    }
    const double count = match.captured(1).toDouble();
    const QString unit = match.captured(2);
    if (unit.isEmpty()) {
        return qint64(count);
    }
    for (const Unit &known : units) {
        if (known.name.compare(unit, Qt::CaseInsensitive) == 0) {
            const double result = count * known.factor;
            const bool whole = result == std::floor(result) && result < 9e15;
            return whole ? std::optional(qint64(result)) : std::nullopt;
        }
    }
    return std::nullopt;
}

QString rangeText(const SchemaField &schema)
{
    return u"from %1 to %2"_s.arg(QString::number(schema.minimum, 'g', 15),
                                  QString::number(schema.maximum, 'g', 15));
}

bool inRange(double value, const SchemaField &schema)
{
    return value >= schema.minimum && value <= schema.maximum;
}

std::optional<std::pair<QHostAddress, int>> parseSubnet(const QString &text)
{
    // QHostAddress also takes "10.1" and the like, which would guard the wrong network.
    static const QRegularExpression kForm(
        u"\\A((?:[0-9]{1,3}\\.){3}[0-9]{1,3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)(?:/([0-9]{1,3}))?\\z"_s);
    const QRegularExpressionMatch match = kForm.match(text);
    if (!match.hasMatch()) {
        return std::nullopt;
    }
    const QHostAddress address(match.captured(1));
    if (address.isNull()) {
        return std::nullopt;
    }
    const int bits = address.protocol() == QAbstractSocket::IPv4Protocol ? 32 : 128;
    const int prefix = match.captured(2).isEmpty() ? bits : match.captured(2).toInt();
    if (prefix > bits) {
        return std::nullopt;
    }
    return std::pair(address, prefix);
}

/// A date means its first moment in UTC; a time without a zone is UTC.
QDateTime parseExpiry(const QString &text)
{
    static const QRegularExpression kDate(u"\\A\\d{4}-\\d{2}-\\d{2}\\z"_s);
    if (kDate.match(text).hasMatch()) {
        const QDate date = QDate::fromString(text, Qt::ISODate);
        return date.isValid() ? QDateTime(date, QTime(0, 0), QTimeZone::utc()).toUTC()
                              : QDateTime();
    }
    static const QRegularExpression kTime(
        u"\\A(\\d{4}-\\d{2}-\\d{2})[Tt ](\\d{2}:\\d{2}(?::\\d{2})?)(?:\\.\\d+)?\\s*"
        "(Z|z|[+-]\\d{2}:?\\d{2})?\\z"_s);
    const QRegularExpressionMatch match = kTime.match(text);
    if (!match.hasMatch()) {
        return {};
    }
    const QDate date = QDate::fromString(match.captured(1), Qt::ISODate);
    const QTime time = QTime::fromString(match.captured(2), Qt::ISODate);
    if (!date.isValid() || !time.isValid()) {
        return {};
    }
    qint64 offset = 0;
    const QString zone = match.captured(3).remove(u':');
    if (zone.size() == 5) {
        const int hours = QStringView(zone).mid(1, 2).toInt();
        const int minutes = QStringView(zone).mid(3, 2).toInt();
        if (hours > 14 || minutes > 59) {
            return {};
        }
        offset = (zone.at(0) == u'-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    }
    return QDateTime(date, time, QTimeZone::utc()).addSecs(-offset).toUTC();
}

bool isTimeZone(const QString &text)
{
    static const QRegularExpression kForm(u"\\A[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}\\z"_s);
    return kForm.match(text).hasMatch() && QTimeZone::isTimeZoneIdAvailable(text.toLatin1());
}

bool isModelName(const QString &text)
{
    return text.size() <= 256 && !hasSpace(text) && !hasControlCharacter(text);
}

} // namespace

bool isSecretHeader(const QString &name)
{
    static const QRegularExpression kSecret(u"auth|key|token|secret|cookie|password|credential"_s,
                                            QRegularExpression::CaseInsensitiveOption);
    return kSecret.match(name).hasMatch();
}

std::optional<bool> parseBoolean(const QString &text)
{
    const QString word = text.toLower();
    if (word == u"true"_s || word == u"yes"_s || word == u"on"_s || word == u"1"_s) {
        return true;
    }
    if (word == u"false"_s || word == u"no"_s || word == u"off"_s || word == u"0"_s) {
        return false;
    }
    return std::nullopt;
}

std::optional<qint64> parseBytes(const QString &text)
{
    return parseWithUnit(text, {{u"b", 1},
                                {u"kb", 1e3},
                                {u"mb", 1e6},
                                {u"gb", 1e9},
                                {u"kib", 1024.0},
                                {u"mib", 1024.0 * 1024},
                                {u"gib", 1024.0 * 1024 * 1024}});
}

ConfigValidator::ConfigValidator(const QProcessEnvironment &environment, QString baseDir,
                                 ConfigProblems &problems)
    : m_environment(environment)
    , m_baseDir(std::move(baseDir))
    , m_problems(problems)
{
}

void ConfigValidator::validate(ConfigNode &node, const SchemaField &schema, const QString &path)
{
    check(node, schema, path, path);
}

void ConfigValidator::check(ConfigNode &node, const SchemaField &schema, const QString &path,
                            const QString &pattern)
{
    noteInactive(node, schema, pattern);
    switch (schema.kind) {
    case Kind::Section:
        checkSection(node, schema, path, pattern);
        break;
    case Kind::Named:
        checkNamed(node, schema, path, pattern);
        break;
    case Kind::List:
        checkList(node, schema, path, pattern);
        break;
    default:
        checkScalar(node, schema, path);
        break;
    }
}

bool ConfigValidator::isMap(ConfigNode &node, const QString &path)
{
    if (node.kind == ConfigNode::Kind::Null) {
        node.kind = ConfigNode::Kind::Map; // "backends:" with nothing below it
    }
    if (node.kind == ConfigNode::Kind::Map) {
        return true;
    }
    m_problems.error(node.line, path,
                     u"Expected \"key: value\" lines here, but found %1."_s.arg(
                         node.kind == ConfigNode::Kind::List ? u"a list"_s : u"a single value"_s));
    node.kind = ConfigNode::Kind::Map;
    node.items.clear();
    return false;
}

void ConfigValidator::refuseDuplicates(ConfigNode &node, const QString &path)
{
    QHash<QString, int> lines;
    std::vector<ConfigNode> unique;
    for (ConfigNode &child : node.items) {
        const auto first = lines.constFind(child.key);
        if (first == lines.cend()) {
            lines.insert(child.key, child.keyLine);
            unique.push_back(std::move(child));
            continue;
        }
        m_problems.error(
            child.keyLine, joined(path, child.key),
            u"This key is here twice, first in line %1. Keep one of them."_s.arg(*first));
    }
    node.items = std::move(unique);
}

void ConfigValidator::refuseUnknownKey(const ConfigNode &child, const SchemaField &schema,
                                       const QString &path)
{
    QString hint = didYouMean(child.key, schema.childNames());
    if (hint.isEmpty() && path.isEmpty()) {
        for (const SchemaField &other : schema.children) {
            if (other.kind == Kind::Section && other.child(child.key)) {
                hint = u" It belongs below \"%1:\"."_s.arg(other.name);
                break;
            }
        }
    }
    if (hint.isEmpty()) {
        hint = u" Possible here: %1."_s.arg(schema.childNames().join(u", "_s));
    }
    m_problems.error(child.keyLine, joined(path, shown(child.key).mid(1).chopped(1)),
                     u"Unknown key."_s + hint);
}

void ConfigValidator::checkSection(ConfigNode &node, const SchemaField &schema, const QString &path,
                                   const QString &pattern)
{
    if (!isMap(node, path)) {
        return;
    }
    refuseDuplicates(node, path);
    for (ConfigNode &child : node.items) {
        const SchemaField *field = schema.child(child.key);
        if (!field) {
            refuseUnknownKey(child, schema, path);
            continue;
        }
        check(child, *field, joined(path, child.key), joined(pattern, child.key));
    }
    for (const SchemaField &field : schema.children) {
        if (field.required && !node.find(field.name)) {
            m_problems.error(node.line, joined(path, field.name),
                             u"This key is missing and has no default. Add it."_s);
        }
    }
}

bool ConfigValidator::checkName(const ConfigNode &child, NameRule rule, const QString &path)
{
    static const QRegularExpression kIdentifier(u"\\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\\z"_s);
    static const QRegularExpression kHeader(u"\\A[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}\\z"_s);
    static const QStringList kOwnHeaders{
        u"host"_s, u"content-length"_s, u"transfer-encoding"_s, u"connection"_s, u"expect"_s,
        u"te"_s,   u"trailer"_s,        u"upgrade"_s,           u"keep-alive"_s, u"content-type"_s};
    QString reason;
    switch (rule) {
    case NameRule::Identifier:
        if (!kIdentifier.match(child.key).hasMatch()) {
            reason =
                u"%1 is not a usable name: take 1 to 64 letters, digits, \".\", \"_\" or \"-\", "
                "starting with a letter or digit."_s;
        }
        break;
    case NameRule::Model:
        if (child.key.isEmpty() || !isModelName(child.key) || child.key.contains(u'*') ||
            child.key.contains(u'?')) {
            reason = u"%1 is not a usable model name: take up to 256 characters without spaces, "
                     "\"*\" and \"?\"."_s;
        }
        break;
    case NameRule::ModelPattern:
        if (child.key.isEmpty() || !isModelName(child.key)) {
            reason = u"%1 is not a usable model pattern: take up to 256 characters without "
                     "spaces; * stands for any characters."_s;
        }
        break;
    case NameRule::Header:
        if (!kHeader.match(child.key).hasMatch()) {
            reason = u"%1 is not a header name."_s;
        } else if (kOwnHeaders.contains(child.key.toLower())) {
            reason = u"The header %1 is set by the gateway itself. Remove it."_s;
        }
        break;
    }
    if (reason.isEmpty()) {
        return true;
    }
    m_problems.error(child.keyLine, path, reason.arg(shown(child.key)));
    return false;
}

void ConfigValidator::checkNamed(ConfigNode &node, const SchemaField &schema, const QString &path,
                                 const QString &pattern)
{
    if (!isMap(node, path)) {
        return;
    }
    refuseDuplicates(node, path);
    for (ConfigNode &child : node.items) {
        if (!checkName(child, schema.nameRule, path)) {
            continue;
        }
        SchemaField entry = schema.children.front();
        if (entry.kind == Kind::HeaderValue && isSecretHeader(child.key)) {
            entry.name = child.key; // tells convert() not to repeat the value
        }
        check(child, entry, joined(path, child.key), joined(pattern, u"*"_s));
    }
}

void ConfigValidator::checkList(ConfigNode &node, const SchemaField &schema, const QString &path,
                                const QString &pattern)
{
    if (node.kind == ConfigNode::Kind::Null) {
        node.kind = ConfigNode::Kind::List;
    }
    if (node.kind != ConfigNode::Kind::List) {
        m_problems.error(node.line, path,
                         u"Expected a list here: put the value in brackets, [like, this]."_s);
        node.kind = ConfigNode::Kind::List;
        node.items.clear();
        return;
    }
    if (double(node.items.size()) < schema.minimum) {
        m_problems.error(node.line, path, u"The list is empty. Add an entry or remove the key."_s);
    }
    int index = 0;
    for (ConfigNode &item : node.items) {
        check(item, schema.children.front(), u"%1[%2]"_s.arg(path).arg(index++), pattern);
    }
}

void ConfigValidator::checkScalar(ConfigNode &node, const SchemaField &schema, const QString &path)
{
    if (node.kind == ConfigNode::Kind::Null) {
        m_problems.error(node.line, path, u"There is no value here. Add one or remove the key."_s);
        return;
    }
    if (node.kind != ConfigNode::Kind::Scalar) {
        m_problems.error(node.line, path,
                         u"Expected a single value here, but found %1."_s.arg(
                             node.kind == ConfigNode::Kind::List ? u"a list"_s : u"a section"_s));
        return;
    }
    const ExpandedText expanded = expandVariables(node.raw, m_environment);
    if (!expanded.syntaxError.isEmpty()) {
        m_problems.error(node.line, path, expanded.syntaxError);
        return;
    }
    for (const QString &name : expanded.missing) {
        m_problems.error(
            node.line, path,
            u"The environment variable %1 is not set. Set it, or write ${%1:-default}."_s.arg(
                name));
    }
    if (!expanded.missing.isEmpty()) {
        return;
    }
    node.text = expanded.text.trimmed();
    if (node.text.isEmpty()) {
        m_problems.error(node.line, path,
                         expanded.usedVariables
                             ? u"The value is empty, because the environment variable in it is."_s
                             : u"The value is empty. Write one or remove the key."_s);
        return;
    }
    if (node.text.size() > kLongestText) {
        m_problems.error(node.line, path, u"The value is too long."_s);
        return;
    }
    if (const QString reason = convert(node, schema); !reason.isEmpty()) {
        node.value = QVariant();
        m_problems.error(node.line, path, reason);
    }
}

QString ConfigValidator::convert(ConfigNode &node, const SchemaField &schema) const
{
    const QString &text = node.text;
    const QString found = u", but is %1."_s.arg(shown(node.raw));
    switch (schema.kind) {
    case Kind::Integer: {
        const auto value = parseInteger(text);
        if (!value || !inRange(double(*value), schema)) {
            return u"Must be a whole number "_s + rangeText(schema) + found;
        }
        node.value = *value;
        return {};
    }
    case Kind::Milliseconds: {
        const auto value = parseWithUnit(
            text, {{u"ms", 1}, {u"s", 1e3}, {u"m", 6e4}, {u"min", 6e4}, {u"h", 36e5}});
        if (!value || !inRange(double(*value), schema)) {
            return u"Must be a number of milliseconds "_s + rangeText(schema) +
                   u" (or like 500ms, 30s, 5m)"_s + found;
        }
        node.value = *value;
        return {};
    }
    case Kind::Seconds: {
        const auto value = parseWithUnit(
            text,
            {{u"ms", 1e-3}, {u"s", 1}, {u"m", 60}, {u"min", 60}, {u"h", 3600}, {u"d", 86'400}});
        if (!value || !inRange(double(*value), schema)) {
            return u"Must be a number of seconds "_s + rangeText(schema) +
                   u" (or like 30s, 5m, 1h)"_s + found;
        }
        node.value = *value;
        return {};
    }
    case Kind::Bytes: {
        const auto value = parseBytes(text);
        if (!value || !inRange(double(*value), schema)) {
            return u"Must be a number of bytes "_s + rangeText(schema) + u" (or like 32MiB)"_s +
                   found;
        }
        node.value = *value;
        return {};
    }
    case Kind::Decimal: {
        static const QRegularExpression kDecimal(u"\\A[0-9]{1,15}(\\.[0-9]{1,15})?\\z"_s);
        const double value = text.toDouble();
        if (!kDecimal.match(text).hasMatch() || !inRange(value, schema)) {
            return u"Must be a number "_s + rangeText(schema) + found;
        }
        node.value = value;
        return {};
    }
    case Kind::Money: {
        static const QRegularExpression kMoney(u"\\A[0-9]{1,10}(\\.[0-9]{1,9})?\\z"_s);
        if (!kMoney.match(text).hasMatch() || !inRange(text.toDouble(), schema)) {
            return u"Must be an amount in USD "_s + rangeText(schema) +
                   u" with at most nine decimals"_s + found;
        }
        node.value = text;
        return {};
    }
    case Kind::Boolean: {
        const auto value = parseBoolean(text);
        if (!value) {
            return u"Must be true or false"_s + found;
        }
        node.value = *value;
        return {};
    }
    case Kind::Choice: {
        const QString word = text.toLower();
        if (!schema.choices.contains(word)) {
            const QString hint = didYouMean(text, schema.choices);
            return u"Must be one of %1%2%3"_s.arg(schema.choices.join(u", "_s), found, hint);
        }
        node.value = word;
        return {};
    }
    case Kind::Pattern:
        if (!isModelName(text)) {
            return u"Must be a model name, where * stands for any characters, without spaces"_s +
                   found;
        }
        node.value = text;
        return {};
    case Kind::ModelName:
        if (!isModelName(text) || text.contains(u'*') || text.contains(u'?')) {
            return u"Must be one model's name, without spaces, \"*\" and \"?\""_s + found;
        }
        node.value = text;
        return {};
    case Kind::Subnet: {
        const auto value = parseSubnet(text);
        if (!value) {
            return u"Must be an IP address or a network like 10.0.0.0/8"_s + found;
        }
        node.value = QVariant::fromValue(*value);
        return {};
    }
    case Kind::Expiry: {
        const QDateTime value = parseExpiry(text);
        if (!value.isValid()) {
            return u"Must be a date like 2027-01-01 or a time like 2027-01-01T12:00:00Z"_s + found;
        }
        node.value = value;
        return {};
    }
    case Kind::TimeZone:
        if (!isTimeZone(text)) {
            return u"Must be a time zone like Europe/Berlin that this machine knows"_s + found;
        }
        node.value = text;
        return {};
    case Kind::Sha256: {
        static const QRegularExpression kHex(u"\\A[0-9A-Fa-f]{64}\\z"_s);
        if (!kHex.match(text).hasMatch()) {
            return u"Must be a SHA-256 in 64 hexadecimal digits."_s;
        }
        node.value = QByteArray::fromHex(text.toLatin1());
        return {};
    }
    case Kind::ExistingFile:
        return findFile(node);
    case Kind::UrlPath:
        if (!text.startsWith(u'/') || hasSpace(text) || hasControlCharacter(text)) {
            return u"Must be a path that starts with \"/\""_s + found;
        }
        node.value = text;
        return {};
    case Kind::HeaderName: {
        static const QRegularExpression kName(u"\\A[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}\\z"_s);
        if (!kName.match(text).hasMatch()) {
            return u"Must be the name of a header"_s + found;
        }
        node.value = text.toLower();
        return {};
    }
    case Kind::HeaderValue: {
        static const QRegularExpression kValue(u"\\A[\\x20-\\x7e]+\\z"_s);
        if (!kValue.match(text).hasMatch()) {
            return u"Must be visible ASCII characters"_s + (schema.name.isEmpty() ? found : u"."_s);
        }
        node.value = text;
        return {};
    }
    case Kind::Secret: {
        if (hasControlCharacter(text)) {
            return u"Must be one line of text without control characters."_s;
        }
        node.value = text;
        return {};
    }
    case Kind::Text:
        if (hasControlCharacter(text)) {
            return u"Must be one line of text without control characters."_s;
        }
        node.value = text;
        return {};
    case Kind::Section:
    case Kind::Named:
    case Kind::List:
        break;
    }
    return {};
}

QString ConfigValidator::findFile(ConfigNode &node) const
{
    if (m_baseDir.isEmpty() && QDir::isRelativePath(node.text)) {
        return u"Must be an absolute path, but is %1."_s.arg(shown(node.raw));
    }
    const QFileInfo info(QDir(m_baseDir), node.text);
    if (!info.isFile()) {
        return u"There is no file %1. Relative paths start at the configuration file."_s.arg(
            shown(node.raw));
    }
    if (!info.isReadable()) {
        return u"The file %1 cannot be read. Check its permissions."_s.arg(shown(node.raw));
    }
    node.value = QDir::cleanPath(info.absoluteFilePath());
    return {};
}

void ConfigValidator::noteInactive(const ConfigNode &node, const SchemaField &schema,
                                   const QString &pattern)
{
    const bool switchedOff =
        schema.kind == Kind::Boolean && parseBoolean(node.raw) == std::optional(false);
    if (schema.active || switchedOff || m_noted.contains(pattern)) {
        return;
    }
    m_noted.insert(pattern);
    m_problems.note(node.keyLine > 0 ? node.keyLine : node.line, pattern,
                    u"Accepted, not active in this version."_s);
}

} // namespace tidegate
