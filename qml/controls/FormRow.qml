// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate

/// One setting: its name and one honest sentence at the left, the control at the right.
RowLayout {
    id: root

    required property string label
    property string help: ""
    default property alias field: slot.data

    spacing: Theme.gapXl

    ColumnLayout {
        Layout.fillWidth: true
        Layout.alignment: Qt.AlignVCenter
        spacing: 2

        Label {
            Layout.fillWidth: true
            text: root.label
            wrapMode: Text.Wrap
        }
        Label {
            Layout.fillWidth: true
            visible: text !== ""
            text: root.help
            muted: true
            font.pixelSize: Theme.small
            wrapMode: Text.Wrap
        }
    }
    RowLayout {
        id: slot

        Layout.alignment: Qt.AlignVCenter | Qt.AlignRight
        spacing: Theme.gapS
    }
}
