// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// A field for a key: hidden, shown while the eye is on, never offered to input history.
TextField {
    id: control

    mono: true
    rightPadding: Theme.gapXxl
    echoMode: eye.checked ? TextInput.Normal : TextInput.Password
    passwordCharacter: "•"
    inputMethodHints: Qt.ImhHiddenText | Qt.ImhSensitiveData | Qt.ImhNoPredictiveText | Qt.ImhNoAutoUppercase
    // A hidden field gives no Accessible.name in Qt, only its description.
    Accessible.description: name

    IconButton {
        id: eye

        anchors.right: parent.right
        anchors.rightMargin: Theme.unit / 2
        anchors.verticalCenter: parent.verticalCenter
        checkable: true
        visible: control.text !== ""
        iconName: checked ? "eye-off" : "eye"
        text: checked ? qsTr("Hide the key") : qsTr("Show the key")
    }
}
