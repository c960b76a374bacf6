// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// The backends by priority, with all there is to know about one of them beside the list.
FocusScope {
    id: root

    /// Lists that change while the window is being made leave Qt 6.4's layouts with items that are
    /// gone, and the next change of size crashes.
    property bool settled: false

    Timer {
        interval: 0
        running: true
        onTriggered: root.settled = true
    }
    Binding {
        target: App.backends
        property: "watched"
        value: root.settled && root.visible && root.Window.visibility !== Window.Hidden && root.Window.visibility !== Window.Minimized
    }
    ColumnLayout {
        anchors.fill: parent
        anchors.margins: Theme.gapXl
        anchors.bottomMargin: 0
        spacing: Theme.gapL

        PageHeader {
            Layout.fillWidth: true
            title: qsTr("Backends")
            sentence: qsTr("Where requests go, the first of the list first. Clients keep one URL and one key, whatever stands behind.")
            actionText: qsTr("Add a backend")
            onTriggered: dialog.add()
        }
        RowLayout {
            Layout.fillWidth: true
            Layout.fillHeight: true
            Layout.bottomMargin: Theme.gapXl
            visible: App.backends.count > 0
            spacing: Theme.gapXs

            BackendList {
                id: list

                Layout.fillWidth: true
                Layout.fillHeight: true
                focus: true
            }
            BackendPanel {
                Layout.preferredWidth: Math.max(380, Math.min(480, root.width * 0.38))
                Layout.fillHeight: true
                onEditRequested: name => dialog.edit(name)
                onRemoveRequested: name => removal.ask(name)
                onDrainRequested: (name, active) => draining.ask(name, active)
                onTripRequested: name => trip.ask(name)
                onConfirmRequested: (name, command) => commandDialog.ask(name, command)
            }
        }
        Item {
            Layout.fillWidth: true
            Layout.fillHeight: true
            visible: App.backends.count === 0

            EmptyState {
                anchors.fill: parent
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
    TripDialog {
        id: trip
    }
    CommandDialog {
        id: commandDialog
    }
    ConfirmDialog {
        id: draining

        property string name: ""
        property int active: 0

        function ask(backend: string, requests: int) {
            name = backend;
            active = requests;
            open();
        }

        //: %1 is the name of a backend
        title: qsTr("Drain “%1”?").arg(name)
        subtitle: active > 0 ? qsTr("It gets no new requests until you resume it, also after a restart. %n request(s) under way go on to their end.", "", active) : qsTr("It gets no new requests until you resume it, also after a restart.")
        actionText: qsTr("Drain")
        actionKind: Button.Primary
        onConfirmed: {
            App.backends.drain(name);
            close();
        }
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
