// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/usagereport.h"

#include <vector>

namespace tidegate {

/// Made-up usage: a pure function of time, so that every range tells of the same past.
///
/// Any thread.
namespace demousage {

/// Requests up to @p nowUs (wall clock, microseconds since 1970 UTC) only.
[[nodiscard]] UsageReport report(const UsageRequest &request, qint64 nowUs);

} // namespace demousage

} // namespace tidegate
