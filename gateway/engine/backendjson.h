// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/engine/backendstatus.h"

#include <QJsonObject>

#include <string_view>

namespace tidegate {

/// The status of a backend as the admin API and the live events spell it. Any thread.
[[nodiscard]] QJsonObject toJson(const BackendStatus &status);
[[nodiscard]] QJsonObject toJson(const BreakerEvent &event);

/// "not_managed", "unconfirmed", "stopped", …
[[nodiscard]] std::string_view managedStateName(ManagedState state);
/// "not_tunnelled", "unconfirmed", "connecting", …
[[nodiscard]] std::string_view tunnelStateName(TunnelState state);

} // namespace tidegate
