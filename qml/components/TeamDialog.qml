// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// Makes a team, or changes one.
Dialog {
    id: root

    property double teamId: 0
    property string originalName: ""
    property var loaded: ({})
    property string problem: ""

    readonly property bool adding: teamId === 0
    readonly property string nameProblem: nameField.text === "" ? "" : App.teams.nameProblem(nameField.text, teamId)
    readonly property var values: Object.assign({}, loaded, policy.values)
    readonly property var problems: App.teams.formProblems(values)
    readonly property bool complete: nameField.text.trim() !== "" && nameProblem === "" && Object.keys(problems).length === 0

    function load(id: double) {
        loaded = App.teams.form(id);
        teamId = id;
        originalName = loaded.name;
        problem = "";
        nameField.text = loaded.name;
        policy.load(loaded);
        open();
    }
    function save() {
        if (complete && !App.teams.busy)
            App.teams.save(teamId, nameField.text.trim(), values);
    }

    title: adding ? qsTr("Create a team") : qsTr("Edit “%1”").arg(originalName)
    subtitle: qsTr("All its keys together stay within these limits, and each within its own.")
    onOpened: nameField.forceActiveFocus()

    Field {
        Layout.fillWidth: true
        label: qsTr("Name")
        problem: root.nameProblem

        TextField {
            id: nameField

            Layout.fillWidth: true
            objectName: "teamNameField"
            name: qsTr("Name of the team")
            placeholderText: qsTr("For example: research")
            problem: root.nameProblem !== ""
            onAccepted: root.save()
        }
    }
    PolicyFields {
        id: policy

        Layout.fillWidth: true
        problems: root.problems
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
            objectName: "saveTeamButton"
            text: root.adding ? qsTr("Create") : qsTr("Save")
            kind: Button.Primary
            enabled: root.complete && !App.teams.busy
            onClicked: root.save()
        }
    ]

    Connections {
        target: App.teams
        enabled: root.visible

        function onSaved() {
            root.close();
        }
        function onFailed(message) {
            root.problem = message;
        }
    }
}
