// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/engine/backendstatus.h"
#include "gateway/policy/budgetbook.h"

#include <QByteArray>
#include <QString>

namespace tidegate {

// What /admin/v1/events sends beside the requests: one whole server-sent event each. Any thread.

/// "backend": how it is from now on.
[[nodiscard]] QByteArray noticeOf(const BackendStatus &status);
/// "breaker": one transition.
[[nodiscard]] QByteArray noticeOf(const QByteArray &backend, const BreakerEvent &event);
/// "budget". @p name is the key's or the team's.
[[nodiscard]] QByteArray noticeOf(const BudgetEvent &event, const QString &name);

} // namespace tidegate
