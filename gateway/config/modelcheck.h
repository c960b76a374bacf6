// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configsnapshot.h"

#include <QByteArrayList>
#include <QString>

#include <vector>

namespace tidegate {

/// Something wrong between a public model and the rest of the configuration.
struct ModelMistake
{
    QByteArray model; ///< in whose entry it stands
    QString key;      ///< "fallbacks", "aliases", "mirror.backend" or "hedge"
    QString value;    ///< the name at fault, of several in a list; empty for the whole key
    QString message;
    QByteArrayList involved; ///< all models that take part in it
    bool harmless = false;   ///< worth a warning only
};

/// Checks what @p models say of each other and of @p backends: fallbacks that nobody serves or that
/// go in a circle, names that are taken, mirrors to nowhere, hedges without a second lane. The
/// backends of targets are not looked at. Any thread.
[[nodiscard]] std::vector<ModelMistake> checkModels(const std::vector<ModelConfig> &models,
                                                    const std::vector<BackendConfig> &backends);

} // namespace tidegate
