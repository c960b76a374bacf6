// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/confignode.h"
#include "gateway/config/configproblems.h"
#include "gateway/config/configschema.h"

#include <QProcessEnvironment>
#include <QSet>
#include <QString>

namespace tidegate {

/// Checks a tree against the schema and fills in its values: keys, types, ranges, spellings and
/// variables. What depends on other keys is the ConfigLoader's.
///
/// One use, one thread, on the stack of who reads the configuration.
class ConfigValidator
{
public:
    /// @p baseDir is where relative files are looked for; empty when only absolute ones will do.
    ConfigValidator(const QProcessEnvironment &environment, QString baseDir,
                    ConfigProblems &problems);

    /// @p path is the dotted path of @p node, empty for the whole file.
    void validate(ConfigNode &node, const SchemaField &schema, const QString &path);

private:
    void checkSection(ConfigNode &node, const SchemaField &schema, const QString &path,
                      const QString &pattern);
    void checkNamed(ConfigNode &node, const SchemaField &schema, const QString &path,
                    const QString &pattern);
    void checkList(ConfigNode &node, const SchemaField &schema, const QString &path,
                   const QString &pattern);
    void checkScalar(ConfigNode &node, const SchemaField &schema, const QString &path);
    void check(ConfigNode &node, const SchemaField &schema, const QString &path,
               const QString &pattern);
    bool isMap(ConfigNode &node, const QString &path);
    /// Drops later duplicates after reporting them.
    void refuseDuplicates(ConfigNode &node, const QString &path);
    void refuseUnknownKey(const ConfigNode &child, const SchemaField &schema, const QString &path);
    bool checkName(const ConfigNode &child, SchemaField::NameRule rule, const QString &path);
    void noteInactive(const ConfigNode &node, const SchemaField &schema, const QString &pattern);
    /// The value in the schema's type, or a reason why there is none.
    QString convert(ConfigNode &node, const SchemaField &schema) const;
    QString findFile(ConfigNode &node) const;

    const QProcessEnvironment &m_environment;
    QString m_baseDir;
    ConfigProblems &m_problems;
    QSet<QString> m_noted;
};

/// True when a header of that name carries a credential.
[[nodiscard]] bool isSecretHeader(const QString &name);
/// on/off as people write it: true, yes, on, 1 and their opposites.
[[nodiscard]] std::optional<bool> parseBoolean(const QString &text);
/// A whole number of bytes; KB, MB, GB are thousands, KiB, MiB, GiB 1024s.
[[nodiscard]] std::optional<qint64> parseBytes(const QString &text);

} // namespace tidegate
