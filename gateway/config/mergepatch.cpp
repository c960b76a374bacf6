// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/mergepatch.h"

namespace tidegate {

QJsonObject mergePatched(QJsonObject target, const QJsonObject &patch)
{
    for (auto it = patch.begin(); it != patch.end(); ++it) {
        if (it.value().isNull()) {
            target.remove(it.key());
        } else if (it.value().isObject()) {
            // Also where there was no object: the patch's own nulls must not be kept.
            target.insert(it.key(),
                          mergePatched(target.value(it.key()).toObject(), it.value().toObject()));
        } else {
            target.insert(it.key(), it.value());
        }
    }
    return target;
}

} // namespace tidegate
