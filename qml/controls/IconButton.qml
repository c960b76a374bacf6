// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Tidegate

/// A button that shows only an icon. `text` is its name, for tooltip and screen reader: always set it.
T.Button {
    id: control

    property string iconName: ""
    property int iconSize: Theme.icon
    property bool tinted: checked
    /// Added to the tooltip: a shortcut as the user would type it.
    property string shortcutText: ""

    /// What a click does, for keyboard and screen reader.
    function press() {
        if (checkable)
            toggle();
        clicked();
    }

    implicitWidth: Theme.smallControlHeight + Theme.unit / 2
    implicitHeight: Theme.smallControlHeight + Theme.unit / 2
    padding: 0
    focusPolicy: Qt.StrongFocus
    hoverEnabled: true
    opacity: enabled ? 1 : 0.4

    Accessible.role: Accessible.Button
    Accessible.name: text
    Accessible.onPressAction: control.press()
    Keys.onReturnPressed: control.press()
    Keys.onEnterPressed: control.press()

    contentItem: Item {
        Icon {
            anchors.centerIn: parent
            name: control.iconName
            size: control.iconSize
            color: control.tinted ? Theme.colors.accent : control.hovered ? Theme.colors.text : Theme.colors.muted
        }
    }
    background: Rectangle {
        radius: Theme.radius
        color: control.down ? Theme.colors.pressed : control.hovered ? Theme.colors.hover : "transparent"

        FocusRing {
            shown: control.visualFocus
            distance: 0
        }
    }

    Tooltip {
        visible: control.hovered || control.visualFocus
        text: control.shortcutText === "" ? control.text : control.text + "  " + control.shortcutText
    }
}
