// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/desktop/traycontroller.h"
#include "app/viewmodels/appsettings.h"

#include <QIcon>

namespace tidegate {

/// What stands in the tray: the mark in its colours, or its outline in one colour that can be seen
/// on a dark or a light panel. GUI thread.
[[nodiscard]] QIcon trayPicture(TrayController::Icon icon, AppSettings::TrayStyle style);

} // namespace tidegate
