// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/confignode.h"
#include "gateway/config/configschema.h"

#include <QJsonValue>
#include <QString>

namespace tidegate {

/// A validated tree as it was written, for showing and editing: variables stay variables, and
/// secrets are shown only as the references they are (`${VAR}`, `keychain:`, `file:`), else as
/// kHiddenSecret. Any thread.
[[nodiscard]] QJsonValue sourceOf(const ConfigNode &node, const SchemaField &schema);

/// @p node's secret when it is a reference, kHiddenSecret for anything else.
[[nodiscard]] QString sourceOfSecret(const ConfigNode &node);

/// Stands for a secret that is not shown.
extern const QString kHiddenSecret;

} // namespace tidegate
