// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// Asks how long the old key is to work beside the new one.
Dialog {
    id: root

    property double keyId: 0
    property string keyName: ""
    property string problem: ""

    readonly property var overlaps: [
        {hours: 0, text: qsTr("not at all")},
        {hours: 1, text: qsTr("1 hour")},
        {hours: 24, text: qsTr("24 hours")},
        {hours: 168, text: qsTr("7 days")}
    ]

    function ask(id: double, name: string) {
        keyId = id;
        keyName = name;
        problem = "";
        overlapBox.currentIndex = 2;
        open();
    }

    width: 460
    //: %1 is the name of a client key
    title: qsTr("Rotate “%1”").arg(keyName)
    subtitle: qsTr("Makes a new key with the same rules. Meanwhile the old one goes on working, so that nothing stops while you put the new one in place.")

    Field {
        Layout.fillWidth: true
        label: qsTr("The old key works for")

        ComboBox {
            id: overlapBox

            Layout.fillWidth: true
            objectName: "overlapBox"
            name: qsTr("How long the old key works")
            model: root.overlaps
            textRole: "text"
            valueRole: "hours"
        }
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
            objectName: "rotateButton"
            text: qsTr("Rotate")
            kind: Button.Primary
            enabled: !App.keys.busy
            onClicked: App.keys.rotate(root.keyId, root.overlaps[overlapBox.currentIndex].hours)
        }
    ]

    Connections {
        target: App.keys
        enabled: root.visible

        function onRotated() {
            root.close();
        }
        function onFailed(message) {
            root.problem = message;
        }
    }
}
