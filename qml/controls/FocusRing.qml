// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// The visible keyboard focus of a control: put it into the control's background.
Rectangle {
    property bool shown: false
    property int distance: 2

    anchors.fill: parent
    anchors.margins: -distance - border.width
    visible: shown
    color: "transparent"
    radius: Theme.radius + distance + border.width
    border.width: Theme.focusWidth
    border.color: Theme.colors.accent
    z: 1
}
