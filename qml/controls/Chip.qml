// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Tidegate

/// A toggle with a count, for filters.
T.Button {
    id: control

    property int count: -1

    /// What a click does, for keyboard and screen reader.
    function press() {
        if (checkable)
            toggle();
        clicked();
    }

    implicitWidth: implicitContentWidth + leftPadding + rightPadding
    implicitHeight: Theme.smallControlHeight
    leftPadding: Theme.gapS + 2
    rightPadding: Theme.gapS + 2
    checkable: true
    hoverEnabled: true
    focusPolicy: Qt.StrongFocus

    Accessible.role: Accessible.CheckBox
    Accessible.name: count < 0 ? text : text + " " + count
    Accessible.checkable: true
    Accessible.checked: checked
    Accessible.onToggleAction: control.press()
    Keys.onReturnPressed: control.press()
    Keys.onEnterPressed: control.press()

    contentItem: Row {
        spacing: Theme.unit + 2

        Label {
            height: parent.height
            text: control.text
            color: control.checked ? Theme.colors.accent : Theme.colors.text
            font.pixelSize: Theme.small
            strong: control.checked
        }
        Label {
            height: parent.height
            visible: control.count >= 0
            text: Number(control.count).toLocaleString(Qt.locale(), "f", 0)
            mono: true
            color: control.checked ? Theme.colors.accent : Theme.colors.muted
            font.pixelSize: Theme.caption
        }
    }
    background: Rectangle {
        radius: height / 2
        color: control.checked ? Theme.colors.accentTint : control.hovered ? Theme.colors.hover : "transparent"
        border.width: Theme.hairline
        border.color: control.checked ? Theme.colors.accent : Theme.colors.border

        FocusRing {
            shown: control.visualFocus
            radius: height / 2
            distance: 0
        }
    }
}
