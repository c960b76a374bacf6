// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// A short message at the bottom that goes by itself, with an action if there is one.
Rectangle {
    id: root

    property string actionText: ""
    property int duration: Theme.toastDuration

    signal triggered

    function show(message: string) {
        label.text = message;
        timer.restart();
    }
    function hide() {
        timer.stop();
    }

    visible: timer.running
    width: Math.min(label.implicitWidth + Theme.gapXl + (action.visible ? action.width + Theme.gapS : 0), parent.width - Theme.gapXxl)
    height: Theme.rowHeight + Theme.unit
    radius: Theme.radius
    color: Theme.colors.raised
    border.width: Theme.hairline
    border.color: Theme.colors.border

    Accessible.role: Accessible.AlertMessage
    Accessible.name: label.text

    Label {
        id: label

        anchors.fill: parent
        anchors.leftMargin: Theme.gapM
        anchors.rightMargin: action.visible ? action.width + Theme.gapM : Theme.gapM
        elide: Text.ElideRight
    }
    Button {
        id: action

        objectName: "toastAction"
        anchors.right: parent.right
        anchors.rightMargin: Theme.gapXs
        anchors.verticalCenter: parent.verticalCenter
        visible: root.actionText !== ""
        compact: true
        text: root.actionText
        onClicked: {
            root.hide();
            root.triggered();
        }
    }
    Timer {
        id: timer

        interval: root.duration
    }
}
