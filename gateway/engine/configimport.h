// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/config/configsnapshot.h"
#include "gateway/store/store.h"

#include <QJsonObject>
#include <QStringList>

#include <functional>
#include <vector>

namespace tidegate {

class ConfigEditor;

/// What an import did or, when it was only tried, would do. Entries are dotted paths.
struct ImportReport
{
    QStringList created;
    QStringList changed;
    QStringList unchanged;
    QStringList skipped; ///< set by the file or the environment, which win
    /// Keys that were made anew: an export holds no key. Empty when only tried.
    std::vector<Store::NewKey> newKeys;
};

/// What the database holds of the configuration, as JSON without any secret or hash: `backends`,
/// `models`, `teams`, `prices` and `settings` by name, `rate_limits` as in the file, `keys` as a
/// list of name and config, revoked ones left out.
[[nodiscard]] QJsonObject exportedConfig(const StoredConfig &stored);

/// The configuration in force in the form of the file; secrets only as the references they are.
[[nodiscard]] QJsonObject configAsFile(const ConfigSnapshot &config);

/// Makes and changes what @p json, an export, holds; removes nothing. Keys are known by their name.
/// Everything is checked first: when anything is wrong, the error says all of it and nothing is
/// changed. Main thread. @p reply comes at once when @p dryRun is set.
void importConfig(ConfigEditor &editor, const ConfigPtr &inForce, const QJsonObject &json,
                  bool dryRun, const std::function<void(Result<ImportReport>)> &reply);

} // namespace tidegate
