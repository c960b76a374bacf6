// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QJsonObject>
#include <QVariantMap>

namespace tidegate {

/// The fields of the dialog for public model names, from and to what the configuration holds.
///
/// Values only; GUI thread, for the translations. What the form has no field for is left as it was.
namespace modelform {

/// {targets: list of {backend, model, weight (text)}, strategy, aliases, fallbacks (texts,
/// comma-separated), affinity: "off" | "prompt_prefix" | "header", affinityHeader, hedge (bool),
/// hedgeAfter (text, ms), mirrorBackend, mirrorModel, mirrorPercent (texts)}
[[nodiscard]] QVariantMap fromConfig(const QJsonObject &config);
/// What is wrong, by field; "targets" for the list and "weight1" for the weight of the second
/// target. Empty when the form can be saved.
[[nodiscard]] QVariantMap problems(const QVariantMap &form);
/// @p base with the form's values. The form must have no problems.
[[nodiscard]] QJsonObject toConfig(const QVariantMap &form, const QJsonObject &base);

} // namespace modelform

} // namespace tidegate
