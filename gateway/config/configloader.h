// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"
#include "gateway/store/store.h"

#include <QByteArray>
#include <QProcessEnvironment>
#include <QString>

#include <memory>
#include <optional>
#include <vector>

namespace tidegate {

/// Everything that decides the configuration, weakest first: built-in defaults, what the database
/// holds, the file, the environment, the command line.
struct ConfigInput
{
    QString file; ///< empty: none
    /// Taken instead of what the file holds now, such as its last good text.
    std::optional<QByteArray> fileText;
    /// The price file's last good content, which stays when the file has become unreadable.
    std::shared_ptr<const PriceLayer> lastPrices;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    StoredConfig stored;
    std::optional<QString> host;
    std::optional<quint16> port; ///< 0 picks a free one
    std::optional<QByteArray> logLevel;
};

/// A configuration, or the reasons why there is none.
struct ConfigOutcome
{
    /// Null when the file, environment or command line has an error; then the one in force stays.
    std::shared_ptr<ConfigSnapshot> snapshot;
    std::vector<ConfigProblem> problems; ///< those of the file first, by line
    QByteArray fileText;                 ///< as read; empty without a file
};

/// Reads, checks and merges. Nothing in the database can make it fail: what is wrong there is left
/// out with a warning. Blocks for reading files, so main thread only, at start and at reload.
[[nodiscard]] ConfigOutcome loadConfig(const ConfigInput &input);

} // namespace tidegate
