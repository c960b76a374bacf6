// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// The client keys and the teams: make them, bound what they use, see who uses how much.
FocusScope {
    id: root

    readonly property bool ofTeams: sections.value === "teams"

    ColumnLayout {
        id: column

        anchors.fill: parent
        anchors.margins: Theme.gapXl
        spacing: Theme.gapL

        PageHeader {
            id: pageHeader

            Layout.fillWidth: true
            title: root.ofTeams ? qsTr("Teams") : qsTr("Client keys")
            sentence: root.ofTeams ? qsTr("Keys of a team share its limits and its budget.") : qsTr("Programs show one of these to Tidegate. Provider keys stay here and are never given out.")
            actionText: root.ofTeams ? qsTr("Create a team") : qsTr("Create a key")
            onTriggered: root.ofTeams ? teamDialog.load(0) : keyDialog.create()
        }
        RowLayout {
            id: bar

            Layout.fillWidth: true

            Segmented {
                id: sections

                objectName: "keySections"
                name: qsTr("Show")
                value: "keys"
                options: [
                    {value: "keys", text: qsTr("Keys"), icon: "key-round"},
                    {value: "teams", text: qsTr("Teams"), icon: "users"}
                ]
                onChosen: value => sections.value = value
            }
            Item {
                Layout.fillWidth: true
            }
            Button {
                objectName: "exportKeys"
                visible: !root.ofTeams && App.keys.count > 0
                compact: true
                iconName: "download"
                text: qsTr("Export CSV")
                onClicked: App.saveKeysCsv()
            }
        }
        KeyList {
            Layout.fillWidth: true
            Layout.preferredHeight: Math.min(implicitHeight, column.height - pageHeader.height - bar.height - column.spacing * 2)
            visible: !root.ofTeams && App.keys.count > 0
            onEditRequested: keyId => keyDialog.edit(keyId)
            onRotateRequested: (keyId, name) => rotation.ask(keyId, name)
            onRevokeRequested: (keyId, name) => revocation.ask(keyId, name)
            onDeleteRequested: (keyId, name) => deletion.ask(keyId, name)
        }
        TeamList {
            Layout.fillWidth: true
            Layout.preferredHeight: Math.min(implicitHeight, column.height - pageHeader.height - bar.height - column.spacing * 2)
            visible: root.ofTeams && App.teams.count > 0
            onEditRequested: teamId => teamDialog.load(teamId)
            onRemoveRequested: (teamId, name) => teamRemoval.ask(teamId, name)
        }
        Item {
            Layout.fillHeight: true
            visible: root.ofTeams ? App.teams.count > 0 : App.keys.count > 0
        }
        EmptyState {
            Layout.fillWidth: true
            Layout.fillHeight: true
            visible: !root.ofTeams && App.keys.count === 0
            iconName: "key-round"
            title: qsTr("No client key yet")
            sentence: qsTr("A key lets one program in. Make one for each, and revoke it without touching the others.")
            actionText: qsTr("Create a key")
            snippet: "export OPENAI_BASE_URL=" + App.gateway.baseUrl + "\nexport OPENAI_API_KEY=tg-…"
            onTriggered: keyDialog.create()
            onCopyRequested: text => App.copyText(text)
        }
        EmptyState {
            Layout.fillWidth: true
            Layout.fillHeight: true
            visible: root.ofTeams && App.teams.count === 0
            iconName: "users"
            title: qsTr("No team yet")
            sentence: qsTr("A team is a set of keys with one budget: when it is spent, all of them wait for the next period.")
            actionText: qsTr("Create a team")
            snippet: "teams:\n  research: { budget: { usd: 500, period: month } }"
            onTriggered: teamDialog.load(0)
            onCopyRequested: text => App.copyText(text)
        }
    }
    KeyDialog {
        id: keyDialog
    }
    NewKeyDialog {
        id: newKey
    }
    RotateDialog {
        id: rotation
    }
    TeamDialog {
        id: teamDialog
    }
    Toast {
        id: undo

        property double keyId: 0

        anchors.horizontalCenter: parent.horizontalCenter
        anchors.bottom: parent.bottom
        anchors.bottomMargin: Theme.gapXl
        duration: Theme.undoDuration
        actionText: qsTr("Undo")
        onTriggered: App.keys.setDisabled(keyId, false)
    }

    component KeyQuestion: ConfirmDialog {
        property double keyId: 0

        function ask(id: double, name: string) {
            keyId = id;
            typed = name;
            problem = "";
            open();
        }
    }

    KeyQuestion {
        id: revocation

        //: %1 is the name of a client key
        title: qsTr("Revoke “%1”?").arg(typed)
        subtitle: qsTr("Programs that use it are refused at once. This cannot be undone.")
        actionText: qsTr("Revoke")
        onConfirmed: App.keys.revoke(keyId)
    }
    KeyQuestion {
        id: deletion

        //: %1 is the name of a client key
        title: qsTr("Delete “%1”?").arg(typed)
        subtitle: qsTr("Programs that use it are refused at once, and it goes from this list. What it used stays in the usage figures. This cannot be undone.")
        actionText: qsTr("Delete")
        onConfirmed: App.keys.remove(keyId)
    }
    ConfirmDialog {
        id: teamRemoval

        property double teamId: 0
        property string name: ""

        function ask(id: double, team: string) {
            teamId = id;
            name = team;
            problem = "";
            open();
        }

        //: %1 is the name of a team
        title: qsTr("Remove “%1”?").arg(name)
        subtitle: qsTr("Its limits and its budget go. Keys that belong to it have to leave it first.")
        actionText: qsTr("Remove")
        onConfirmed: App.teams.remove(teamId)
    }
    Connections {
        target: App.keys

        function onCreated(plaintext, name) {
            if (root.visible)
                newKey.show(plaintext, name, 0);
        }
        function onRotated(plaintext, name, overlapHours) {
            newKey.show(plaintext, name, overlapHours);
        }
        function onRevoked(name) {
            revocation.close();
        }
        function onRemoved(name) {
            deletion.close();
        }
        function onDisabledChanged(id, name, disabled) {
            undo.hide();
            if (!disabled)
                return;
            undo.keyId = id;
            //: %1 is the name of a client key
            undo.show(qsTr("“%1” is disabled: its requests are refused.").arg(name));
        }
        function onFailed(message) {
            revocation.problem = message;
            deletion.problem = message;
        }
    }
    Connections {
        target: App.teams

        function onRemoved(name) {
            teamRemoval.close();
        }
        function onFailed(message) {
            teamRemoval.problem = message;
        }
    }
}
