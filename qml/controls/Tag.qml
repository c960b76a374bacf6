// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// A small framed word that says what something is; never a state.
Rectangle {
    id: root

    required property string text
    property bool mono: true

    implicitWidth: Math.min(label.implicitWidth + Theme.gapS * 2, 240)
    implicitHeight: Theme.unit * 5
    radius: Theme.smallRadius
    color: Theme.colors.hover

    Label {
        id: label

        anchors.fill: parent
        anchors.leftMargin: Theme.gapS
        anchors.rightMargin: Theme.gapS
        text: root.text
        mono: root.mono
        font.pixelSize: Theme.caption
        elide: Text.ElideMiddle
    }
}
