// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// One figure with its change since the period before.
Card {
    id: root

    /// A map with label, value, detail, delta, worse, better and spoken.
    required property var tile

    implicitHeight: 92

    Accessible.role: Accessible.StaticText
    Accessible.name: tile.spoken

    Column {
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.verticalCenter: parent.verticalCenter
        anchors.leftMargin: Theme.gapL
        anchors.rightMargin: Theme.gapM
        spacing: 2

        Item {
            width: parent.width
            height: label.implicitHeight

            Label {
                id: label

                anchors.left: parent.left
                width: parent.width - delta.implicitWidth - Theme.gapXs
                text: root.tile.label
                elide: Text.ElideRight
                muted: true
                font.pixelSize: Theme.small
            }
            Label {
                id: delta

                anchors.right: parent.right
                text: root.tile.delta
                mono: true
                color: root.tile.worse ? Theme.colors.bad : root.tile.better ? Theme.colors.good : Theme.colors.muted
                font.pixelSize: Theme.caption
            }
        }
        Label {
            width: parent.width
            text: root.tile.value
            mono: true
            strong: true
            font.pixelSize: Theme.display
            fontSizeMode: Text.HorizontalFit
            minimumPixelSize: Theme.lead
        }
        Label {
            width: parent.width
            text: root.tile.detail
            muted: true
            font.pixelSize: Theme.small
            elide: Text.ElideRight
        }
    }
}
