// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/config/confignode.h"
#include "gateway/config/configproblems.h"
#include "gateway/config/configsnapshot.h"

#include <QJsonObject>
#include <QProcessEnvironment>

namespace tidegate {

/// Where an entry of `backends:` stands.
struct BackendSource
{
    QByteArray name;
    Origin origin = Origin::Panel;
    QString path;    ///< dotted, for messages
    QString baseDir; ///< where relative files are looked for; empty: only absolute ones
};

/// Makes a backend of a validated entry. What is wrong with it goes into @p problems; the result is
/// only to be used when nothing did. Reads the files of `file:` keys; blocks for them. Any thread.
[[nodiscard]] BackendConfig readBackend(const ConfigNode &node, const BackendSource &source,
                                        ConfigProblems &problems);

/// Checks a backend of the panel, the admin API or the database: @p config is what would stand
/// below its name in the file. The same rules hold as for the file, and two more: files need
/// absolute paths, and keys must be references (`keychain:`, `file:` or `${VAR}`), because the
/// database holds no provider keys. The error lists everything that is wrong, one per line. Any
/// thread.
[[nodiscard]] Result<BackendConfig>
parseBackend(const QByteArray &name, const QJsonObject &config,
             const QProcessEnvironment &environment = QProcessEnvironment::systemEnvironment());

} // namespace tidegate
