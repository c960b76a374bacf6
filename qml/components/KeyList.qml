// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// The client keys as a table, with a menu of actions for each.
Card {
    id: root

    signal editRequested(double keyId)
    signal rotateRequested(double keyId, string name)
    signal revokeRequested(double keyId, string name)
    signal deleteRequested(double keyId, string name)

    implicitHeight: header.height + list.contentHeight

    KeyColumns {
        id: keyColumns

        available: list.width - Theme.gapL * 2
    }
    KeyHeader {
        id: header

        width: parent.width
        columns: keyColumns
    }
    ListView {
        id: list

        objectName: "keyList"
        anchors.fill: parent
        anchors.topMargin: header.height
        model: App.keys
        clip: true
        boundsBehavior: Flickable.StopAtBounds
        keyNavigationEnabled: false
        T.ScrollBar.vertical: ScrollBar {}

        Accessible.role: Accessible.List
        Accessible.name: qsTr("Client keys")

        delegate: KeyDelegate {
            required property var model
            required property int index

            width: ListView.view.width
            keyState: model.state
            columns: keyColumns
            last: index === App.keys.count - 1
            onMenuRequested: button => menu.openFor(keyId, name, keyState, button)
        }
    }
    Menu {
        id: menu

        property double keyId: 0
        property string keyName: ""
        property int keyState: KeysModel.State.Active

        readonly property bool inForce: keyState !== KeysModel.State.Revoked

        function openFor(id: double, name: string, state: int, button: Item) {
            keyId = id;
            keyName = name;
            keyState = state;
            popup(button, button.width - width, button.height + Theme.gapXs);
        }

        MenuItem {
            objectName: "editKey"
            shown: menu.inForce
            iconName: "pencil"
            text: qsTr("Edit")
            onTriggered: root.editRequested(menu.keyId)
        }
        MenuItem {
            objectName: "rotateKey"
            shown: menu.inForce
            iconName: "rotate-cw"
            text: qsTr("Rotate")
            onTriggered: root.rotateRequested(menu.keyId, menu.keyName)
        }
        MenuItem {
            objectName: "disableKey"
            shown: menu.inForce
            iconName: menu.keyState === KeysModel.State.Disabled ? "play" : "pause"
            text: menu.keyState === KeysModel.State.Disabled ? qsTr("Enable") : qsTr("Disable")
            onTriggered: App.keys.setDisabled(menu.keyId, menu.keyState !== KeysModel.State.Disabled)
        }
        MenuItem {
            objectName: "revokeKey"
            shown: menu.inForce
            iconName: "ban"
            text: qsTr("Revoke")
            onTriggered: root.revokeRequested(menu.keyId, menu.keyName)
        }
        MenuItem {
            objectName: "deleteKey"
            iconName: "trash-2"
            text: qsTr("Delete")
            onTriggered: root.deleteRequested(menu.keyId, menu.keyName)
        }
    }
}
