// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/engine/gateway.h"

#include <QByteArray>

namespace tidegate {

/// `tidegated confirm-command BACKEND`: shows what Tidegate would run for that backend and notes in
/// the database that it may, after a question when there is a terminal to ask at. For a gateway
/// that is not running; a running one is asked through its admin API. Returns the exit code.
[[nodiscard]] int runConfirmCommand(const GatewayOptions &options, const QByteArray &backend);

} // namespace tidegate
