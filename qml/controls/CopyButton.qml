// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// Copies something, and says "Copied" for a moment.
IconButton {
    id: control

    /// What is copied: "base URL".
    required property string name
    readonly property bool flashing: flash.running

    iconName: flashing ? "check" : "copy"
    tinted: flashing
    //: %1 is what gets copied: "base URL", "curl command"
    text: flashing ? qsTr("Copied") : qsTr("Copy %1").arg(name)
    onClicked: flash.restart()

    Timer {
        id: flash

        interval: Theme.flashDuration
    }
    Rectangle {
        anchors.right: parent.left
        anchors.verticalCenter: parent.verticalCenter
        width: copied.implicitWidth + Theme.gapM
        height: Theme.unit * 5
        radius: Theme.smallRadius
        visible: control.flashing
        color: Theme.colors.goodTint

        Label {
            id: copied

            anchors.centerIn: parent
            text: qsTr("Copied")
            color: Theme.colors.good
            strong: true
            font.pixelSize: Theme.caption
        }
    }
}
