// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/observe/exchangeevent.h"

#include <QByteArray>

namespace tidegate {

/// The batch as server-sent events named "exchange", one JSON object each, as /admin/v1/events
/// sends them. Any thread.
[[nodiscard]] QByteArray eventStreamOf(const ExchangeBatch &batch);

} // namespace tidegate
