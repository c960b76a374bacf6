// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate

/// A titled card of settings.
ColumnLayout {
    id: root

    required property string title
    default property alias rows: column.data

    spacing: Theme.gapS

    Label {
        text: root.title
        strong: true
        font.pixelSize: Theme.lead
        Accessible.role: Accessible.Heading
        Accessible.name: text
    }
    Card {
        Layout.fillWidth: true
        implicitHeight: column.implicitHeight + Theme.gapL * 2

        ColumnLayout {
            id: column

            anchors.left: parent.left
            anchors.right: parent.right
            anchors.top: parent.top
            anchors.margins: Theme.gapL
            spacing: Theme.gapL
        }
    }
}
