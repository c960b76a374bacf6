// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate

/// Title, one explaining sentence and the page's main button.
RowLayout {
    id: root

    required property string title
    property string sentence: ""
    property string actionText: ""
    property string actionIcon: "plus"

    signal triggered

    spacing: Theme.gapL

    ColumnLayout {
        Layout.fillWidth: true
        spacing: 2

        Label {
            text: root.title
            strong: true
            font.pixelSize: Theme.title
            Accessible.role: Accessible.Heading
            Accessible.name: text
        }
        Label {
            Layout.fillWidth: true
            visible: text !== ""
            text: root.sentence
            muted: true
            elide: Text.ElideRight
        }
    }
    Button {
        objectName: "pageAction"
        visible: root.actionText !== ""
        kind: Button.Primary
        iconName: root.actionIcon
        text: root.actionText
        onClicked: root.triggered()
    }
}
