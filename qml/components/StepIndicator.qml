// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import Tidegate

/// Which step of how many.
Row {
    id: root

    required property var steps
    required property int current

    spacing: Theme.gapS

    Accessible.role: Accessible.StaticText
    //: Read aloud: step %1 of %2
    Accessible.name: qsTr("Step %1 of %2").arg(current + 1).arg(steps.length)

    Repeater {
        model: root.steps

        delegate: Rectangle {
            id: dot

            required property int index
            readonly property bool done: index < root.current
            readonly property bool active: index === root.current

            width: 24
            height: 24
            radius: 12
            color: active ? Theme.colors.accent : done ? Theme.colors.accentTint : "transparent"
            border.width: active ? 0 : Theme.hairline
            border.color: done ? Theme.colors.accent : Theme.colors.border

            Label {
                anchors.centerIn: parent
                visible: !dot.done
                text: dot.index + 1
                mono: true
                strong: dot.active
                font.pixelSize: Theme.small
                color: dot.active ? Theme.colors.inkOnAccent : Theme.colors.muted
            }
            Icon {
                anchors.centerIn: parent
                visible: dot.done
                name: "check"
                size: 14
                color: Theme.colors.accent
            }
        }
    }
}
