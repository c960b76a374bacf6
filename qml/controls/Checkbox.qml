// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Tidegate

/// A box to tick, with its text beside it.
T.CheckBox {
    id: control

    implicitWidth: implicitContentWidth + leftPadding + rightPadding
    implicitHeight: Theme.controlHeight
    spacing: Theme.gapS
    leftPadding: 0
    focusPolicy: Qt.StrongFocus
    hoverEnabled: true
    opacity: enabled ? 1 : 0.5

    Accessible.role: Accessible.CheckBox
    Accessible.name: text
    Accessible.checkable: true
    Accessible.checked: checked

    indicator: Rectangle {
        y: Math.round((control.height - height) / 2)
        implicitWidth: 18
        implicitHeight: 18
        radius: Theme.smallRadius
        color: control.checked ? Theme.colors.accent : Theme.colors.window
        border.width: control.checked ? 0 : Theme.hairline
        border.color: control.hovered ? Theme.colors.muted : Theme.colors.border

        Icon {
            anchors.centerIn: parent
            visible: control.checked
            name: "check"
            size: 14
            color: Theme.colors.inkOnAccent
        }
        FocusRing {
            shown: control.visualFocus
        }
    }
    contentItem: Label {
        leftPadding: control.indicator.width + control.spacing
        text: control.text
    }
}
