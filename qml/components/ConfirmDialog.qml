// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate

/// A question before something that cannot be undone; `typed` asks for a name to be typed first.
Dialog {
    id: root

    required property string actionText
    property int actionKind: Button.Danger
    property string typed: ""
    property string problem: ""

    signal confirmed

    readonly property bool allowed: typed === "" || field.text === typed

    width: 460
    onAboutToShow: field.text = ""
    onOpened: if (typed !== "")
        field.forceActiveFocus()

    Label {
        Layout.fillWidth: true
        visible: root.typed !== ""
        //: %1 is a name that has to be typed
        text: qsTr("Type “%1” to confirm.").arg(root.typed)
        wrapMode: Text.Wrap
    }
    TextField {
        id: field

        Layout.fillWidth: true
        objectName: "confirmField"
        visible: root.typed !== ""
        name: qsTr("Name to confirm")
        onAccepted: if (root.allowed)
            root.confirmed()
    }
    ResultLine {
        Layout.fillWidth: true
        ok: false
        text: root.problem
    }
    buttons: [
        Item {
            Layout.fillWidth: true
        },
        Button {
            text: qsTr("Cancel")
            kind: Button.Ghost
            onClicked: root.close()
        },
        Button {
            objectName: "confirmButton"
            text: root.actionText
            kind: root.actionKind
            enabled: root.allowed
            onClicked: root.confirmed()
        }
    ]
}
