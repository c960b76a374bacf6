// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>

#include <vector>

namespace tidegate {

/// One key of the configuration: what may stand there. The whole file is described by a tree of
/// these, and everything that can be checked without looking at other keys is checked from it.
struct SchemaField
{
    enum class Kind : quint8
    {
        Section,      ///< a map with fixed keys: children
        Named,        ///< a map whose keys are names: children holds the one kind of entry
        List,         ///< children holds the one kind of entry; minimum is the shortest length
        Text,         ///< not empty, no line breaks
        Secret,       ///< as Text, never repeated in a message
        Integer,      ///< minimum … maximum
        Decimal,      ///< minimum … maximum
        Money,        ///< USD, at most nine decimals; the value is its text
        Boolean,      ///< true/false, yes/no, on/off, 1/0
        Choice,       ///< one of choices
        Milliseconds, ///< a whole number, or one with ms, s, m or h
        Seconds,      ///< a whole number, or one with s, m, h or d
        Bytes,        ///< a whole number, or one with KB, MB, GB, KiB, MiB or GiB
        Pattern,      ///< a model name, with * and ?
        ModelName,    ///< a model name without wildcards
        Subnet,       ///< an IP address or network; the value is std::pair<QHostAddress, int>
        Expiry,       ///< a date or time; the value is a QDateTime in UTC
        TimeZone,     ///< an IANA name
        Sha256,       ///< 64 hex digits; the value is 32 bytes
        ExistingFile, ///< relative to the configuration file; the value is the absolute path
        UrlPath,      ///< starts with a slash
        HeaderName,   ///< of a request; the value is in lower case
        HeaderValue,  ///< visible ASCII and spaces; secret when the header's name says so
    };
    enum class NameRule : quint8
    {
        Identifier,
        Model,
        ModelPattern,
        Header
    };

    QString name; ///< the key; empty for entries of lists and named maps
    Kind kind = Kind::Text;
    double minimum = 0;
    double maximum = 0;
    QStringList choices;
    std::vector<SchemaField> children;
    NameRule nameRule = NameRule::Identifier; ///< for Named
    bool required = false;
    bool active = true; ///< false: accepted and checked, but this version does nothing with it

    [[nodiscard]] const SchemaField *child(QStringView key) const;
    [[nodiscard]] QStringList childNames() const;
};

/// The whole file.
[[nodiscard]] const SchemaField &configSchema();
/// One entry of `backends:`, as the panel and the database keep it too.
[[nodiscard]] const SchemaField &backendSchema();
/// One entry of `keys:` as the panel, the admin API and the database keep it: without the key.
[[nodiscard]] const SchemaField &keySchema();
/// The dotted paths of all keys, with `*` for names, in the schema's order.
[[nodiscard]] QStringList allConfigKeys();

} // namespace tidegate
