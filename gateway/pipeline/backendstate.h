// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/pipeline/lanestate.h"

namespace tidegate {

using BackendState = LaneState;
using BackendStatePtr = LaneStatePtr;

} // namespace tidegate
