// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QJsonObject>
#include <QVariantList>
#include <QVariantMap>

namespace tidegate {

/// The advanced part of the backend dialog, from and to what the configuration holds.
///
/// Values only; GUI thread, for the translations. A form is a map of texts as the user typed them
/// and of bools; what a form has no field for is left as it was.
namespace backendform {

/// What the form looks like: list of {title, hint, fields: list of {key, label, placeholder, kind:
/// "text" | "number" | "switch", wide (bool)}}.
[[nodiscard]] QVariantList groups();
[[nodiscard]] QVariantMap fromConfig(const QJsonObject &config);
/// What is wrong, by field; empty when the form can be saved.
[[nodiscard]] QVariantMap problems(const QVariantMap &form);
/// @p base with the form's values. The form must have no problems.
[[nodiscard]] QJsonObject toConfig(const QVariantMap &form, const QJsonObject &base);

} // namespace backendform

} // namespace tidegate
