// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/config/confignode.h"
#include "gateway/config/configproblems.h"
#include "gateway/config/configsnapshot.h"

#include <QJsonObject>

namespace tidegate {

// What validated entries of the file and of the database mean: the same code for both, and for the
// panel and the admin API. Any thread; blocks for nothing.

/// @p section may be null: no limits.
[[nodiscard]] Limits readLimits(const ConfigNode *section);
/// @p section may be null or without an amount: no budget.
[[nodiscard]] std::optional<BudgetRule> readBudget(const ConfigNode *section);
/// Fills what ClientKey reads from config, but neither teamId nor the limits of keys that name
/// none: those depend on other sections.
void readKeyRules(const ConfigNode &entry, ClientKey &key);
/// Sections may be null: nothing is said.
[[nodiscard]] RetryOverrides readRetry(const ConfigNode *section);
[[nodiscard]] TimeoutOverrides readTimeouts(const ConfigNode *section);
[[nodiscard]] BreakerOverrides readBreaker(const ConfigNode *section);
[[nodiscard]] Team readTeam(const ConfigNode &entry, const QString &name);
[[nodiscard]] ModelConfig readModel(const ConfigNode &entry, Origin origin);
[[nodiscard]] RateLimits readRateLimits(const ConfigNode &section);

// Entries as the panel, the admin API and the database keep them: JSON, in the form of the file.
// Variables are not looked up in them. An error lists everything that is wrong, one per line.

/// Checks and reads @p key's config into its other members.
[[nodiscard]] Result<ClientKey> parseKey(ClientKey key);
[[nodiscard]] Result<Team> parseTeam(const QString &name, const QJsonObject &config);
[[nodiscard]] Result<ModelConfig> parseModel(const QByteArray &name, const QJsonObject &config);
/// The section, ready for readRateLimits().
[[nodiscard]] Result<ConfigNode> checkRateLimits(const QJsonObject &config);

} // namespace tidegate
