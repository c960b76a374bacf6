// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/routingrules.h"
#include "gateway/engine/backendstatus.h"
#include "gateway/observe/routetrace.h"

#include <QString>
#include <QStringView>

#include <string_view>

namespace tidegate {

/// Routing and resilience in the words of people. GUI thread, for the translations.
namespace routetext {

/// "Closed", "Open", "Half-open".
[[nodiscard]] QString breakerState(BreakerState state);
/// Why a breaker went into a state, as the end of a sentence: "5 failures in a row".
[[nodiscard]] QString breakerReason(BreakerReason reason);
/// What went wrong, as the end of a sentence: "it did not answer in time"; empty for None.
[[nodiscard]] QString fault(Fault fault);
/// The same for a name of faultName(); the name itself when it is not known.
[[nodiscard]] QString fault(std::string_view name);
/// One sentence on a step's reason: "Its breaker is open".
[[nodiscard]] QString stepReason(RouteStep::Reason reason);
/// The same for a name of RouteTrace::reasonName(); the name itself when it is not known.
[[nodiscard]] QString stepReason(QStringView name);
/// "Skipped", "Tried", …
[[nodiscard]] QString stepKind(RouteStep::Kind kind);
/// "In order", "By weight", …
[[nodiscard]] QString strategy(RoutingStrategy strategy);
/// One sentence on what the strategy does.
[[nodiscard]] QString strategyHint(RoutingStrategy strategy);
/// One sentence on how a name was found, for a `match` of Gateway::explainRoute().
[[nodiscard]] QString match(QStringView name);

} // namespace routetext

} // namespace tidegate
