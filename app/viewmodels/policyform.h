// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QJsonObject>
#include <QVariantMap>

namespace tidegate {

/// The fields of the dialogs for keys, teams and prices, from and to what the configuration holds.
///
/// Values only, any thread. A form is a map of texts as the user typed them; what a form has no
/// field for is left as it was.
namespace policyform {

/// team, models, expires, allowedIps, requestsPerMinute, tokensPerMinute, tokensPerDay,
/// maxConcurrency, algorithm (as in the configuration), budgetUsd, budgetPeriod, budgetTimezone,
/// budgetSoftPercent: texts; budgetShadow, disabled: bools.
[[nodiscard]] QVariantMap fromConfig(const QJsonObject &config);
/// What is wrong, by field; empty when the form can be saved.
[[nodiscard]] QVariantMap problems(const QVariantMap &form);
/// @p base with the form's values. The form must have no problems.
[[nodiscard]] QJsonObject toConfig(const QVariantMap &form, const QJsonObject &base);

/// input, output, cachedInput, cacheWrite, reasoning, perRequest: texts.
[[nodiscard]] QVariantMap priceFromConfig(const QJsonObject &config);
[[nodiscard]] QVariantMap priceProblems(const QVariantMap &form);
[[nodiscard]] QJsonObject priceToConfig(const QVariantMap &form, const QJsonObject &base);

} // namespace policyform

} // namespace tidegate
