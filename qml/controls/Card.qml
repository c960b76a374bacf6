// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// A bordered surface.
Rectangle {
    color: Theme.colors.surface
    radius: Theme.cardRadius
    border.width: Theme.hairline
    border.color: Theme.colors.border
}
