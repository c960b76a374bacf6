// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// One setting: its name and one honest sentence at the left, the control at the right.
Item {
    id: root

    required property string label
    property string help: ""
    default property alias field: slot.data

    implicitWidth: 320
    implicitHeight: Math.max(texts.height, slot.height)

    Column {
        id: texts

        anchors.verticalCenter: parent.verticalCenter
        width: root.width - slot.width - Theme.gapXl
        spacing: 2

        Label {
            width: parent.width
            text: root.label
            wrapMode: Text.Wrap
        }
        Label {
            width: parent.width
            visible: text !== ""
            text: root.help
            muted: true
            font.pixelSize: Theme.small
            wrapMode: Text.Wrap
        }
    }
    Row {
        id: slot

        anchors.right: parent.right
        anchors.verticalCenter: parent.verticalCenter
        spacing: Theme.gapS
    }
}
