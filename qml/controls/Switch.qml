// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Tidegate

/// On or off, at once. `text` is read aloud; the visible text stands beside it in a FormRow.
T.Switch {
    id: control

    function press() {
        toggle();
        toggled();
    }

    implicitWidth: 40
    implicitHeight: Theme.target
    focusPolicy: Qt.StrongFocus
    hoverEnabled: true
    opacity: enabled ? 1 : 0.5

    Accessible.role: Accessible.CheckBox
    Accessible.name: text
    Accessible.checkable: true
    Accessible.checked: checked
    Keys.onReturnPressed: control.press()
    Keys.onEnterPressed: control.press()

    indicator: Rectangle {
        anchors.verticalCenter: parent.verticalCenter
        implicitWidth: 40
        implicitHeight: 22
        radius: height / 2
        color: control.checked ? Theme.colors.accent : Theme.colors.pressed
        border.width: control.checked ? 0 : Theme.hairline
        border.color: Theme.colors.muted

        Rectangle {
            x: control.checked ? parent.width - width - 3 : 3
            anchors.verticalCenter: parent.verticalCenter
            width: 16
            height: 16
            radius: 8
            color: control.checked ? Theme.colors.inkOnAccent : Theme.colors.muted

            Behavior on x {
                NumberAnimation {
                    duration: Theme.shortDuration
                }
            }
        }
        FocusRing {
            shown: control.visualFocus
            radius: height / 2
        }
    }
}
