// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// Makes a client key, or changes one.
Dialog {
    id: root

    property double keyId: 0
    property string originalName: ""
    property var loaded: ({})
    property string problem: ""

    readonly property bool adding: keyId === 0
    //: The key belongs to no team
    readonly property var noTeam: [qsTr("none")]
    readonly property string nameProblem: nameField.text === "" ? "" : App.keys.nameProblem(nameField.text, keyId)
    readonly property var values: Object.assign({}, loaded, policy.values, {
        team: teamBox.currentIndex > 0 ? teamBox.model[teamBox.currentIndex] : "",
        models: modelsField.text,
        expires: expiresField.text,
        allowedIps: ipsField.text
    })
    readonly property var problems: App.keys.formProblems(values)
    readonly property bool complete: nameField.text.trim() !== "" && nameProblem === "" && Object.keys(problems).length === 0

    function load(id: double) {
        loaded = App.keys.form(id);
        keyId = id;
        originalName = loaded.name;
        problem = "";
        nameField.text = loaded.name;
        teamBox.currentIndex = Math.max(0, teamBox.model.indexOf(loaded.team));
        modelsField.text = loaded.models;
        expiresField.text = loaded.expires;
        ipsField.text = loaded.allowedIps;
        policy.load(loaded);
        open();
    }
    function create() {
        load(0);
    }
    function edit(id: double) {
        load(id);
    }
    function save() {
        if (!complete || App.keys.busy)
            return;
        adding ? App.keys.create(nameField.text.trim(), values) : App.keys.update(keyId, nameField.text.trim(), values);
    }

    width: Math.min(600, parent ? parent.width - Theme.gapXxl * 2 : 600)
    title: adding ? qsTr("Create a client key") : qsTr("Edit “%1”").arg(originalName)
    subtitle: adding ? qsTr("One key for each program or person, so that each can be told apart and revoked.") : qsTr("A change holds for the next request.")
    onOpened: nameField.forceActiveFocus()

    GridLayout {
        Layout.fillWidth: true
        columns: 2
        columnSpacing: Theme.gapM
        rowSpacing: Theme.gapM

        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            label: qsTr("Name")
            problem: root.nameProblem

            TextField {
                id: nameField

                Layout.fillWidth: true
                objectName: "keyNameField"
                name: qsTr("Name of the key")
                placeholderText: qsTr("For example: laptop, ci, notebook")
                problem: root.nameProblem !== ""
                onAccepted: root.save()
            }
        }
        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            label: qsTr("Team")

            ComboBox {
                id: teamBox

                Layout.fillWidth: true
                objectName: "teamBox"
                name: qsTr("Team of the key")
                model: root.noTeam.concat(Array.from(App.teams.names))
            }
        }
        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            label: qsTr("Models")
            hint: qsTr("Names or patterns, separated by commas.")

            TextField {
                id: modelsField

                Layout.fillWidth: true
                objectName: "modelsField"
                mono: true
                name: qsTr("Models that the key may use")
                placeholderText: qsTr("every model")
            }
        }
        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            label: qsTr("Expires")
            problem: root.problems.expires ?? ""
            hint: qsTr("A day, in UTC.")

            TextField {
                id: expiresField

                Layout.fillWidth: true
                objectName: "expiresField"
                mono: true
                name: qsTr("Day on which the key expires")
                placeholderText: qsTr("never")
                problem: (root.problems.expires ?? "") !== ""
            }
        }
        Field {
            Layout.fillWidth: true
            Layout.columnSpan: 2
            label: qsTr("Allowed addresses")
            problem: root.problems.allowedIps ?? ""

            TextField {
                id: ipsField

                Layout.fillWidth: true
                objectName: "ipsField"
                mono: true
                name: qsTr("Addresses from which the key may be used")
                placeholderText: qsTr("everywhere, or e.g. 127.0.0.0/8, 192.168.1.20")
                problem: (root.problems.allowedIps ?? "") !== ""
            }
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
            objectName: "createButton"
            text: root.adding ? qsTr("Create") : qsTr("Save")
            kind: Button.Primary
            enabled: root.complete && !App.keys.busy
            onClicked: root.save()
        }
    ]

    Connections {
        target: App.keys
        enabled: root.visible

        function onCreated() {
            root.close();
        }
        function onUpdated() {
            root.close();
        }
        function onFailed(message) {
            root.problem = message;
        }
    }
}
