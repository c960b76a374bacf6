// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// A text field with a magnifier, a clear button and room for an error below it.
TextField {
    id: control

    property string iconName: "search"

    leftPadding: Theme.gapXxl
    rightPadding: Theme.gapXxl
    Keys.onEscapePressed: event => {
        event.accepted = text !== "";
        text = "";
    }

    Icon {
        x: Theme.gapS
        anchors.verticalCenter: parent.verticalCenter
        name: control.iconName
        color: control.problem ? Theme.colors.bad : Theme.colors.muted
    }
    IconButton {
        anchors.right: parent.right
        anchors.rightMargin: Theme.unit / 2
        anchors.verticalCenter: parent.verticalCenter
        visible: control.text !== ""
        focusPolicy: Qt.NoFocus
        iconName: "x"
        text: qsTr("Clear the field")
        onClicked: control.text = ""
    }
}
