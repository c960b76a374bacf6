// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// The backends as cards; add, test, change and remove them.
FocusScope {
    id: root

    ColumnLayout {
        anchors.fill: parent
        anchors.margins: Theme.gapXl
        anchors.bottomMargin: 0
        spacing: Theme.gapL

        PageHeader {
            Layout.fillWidth: true
            title: qsTr("Backends")
            sentence: qsTr("Where requests go. Clients keep one URL and one key, whatever stands behind.")
            actionText: qsTr("Add a backend")
            onTriggered: dialog.add()
        }
        Item {
            Layout.fillWidth: true
            Layout.fillHeight: true

            GridView {
                id: grid

                readonly property int columns: Math.max(1, Math.floor(width / 400))

                anchors.fill: parent
                anchors.rightMargin: -Theme.gapM
                model: App.backends
                cellWidth: Math.floor(width / columns)
                cellHeight: 180
                clip: true
                boundsBehavior: Flickable.StopAtBounds
                activeFocusOnTab: false
                keyNavigationEnabled: false
                T.ScrollBar.vertical: ScrollBar {}

                Accessible.role: Accessible.List
                Accessible.name: qsTr("Backends")

                delegate: Item {
                    id: cell

                    required property string name
                    required property string typeLabel
                    required property string url
                    required property int keyState
                    required property string keyStateText
                    required property string modelsText
                    required property string originText
                    required property bool readOnly
                    required property int testState
                    required property string testText
                    required property string accessibleText
                    required property var model

                    width: grid.cellWidth
                    height: grid.cellHeight

                    BackendDelegate {
                        anchors.fill: parent
                        anchors.rightMargin: Theme.gapM
                        anchors.bottomMargin: Theme.gapM
                        name: cell.name
                        typeLabel: cell.typeLabel
                        url: cell.url
                        keyState: cell.keyState
                        keyStateText: cell.keyStateText
                        modelsText: cell.modelsText
                        originText: cell.originText
                        readOnly: cell.readOnly
                        fallback: cell.model.isDefault
                        testState: cell.testState
                        testText: cell.testText
                        accessibleText: cell.accessibleText
                        onTestRequested: App.backends.testSaved(cell.name)
                        onEditRequested: dialog.edit(cell.name)
                        onRemoveRequested: removal.ask(cell.name)
                    }
                }
            }
            EmptyState {
                anchors.fill: parent
                visible: App.backends.count === 0
                iconName: "server"
                title: qsTr("No backend yet")
                sentence: qsTr("Add a server on this machine or a provider with its key, and its models are served at once.")
                actionText: qsTr("Add a backend")
                snippet: "ollama serve\nollama pull qwen2.5:7b"
                onTriggered: dialog.add()
                onCopyRequested: text => App.copyText(text)
            }
        }
    }
    BackendDialog {
        id: dialog
    }
    ConfirmDialog {
        id: removal

        property string name: ""

        function ask(backend: string) {
            name = backend;
            problem = "";
            open();
        }

        //: %1 is the name of a backend
        title: qsTr("Remove “%1”?").arg(name)
        subtitle: qsTr("Its models are no longer served, and its key is deleted from the keychain. Requests in flight go on.")
        actionText: qsTr("Remove")
        onConfirmed: App.backends.remove(name)
    }
    Connections {
        target: App.backends

        function onRemoved(name) {
            removal.close();
        }
        function onRemoveFailed(name, message) {
            removal.problem = message;
        }
    }
}
