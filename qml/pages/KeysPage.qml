// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// The client keys: make, see who uses them, revoke.
FocusScope {
    id: root

    ColumnLayout {
        anchors.fill: parent
        anchors.margins: Theme.gapXl
        spacing: Theme.gapL

        PageHeader {
            id: pageHeader

            Layout.fillWidth: true
            title: qsTr("Client keys")
            sentence: qsTr("Programs show one of these to Tidegate. Provider keys stay here and are never given out.")
            actionText: qsTr("Create a key")
            onTriggered: creation.create()
        }
        Card {
            Layout.fillWidth: true
            Layout.preferredHeight: Math.min(header.height + list.contentHeight, parent.height - pageHeader.height - parent.spacing)
            visible: App.keys.count > 0

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
                    onRevokeRequested: revocation.ask(keyId, name)
                }
            }
        }
        Item {
            Layout.fillHeight: true
            visible: App.keys.count > 0
        }
        EmptyState {
            Layout.fillWidth: true
            Layout.fillHeight: true
            visible: App.keys.count === 0
            iconName: "key-round"
            title: qsTr("No client key yet")
            sentence: qsTr("A key lets one program in. Make one for each, and revoke it without touching the others.")
            actionText: qsTr("Create a key")
            snippet: "export OPENAI_BASE_URL=" + App.gateway.baseUrl + "\nexport OPENAI_API_KEY=tg-…"
            onTriggered: creation.create()
            onCopyRequested: text => App.copyText(text)
        }
    }
    KeyCreateDialog {
        id: creation
    }
    ConfirmDialog {
        id: revocation

        property double keyId: 0

        function ask(id: double, name: string) {
            keyId = id;
            typed = name;
            problem = "";
            open();
        }

        //: %1 is the name of a client key
        title: qsTr("Revoke “%1”?").arg(typed)
        subtitle: qsTr("Programs that use it are refused at once. This cannot be undone.")
        actionText: qsTr("Revoke")
        onConfirmed: App.keys.revoke(keyId)
    }
    Connections {
        target: App.keys

        function onRevoked(name) {
            revocation.close();
        }
        function onFailed(message) {
            revocation.problem = message;
        }
    }
}
