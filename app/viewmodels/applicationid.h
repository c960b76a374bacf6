// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace tidegate {

/// Name of the desktop file, icon, AppStream component and D-Bus service.
inline constexpr char kApplicationId[] = "io.github.tidegate.Tidegate";

} // namespace tidegate
