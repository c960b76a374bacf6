// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/base/secret.h"

#include <QString>

namespace tidegate {

/// The token for the admin API. Main thread, no state.
class AdminToken
{
public:
    /// TIDEGATE_ADMIN_TOKEN when it is set; else the content of "admin-token" in @p dataDir, which
    /// is made (mode 0600) with a new random token when it is not there. Makes the folder too.
    static Result<Secret> load(const QString &dataDir);
};

} // namespace tidegate
