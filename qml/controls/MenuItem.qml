// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Tidegate

/// One line of a Menu.
T.MenuItem {
    id: control

    property string iconName: ""
    /// False takes the line out. Not `visible`, which is false for all lines of a closed menu.
    property bool shown: true

    implicitWidth: implicitContentWidth + leftPadding + rightPadding
    visible: shown
    implicitHeight: shown ? Theme.controlHeight : 0
    height: implicitHeight
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
