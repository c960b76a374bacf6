// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate

/// A form field: its name above, a hint or a problem below.
ColumnLayout {
    id: root

    required property string label
    property string hint: ""
    property string problem: ""
    default property alias field: slot.data

    spacing: Theme.gapXs

    Label {
        visible: text !== ""
        text: root.label
        strong: true
        font.pixelSize: Theme.small
    }
    RowLayout {
        id: slot

        Layout.fillWidth: true
        spacing: Theme.gapS
    }
    Label {
        Layout.fillWidth: true
        visible: text !== ""
        text: root.problem !== "" ? root.problem : root.hint
        color: root.problem !== "" ? Theme.colors.bad : Theme.colors.muted
        font.pixelSize: Theme.small
        wrapMode: Text.Wrap
    }
}
