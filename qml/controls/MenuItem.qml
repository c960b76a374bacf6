// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Tidegate

/// One line of a Menu.
T.MenuItem {
    id: control

    property string iconName: ""

    implicitWidth: implicitContentWidth + leftPadding + rightPadding
    implicitHeight: Theme.controlHeight
    leftPadding: Theme.gapS
    rightPadding: Theme.gapL
    hoverEnabled: true
    opacity: enabled ? 1 : 0.5

    Accessible.role: Accessible.MenuItem
    Accessible.name: text

    contentItem: Row {
        spacing: Theme.gapS

        Icon {
            anchors.verticalCenter: parent.verticalCenter
            name: control.iconName
            color: Theme.colors.muted
        }
        Label {
            anchors.verticalCenter: parent.verticalCenter
            text: control.text
        }
    }
    background: Rectangle {
        radius: Theme.smallRadius
        color: control.highlighted ? Theme.colors.hover : "transparent"
    }
}
